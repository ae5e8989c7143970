"""How an upload becomes a file: everything is checked, the chunks are kept for ever, and the commit comes last."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from xxhash import xxh3_128_digest

from backoffice.domain.access import Actor
from backoffice.domain.files import File, FileSpec
from backoffice.domain.folders import Place
from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import UNKNOWN, CarriedChunk, Chunk, ChunkMap, Intent, KeptPlace, Upload, ranges
from backoffice.domain.versions import IdentityChanged
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Conflict,
    Invalid,
    LeaseLost,
    NotFound,
    Unavailable,
)
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.file_ports import FileStore, UploadStore
from backoffice.services.intent_ports import IntentStore
from backoffice.services.ports import Durability
from backoffice.services.uploads.chunks import ATTEMPTS, count_stored, hold_until
from backoffice.services.uploads.cleanup import Cleanup
from backoffice.services.uploads.file_of import as_it_comes, brought_by, check_wanted, created, file_of, known_digest
from backoffice.services.uploads.reader import read_digest

LEASE_SECONDS = 60
FolderOf = Callable[[Place], str]
"""Gives the identifier of the folder that a place is, and makes it where it has to; raises what the refusal is."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One completer at a time: a lease with a token that the commit checks, so one that lost it changes nothing."""

    uploads: UploadStore
    files: FileStore
    chunks: ChunkStore
    intents: IntentStore
    durability: Durability
    now: Callable[[], int] = now_ms

    def run(
        self,
        actor: Actor,
        upload_id: str,
        owner: str,
        spec: FileSpec,
        size: int,
        *,
        digest: bytes = b"",
        folder_of: FolderOf | None = None,
    ) -> File:
        """The stored file of the `owner`, safe at the store's durability level. `digest`: SHA-256 of the whole, where
        it was taken on the way; `folder_of`: the file goes where the upload says. Two round trips where the bytes and
        the records are in one place, unless all bytes have to be read for the digest, or folders made.

        Raises NotFound, ChunksMissing, ChecksumMismatch, Completing, Invalid (sizes), NameTaken, Unavailable; Gone
        and VersionMismatch of the file that it is for.
        """
        token = new_id()
        leased, chunks = self.lease(upload_id, owner, token)
        with self.reopen_on_error(upload_id, token):
            if leased.concat:
                raise Conflict("This upload is a part of another, or made of others.")
            if leased.tail:
                leased = self._settle_tail(leased, token)
            if folder_of is not None:
                spec = replace(spec, folder=folder_of(leased.place))
            file = self.finish(actor, leased, token, chunks, spec, size, digest=digest)
        self.durability.barrier()
        return file

    def finish(
        self,
        actor: Actor,
        leased: Upload,
        token: str,
        chunks: ChunkMap,
        spec: FileSpec,
        size: int,
        *,
        digest: bytes = b"",
        parts: Sequence[Upload] = (),
    ) -> File:
        """The last steps, under a lease: check, keep, commit; the barrier is for the caller. `parts`: uploads that end
        with it, whose chunks make up the map."""
        digest = digest or known_digest(chunks)
        keep = self._keep_within_commit(leased.id, chunks)
        if keep is None or chunks.size != size or (spec.digest and spec.digest != digest):
            self._check_chunks(leased, chunks, size)
            digest = self._check_digest(actor, leased, token, spec.digest, chunks, digest)
        if keep is None:
            self._keep_before_commit(leased)
        file = replace(file_of(leased, spec, size, digest), created_at=self.now(), content_by=brought_by(actor))
        try:
            return self.uploads.complete(
                leased,
                token,
                file,
                keep or (),
                on_conflict=spec.on_conflict,
                into=spec.into,
                event=created(actor, file),
                parts=parts,
                chunks=chunks if parts else None,
            )
        except ChunksMissing:
            # Nothing has been kept, and it is for us to say which.
            self._check_chunks(leased, chunks, size)
            raise Unavailable from None

    def _keep_before_commit(self, leased: Upload) -> None:
        """Keep the chunks where they lie apart from the records. Raises ChunksMissing, Unavailable."""
        # Bytes that are kept would outlive a record that is lost with its primary, and belong to nobody.
        self.durability.barrier()
        lost = self.chunks.keep(leased.id, leased.chunk_count)
        if lost:
            raise self._missing(leased, lost)
        # No record of a file may be older than its bytes, after a power cut either.
        self.chunks.barrier(leased.id)

    def lease(self, upload_id: str, owner: str, token: str) -> tuple[Upload, ChunkMap]:
        """Be the one who completes it, and its map. Raises what `UploadStore.lease` raises."""
        try:
            return self.uploads.lease(upload_id, owner, token, LEASE_SECONDS)
        except Unavailable:
            # It may have been had all the same.
            with suppress(NotFound):
                self.uploads.release(upload_id, token)
            raise

    def _keep_within_commit(self, upload_id: str, chunks: ChunkMap) -> Sequence[KeptPlace] | None:
        """The chunks that the commit keeps, where it can."""
        there = [chunk.size for chunk in chunks.chunks if chunk is not None]
        if len(there) != len(chunks.chunks):
            return None
        return self.chunks.keep_within_commit(upload_id, there)

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

    def store_whole(self, actor: Actor, spec: FileSpec, content: memoryview, quota: int) -> File:
        """The file of one chunk, stored in one commit and safe at the store's durability level. Where the commit cannot
        carry the bytes they are kept just before it, under an identifier that was noted for that; if no file comes of
        it they go again, at the latest with `Cleanup.sweep`.

        Raises ChecksumMismatch, QuotaExceeded, NameTaken, NotSignedIn (the user was deleted just now), Unavailable;
        Gone and VersionMismatch of the file that it is for.
        """
        digest = hashlib.sha256(content).digest()
        check_wanted(spec.digest, digest)
        file_id = new_id()
        carried = self.chunks.carry(file_id, 0, content) if content else None
        if carried is not None or not content:
            return self._create(actor, file_id, spec, content, digest, quota, carried=carried)
        intent = self.intents.take()
        with self._withdraw_on_error(intent):
            self.chunks.put_ahead(intent.file_id, content)
            return self._create(actor, intent.file_id, spec, content, digest, quota, intent=intent)

    @contextmanager
    def _withdraw_on_error(self, intent: Intent) -> Iterator[None]:
        """No chunk stays without a file. Where the store does not answer, the worker looks at it later."""
        try:
            yield
        except Unavailable:
            raise
        except (BackofficeError, IdentityChanged) as error:
            with suppress(Unavailable):
                Cleanup(self.uploads, self.chunks, self.intents, self.now).withdraw([intent.file_id])
            if isinstance(error, LeaseLost):
                # All this took so long that the worker has given it up.
                raise Unavailable from error
            raise

    def _create(
        self,
        actor: Actor,
        file_id: str,
        spec: FileSpec,
        content: memoryview,
        digest: bytes,
        quota: int,
        *,
        carried: CarriedChunk | None = None,
        intent: Intent | None = None,
    ) -> File:
        chunk = Chunk(len(content), xxh3_128_digest(content)) if content else None
        file = File(
            id=file_id,
            name=spec.name,
            size=len(content),
            mime_type=spec.mime_type,
            owner=actor.owner,
            created_at=self.now(),
            total_chunks=1 if content else 0,
            digest=digest,
            tags=tuple(spec.tags),
            folder=spec.folder,
            content_by=brought_by(actor),
        )
        file = as_it_comes(file, spec, actor.begins_as if actor.acts_for else "")
        file = self.files.create(
            file,
            chunk,
            carried,
            intent=intent,
            quota=quota,
            on_conflict=spec.on_conflict,
            into=spec.into,
            event=created(actor, file),
        )
        count_stored([chunk] if chunk is not None else [])
        self.durability.barrier()
        return file

    @contextmanager
    def reopen_on_error(self, upload_id: str, token: str) -> Iterator[None]:
        """Whatever goes wrong, the upload is open again for the client to mend it."""
        try:
            yield
        except BackofficeError as error:
            if not isinstance(error, Completing):
                with suppress(NotFound):  # the commit went through, and only its answer was lost
                    self.uploads.release(upload_id, token)
            raise

    def _check_chunks(self, upload: Upload, chunks: ChunkMap, total_size: int) -> None:
        """Every chunk is there with its size, and together they have the size announced."""
        indexes = range(upload.chunk_count)
        stored = self.chunks.stat(upload.id, indexes)
        lost = [
            index
            for index, chunk, stat in zip(indexes, chunks.chunks, stored, strict=True)
            if chunk is None or stat is None or not stat.holds(chunk.size)
        ]
        if lost:
            raise self._missing(upload, lost)
        if chunks.size != total_size:
            raise Invalid(
                f"The chunks have {chunks.size} bytes together, not {total_size}.", field="total_size", size=chunks.size
            )

    def _missing(self, upload: Upload, lost: Sequence[int]) -> ChunksMissing:
        """Chunks that turned out not to be there: the client sends just those again. A stream goes on at the first of
        them; those after it are freed, while nobody notes any, for a tail may be among them that was put in its place,
        and the bytes that come again are cut otherwise."""
        if upload.total_chunks == UNKNOWN:
            for index in range(min(lost), upload.chunk_count):
                self.chunks.release(upload.id, index)
        self.uploads.unmark(upload, lost)
        return ChunksMissing(missing=ranges(lost))

    def _check_digest(
        self, actor: Actor, upload: Upload, token: str, wanted: bytes, chunks: ChunkMap, found: bytes
    ) -> bytes:
        """The SHA-256 of the whole: `found`, where it is known, or that of all chunks when the client gave one to
        compare with; else the worker takes it afterwards, and it is empty until then."""
        if wanted and not found:

            def heartbeat() -> None:
                self.uploads.extend(upload, token, LEASE_SECONDS)
                if actor.ground is not None:
                    actor.ground.confirm()

            found = read_digest(self.chunks, upload.id, chunks, heartbeat)
        check_wanted(wanted, found)
        return found
