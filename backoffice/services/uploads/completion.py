"""How an upload becomes a file: everything is checked, the chunks are kept for ever, and the commit comes last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from xxhash import xxh3_128_digest

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import UNKNOWN, Chunk, ChunkMap, Upload, ranges
from backoffice.errors import (
    BackofficeError,
    ChecksumMismatch,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Invalid,
    NotFound,
)
from backoffice.services.file_ports import ChunkStore, FileStore, UploadStore
from backoffice.services.ports import Durability
from backoffice.services.uploads.chunks import ATTEMPTS, hold_until
from backoffice.services.uploads.reader import read_digest

LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Completion:
    """One completer at a time: a lease with a token that the commit checks, so one that lost it changes nothing."""

    uploads: UploadStore
    files: FileStore
    chunks: ChunkStore
    durability: Durability
    trash_seconds: int
    now: Callable[[], int] = now_ms

    def run(self, actor: Actor, upload: Upload, spec: FileSpec, size: int, *, digest: bytes = b"") -> File:
        """The stored file, safe at the store's durability level. `digest`: SHA-256 of the whole, where it was taken on
        the way.

        Raises NotFound, ChunksMissing, ChecksumMismatch, Completing, Invalid (sizes), NameTaken, Unavailable.
        """
        token = new_id()
        with self._reopen_on_error(upload, token):
            self.uploads.lease(upload, token, LEASE_SECONDS)
            leased = self.uploads.get(upload.id)
            if leased is None:
                raise NotFound
            if leased.tail:
                leased = self._settle_tail(leased, token)
            chunks = self._check_chunks(leased, size)
            found = self._check_digest(leased, token, spec.digest, chunks, digest)
            lost = self.chunks.keep(upload.id, leased.chunk_count)
            if lost:
                raise self._missing(leased, lost)
            # No record of a file may be older than its bytes, after a power cut either.
            self.chunks.barrier(upload.id)
            file = self._commit(actor, leased, token, _file(leased, spec, size, found), spec.on_conflict)
        self.durability.barrier()
        return file

    def _settle_tail(self, upload: Upload, token: str) -> Upload:
        """Put the bytes of a stream's tail where those of its last chunk belong. Others that lie there were never
        noted; while this has the lease, nobody notes any."""
        index = upload.received - 1
        tail = self.chunks.get(upload.id, upload.stored_at(index))
        if tail is None:
            raise self._missing(upload, [index])
        for _ in range(ATTEMPTS):
            if self.chunks.put(upload.id, index, tail, hold_until(upload, self.now())):
                break
            if self.chunks.get(upload.id, index) == tail:
                break
            self.chunks.release(upload.id, index)
        else:
            raise ChunkConflict(chunk_index=index)
        settled = self.uploads.settle_tail(upload, token)
        self.chunks.release(upload.id, upload.stored_at(index))
        return settled

    def store_whole(self, actor: Actor, spec: FileSpec, content: memoryview, quota: int) -> File | None:
        """The file of one chunk, stored in one commit and safe at the store's durability level. None where the commit
        cannot carry the bytes; nothing has happened then.

        Raises ChecksumMismatch, QuotaExceeded, NameTaken, NotSignedIn (the user was deleted just now), Unavailable.
        """
        file_id = new_id()
        carried = self.chunks.carry(file_id, 0, content) if content else None
        if content and carried is None:
            return None
        digest = hashlib.sha256(content).digest()
        _check_wanted(spec.digest, digest)
        chunk = Chunk(len(content), xxh3_128_digest(content)) if content else None
        file = File(
            id=file_id,
            name=spec.name,
            size=len(content),
            mime_type=spec.mime_type,
            owner=actor.id,
            created_at=self.now(),
            total_chunks=1 if content else 0,
            digest=digest,
            tags=tuple(spec.tags),
        )
        file = self.files.create(
            file,
            chunk,
            carried,
            quota=quota,
            on_conflict=spec.on_conflict,
            purge_at=self._purge_at(file.created_at),
            event=_created(actor, file),
        )
        self.durability.barrier()
        return file

    def _purge_at(self, now: int) -> int:
        """Until when a file stays in the trash that is replaced now."""
        return now + self.trash_seconds * 1000

    def _commit(self, actor: Actor, upload: Upload, token: str, file: File, on_conflict: OnConflict) -> File:
        now = self.now()
        file, purge_at = replace(file, created_at=now), self._purge_at(now)
        event = _created(actor, file)
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
        chunks = self.uploads.chunk_map(upload.id, upload.chunk_count)
        indexes = range(upload.chunk_count)
        stored = self.chunks.stat(upload.id, indexes)
        lost = [
            index
            for index, chunk, stat in zip(indexes, chunks.chunks, stored, strict=True)
            if chunk is None or stat is None or chunk.size != stat.size
        ]
        if lost:
            raise self._missing(upload, lost)
        if chunks.size != total_size:
            raise Invalid(
                f"The chunks have {chunks.size} bytes together, not {total_size}.", field="total_size", size=chunks.size
            )
        return chunks

    def _missing(self, upload: Upload, lost: Sequence[int]) -> ChunksMissing:
        """Chunks that turned out not to be there: the client sends just those again. A stream goes on at the first of
        them; those after it are freed, while nobody notes any, for a tail may be among them that was put in its place,
        and the bytes that come again are cut otherwise."""
        if upload.total_chunks == UNKNOWN:
            for index in range(min(lost), upload.chunk_count):
                self.chunks.release(upload.id, index)
        self.uploads.unmark(upload, lost)
        return ChunksMissing(missing=ranges(lost))

    def _check_digest(self, upload: Upload, token: str, wanted: bytes, chunks: ChunkMap, found: bytes) -> bytes:
        """The SHA-256 of the whole: that of the only chunk, or of all of them when the client gave one to compare
        with; else the worker takes it afterwards, and it is empty until then."""
        only = chunks.chunks[0] if len(chunks.chunks) == 1 else None
        if found:
            pass
        elif not chunks.chunks:
            found = hashlib.sha256().digest()
        elif only is not None and only.sha256:
            found = only.sha256
        elif wanted:

            def heartbeat() -> None:
                self.uploads.lease(upload, token, LEASE_SECONDS)  # it has the token: only prolonged

            found = read_digest(self.chunks, upload.id, chunks, heartbeat)
        _check_wanted(wanted, found)
        return found


def _check_wanted(wanted: bytes, found: bytes) -> None:
    if wanted and wanted != found:
        raise ChecksumMismatch("The file does not have the checksum announced.", received=found.hex())


def _created(actor: Actor, file: File) -> AuditEvent:
    data = {"size": file.size, **({"sha256": file.sha256} if file.sha256 else {})}
    ref = ObjectRef("file", file.id, file.name)
    return AuditEvent(Actions.FILE_CREATE, actor, ref, data=data, at=file.created_at)


def _file(upload: Upload, spec: FileSpec, size: int, digest: bytes) -> File:
    return File(
        id=upload.id,
        name=spec.name,
        size=size,
        mime_type=spec.mime_type,
        owner=upload.owner,
        created_at=0,
        total_chunks=upload.chunk_count,
        digest=digest,
        tags=tuple(spec.tags),
    )
