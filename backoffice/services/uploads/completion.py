"""How an upload becomes a file: everything is checked, the chunks lose their expiry, and the commit comes last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, OnConflict
from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import ChunkMap, Upload, ranges
from backoffice.errors import BackofficeError, ChecksumMismatch, ChunksMissing, Completing, Invalid, NotFound
from backoffice.services.ports import ChunkStore, Durability, UploadStore
from backoffice.services.uploads.reader import digest

LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Completion:
    """One completer at a time: a lease with a token that the commit checks, so one that lost it changes nothing."""

    uploads: UploadStore
    chunks: ChunkStore
    durability: Durability
    trash_seconds: int
    now: Callable[[], int] = now_ms

    def run(
        self,
        actor: Actor,
        upload: Upload,
        file: File,
        on_conflict: OnConflict,
        *,
        total: int | None = None,
        found: str = "",
    ) -> File:
        """The stored file, safe at the store's durability level. `total` is the number of chunks where the upload
        does not know it yet, `found` the SHA-256 (hex) where it was taken on the way.

        Raises NotFound, ChunksMissing, ChecksumMismatch, Completing, Invalid (sizes), NameTaken, Unavailable.
        """
        token = new_id()
        with self._reopen_on_error(upload, token):
            self.uploads.lease(upload, token, LEASE_SECONDS, total)
            leased = self.uploads.get(upload.id)
            if leased is None:
                raise NotFound
            chunks = self._check_chunks(leased, file.size)
            file = replace(file, total_chunks=leased.total_chunks)
            file = self._check_digest(leased, token, file, chunks, found)
            lost = self.chunks.persist(upload.id, leased.total_chunks)
            if lost:
                raise self._missing(leased, lost)
            file = self._commit(actor, leased, token, file, on_conflict)
        self.durability.barrier()
        return file

    def _commit(self, actor: Actor, upload: Upload, token: str, file: File, on_conflict: OnConflict) -> File:
        now = self.now()
        file = replace(file, created_at=now)
        data = {"size": file.size, **({"sha256": file.sha256} if file.sha256 else {})}
        event = AuditEvent(Actions.FILE_CREATE, actor, ObjectRef("file", file.id, file.name), data=data, at=now)
        purge_at = now + self.trash_seconds * 1000
        return self.uploads.complete(upload, token, file, on_conflict=on_conflict, purge_at=purge_at, event=event)

    @contextmanager
    def _reopen_on_error(self, upload: Upload, token: str) -> Iterator[None]:
        """Whatever goes wrong, the upload is open again for the client to mend it."""
        try:
            yield
        except BackofficeError as error:
            if not isinstance(error, NotFound | Completing):
                with suppress(NotFound):  # the commit went through, and only its answer was lost
                    self.uploads.release(upload, token)
            raise

    def _check_chunks(self, upload: Upload, total_size: int) -> ChunkMap:
        """Every chunk is there with its size, and together they have the size announced."""
        chunks = self.uploads.chunk_map(upload.id, upload.total_chunks)
        indexes = range(upload.total_chunks)
        sizes = self.chunks.sizes(upload.id, indexes)
        lost = [
            index
            for index, chunk, size in zip(indexes, chunks.chunks, sizes, strict=True)
            if chunk is None or chunk.size != size
        ]
        if lost:
            raise self._missing(upload, lost)
        if chunks.size != total_size:
            raise Invalid(
                f"The chunks have {chunks.size} bytes together, not {total_size}.", field="total_size", size=chunks.size
            )
        return chunks

    def _missing(self, upload: Upload, lost: Sequence[int]) -> ChunksMissing:
        """Chunks that turned out not to be there: the client sends just those again."""
        self.uploads.unmark(upload, lost)
        return ChunksMissing(missing=ranges(lost))

    def _check_digest(self, upload: Upload, token: str, file: File, chunks: ChunkMap, found: str) -> File:
        """The SHA-256 of the whole: that of the only chunk, or of all of them when the client gave one to compare
        with; else the worker takes it afterwards."""
        only = chunks.chunks[0] if len(chunks.chunks) == 1 else None
        if found:
            pass
        elif not chunks.chunks:
            found = hashlib.sha256().hexdigest()
        elif only is not None and only.sha256:
            found = only.sha256.hex()
        elif file.sha256:

            def heartbeat() -> None:
                self.uploads.lease(upload, token, LEASE_SECONDS, None)  # it has the token: only prolonged

            found = digest(self.chunks, upload.id, chunks, heartbeat)
        else:
            return file
        if file.sha256 and file.sha256 != found:
            raise ChecksumMismatch("The file does not have the checksum announced.", received=found)
        return replace(file, sha256=found)
