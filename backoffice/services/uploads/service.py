"""The chunk service: how a file arrives.

    open ──complete──▶ completing ──commit──▶ the file is ready
      │                    │ crash, wrong digest or missing chunks: open again
      └──cancel, expiry──▶ aborted ──chunks freed──▶ forgotten

Chunks are born with a time to live and lose it only when the upload is completed, just before the commit; so what a
crash leaves behind is either a whole file or garbage that deletes itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import xxhash

from backoffice.domain.access import Actor, may, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileState, OnConflict, clean_mime_type, clean_name, clean_tags
from backoffice.domain.ids import is_id, new_id
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import UNKNOWN, Chunk, Upload, UploadState
from backoffice.errors import (
    BackofficeError,
    ChecksumMismatch,
    ChunkConflict,
    Completing,
    Conflict,
    Invalid,
    NotFound,
    StoreFull,
    TooLarge,
    Unavailable,
    VersionMismatch,
)
from backoffice.services.authority import require
from backoffice.services.ports import AuditLog, ChunkStore, FileStore, StoreHealth, UploadStore, UserStore
from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.completion import Completion
from backoffice.services.uploads.limits import UploadLimits
from backoffice.services.uploads.status import UploadStatus
from backoffice.services.uploads.streaming import StreamingUpload

WORKER = system_actor("worker", "worker")
UNLIMITED = 2**53 - 1
"""Largest whole number that the store's scripts count exactly."""
GRACE_SECONDS = 3600
"""A chunk outlives its upload by so much, for a completion that began at the last moment."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads of one's own; holders of `files.all:…` reach everybody's."""

    uploads: UploadStore
    files: FileStore
    chunks: ChunkStore
    users: UserStore
    audit: AuditLog
    completion: Completion
    health: StoreHealth
    limits: UploadLimits
    now: Callable[[], int] = now_ms

    # -- start, state, end

    def start(self, actor: Actor, *, total_chunks: int, size: int | None = None, name: str = "") -> Upload:
        """Open an upload of `total_chunks` chunks (UNKNOWN: a body of unknown length) and reserve `size` bytes.

        Raises Invalid, TooLarge, QuotaExceeded, TooMany (open uploads), StoreFull.
        """
        require(self.audit, actor, Permissions.FILES_WRITE)
        limits = self.limits
        if total_chunks != UNKNOWN and not 0 <= total_chunks <= limits.max_chunks:
            raise Invalid(f"total_chunks is a number from 1 to {limits.max_chunks}.", field="total_chunks")
        if size is not None and size < 0:
            raise Invalid("total_size is a number of bytes.", field="total_size")
        if size is not None and size > limits.max_file_size:
            raise TooLarge(f"A file has at most {limits.max_file_size} bytes.", limit=limits.max_file_size)
        if not self.health.room():
            raise StoreFull
        now = self.now()
        dies_at = now + limits.upload_max_seconds * 1000
        upload = Upload(
            id=new_id(),
            owner=actor.id,
            created_at=now,
            dies_at=dies_at,
            expires_at=self._expiry(now, dies_at),
            size=UNKNOWN if size is None else size,
            total_chunks=total_chunks,
            reserved=size or 0,
            quota=self._quota(actor.id),
            name=clean_name(name) if name else "",
        )
        self.uploads.insert(upload, limits.max_open, _event(Actions.UPLOAD_START, actor, upload))
        return upload

    def _quota(self, owner: str) -> int:
        user = self.users.get(owner)
        own = user.quota_bytes if user is not None else None
        quota = self.limits.quota if own is None else own
        return UNLIMITED if quota is None else quota

    def _expiry(self, now: int, dies_at: int) -> int:
        return min(now + self.limits.upload_seconds * 1000, dies_at)

    def state(self, actor: Actor, upload_id: str) -> UploadStatus:
        """How far it is. Raises NotFound."""
        upload = self._get_authorized(actor, upload_id, Permissions.FILES_READ)
        return self._status(upload)

    def _status(self, upload: Upload) -> UploadStatus:
        def missing() -> Sequence[tuple[int, int]]:
            return self.uploads.chunk_map(upload.id, upload.total_chunks).missing

        return UploadStatus(upload, missing)

    def mine(self, actor: Actor, query: Query) -> Page[Upload]:
        """Own uploads in progress."""
        require(self.audit, actor, Permissions.FILES_READ)
        return self.uploads.page(replace(query, filters=(*query.filters, ("owner", actor.id))))

    def page(self, actor: Actor, query: Query) -> Page[Upload]:
        """Everybody's uploads in progress."""
        require(self.audit, actor, Permissions.FILES_ALL_READ)
        return self.uploads.page(query)

    def cancel(self, actor: Actor, upload_id: str) -> None:
        """Give it up; its bytes are freed and its reservation released before this returns."""
        upload = self._get_authorized(actor, upload_id, Permissions.FILES_WRITE)
        self._abort(upload, _event(Actions.UPLOAD_CANCEL, actor, upload))

    def _abort(self, upload: Upload, event: AuditEvent) -> None:
        self._collect(self.uploads.abort(upload, event))

    def _collect(self, upload: Upload) -> None:
        """Free the chunks of an aborted upload, then forget it. One interrupted half-way is finished by `collect`."""
        total = upload.total_chunks
        if total == UNKNOWN:
            # What a long body had stored and not noted yet when its process died, dies by itself.
            total = self.uploads.extent(upload.id)
        self.chunks.delete(upload.id, total)
        self.uploads.forget(upload)

    # -- chunks

    def put_chunk(
        self,
        actor: Actor,
        *,
        upload_id: str | None,
        index: int,
        total_chunks: int,
        data: bytes | memoryview,
        sha256: bytes | None = None,
        size: int | None = None,
        name: str = "",
    ) -> UploadStatus:
        """Store chunk `index`; without an `upload_id` the upload is started with it. Returns when the chunk is kept.

        Chunks come in any order, in parallel and twice; the same bytes again change nothing.
        Raises Invalid, ChecksumMismatch, NotFound, Conflict (another number of chunks than before), ChunkConflict
        (other bytes under this index), UploadClosed, TooLarge, QuotaExceeded, StoreFull.
        """
        require(self.audit, actor, Permissions.FILES_WRITE)
        chunk = self._check_chunk(index, total_chunks, data, sha256)
        if upload_id is not None:
            upload = self._get_authorized(actor, upload_id, Permissions.FILES_WRITE)
            if total_chunks != upload.total_chunks:
                raise Conflict("total_chunks differs from that of the first chunk.", total_chunks=upload.total_chunks)
            return self._status(self._store_chunk(upload, index, data, chunk))
        upload = self.start(actor, total_chunks=total_chunks, size=size, name=name)
        try:
            return self._status(self._store_chunk(upload, index, data, chunk))
        except BackofficeError as error:
            # The client never learns the identifier, so nobody could go on with it.
            self._abort(upload, _event(Actions.UPLOAD_CANCEL, actor, upload, error.code))
            raise

    def _check_chunk(self, index: int, total: int, data: bytes | memoryview, sha256: bytes | None) -> Chunk:
        limits = self.limits
        if not 1 <= total <= limits.max_chunks:
            raise Invalid(f"total_chunks is a number from 1 to {limits.max_chunks}.", field="total_chunks")
        if not 0 <= index < total:
            raise Invalid("chunk_index is a number from 0 to total_chunks - 1.", field="chunk_index")
        if len(data) > limits.max_chunk_size:
            raise TooLarge(f"A chunk has at most {limits.max_chunk_size} bytes.", limit=limits.max_chunk_size)
        if not data and total > 1:
            raise Invalid("Only the one chunk of an empty file may be empty.", field="chunk_data")
        own = hashlib.sha256(data).digest()
        if sha256 is not None and sha256 != own:
            raise ChecksumMismatch(received=own.hex())
        return Chunk(len(data), xxhash.xxh3_128_digest(data), own)

    def _store_chunk(self, upload: Upload, index: int, data: bytes | memoryview, chunk: Chunk) -> Upload:
        if upload.state is UploadState.ABORTED:
            raise NotFound
        kept = self.chunks.put(upload.id, index, data, self._seconds(upload))
        if not kept:
            there = self.chunks.get(upload.id, index)
            if there is not None and hashlib.sha256(there).digest() != chunk.sha256:
                raise ChunkConflict(chunk_index=index)
        try:
            expires_at = self._expiry(self.now(), upload.dies_at)
            return self.uploads.mark(upload, [(index, chunk)], expires_at, self.limits.max_file_size)
        except Unavailable:
            # It may have been noted all the same; if not, the chunk dies by itself.
            raise
        except BackofficeError as error:
            # Where it is being completed, another request has noted these very bytes, and they are needed.
            if kept and error.details.get("state") != UploadState.COMPLETING:
                self.chunks.discard(upload.id, index)
            raise

    # -- completion

    def complete(
        self,
        actor: Actor,
        upload_id: str,
        *,
        name: str,
        mime_type: str = "",
        total_size: int,
        sha256: str = "",
        tags: Iterable[str] = (),
        on_conflict: OnConflict = OnConflict.RENAME,
    ) -> File:
        """Make the upload a file. Returns when that is safe at the store's durability level; repeating it gives the
        same file.

        Raises Invalid, NotFound, ChunksMissing (`missing`: ranges), ChecksumMismatch, Completing, NameTaken,
        Unavailable (ask again); NotAllowed for REPLACE without the right to delete.
        """
        require(self.audit, actor, Permissions.FILES_WRITE)
        name, mime_type, tags = clean_name(name), clean_mime_type(mime_type), clean_tags(tags)
        done = self._completed(actor, upload_id, total_size, sha256)
        if done is not None:
            return done
        try:
            upload = self._get_authorized(actor, upload_id, Permissions.FILES_WRITE)
            self._may_replace(actor, upload, on_conflict)
            file = File(
                id=upload.id,
                name=name,
                size=total_size,
                mime_type=mime_type,
                owner=upload.owner,
                created_at=0,
                total_chunks=upload.total_chunks,
                sha256=sha256,
                tags=tags,
            )
            return self.completion.run(actor, upload, file, on_conflict)
        except NotFound:
            # Another request may have completed it since we looked.
            done = self._completed(actor, upload_id, total_size, sha256)
            if done is None:
                raise
            return done

    def _may_replace(self, actor: Actor, upload: Upload, on_conflict: OnConflict) -> None:
        """Putting the old file into the trash takes the right to delete."""
        if on_conflict is OnConflict.REPLACE:
            require(self.audit, actor, Permissions.FILES_DELETE, upload.owner, _ref(upload))

    def _completed(self, actor: Actor, upload_id: str, total_size: int, sha256: str) -> File | None:
        """The file that this upload has become, None where it has not; safe at the store's durability level.

        Raises Conflict where it is not the file asked for.
        """
        done = self.files.get(upload_id) if is_id(upload_id) else None
        if done is None or not may(actor, Permissions.FILES_WRITE, done.owner) or done.state is not FileState.READY:
            return None
        if done.size != total_size or (sha256 and done.sha256 and done.sha256 != sha256):
            raise Conflict("This upload was completed with another size or checksum.")
        self.completion.durability.barrier()
        return done

    # -- one long body

    def receive(self, actor: Actor, *, name: str, size: int | None = None) -> StreamingUpload:
        """Begin a file whose bytes come in order, `size` of them if that is known; a context manager."""
        upload = self.start(actor, total_chunks=UNKNOWN, size=size, name=name)
        limits = self.limits

        def drop(upload: Upload, because: str) -> None:
            left = self.uploads.get(upload.id)
            if left is not None and left.state is not UploadState.ABORTED:
                self._abort(left, _event(Actions.UPLOAD_CANCEL, actor, upload, because))

        return StreamingUpload(
            actor,
            upload,
            self.uploads,
            self.chunks,
            self.completion,
            chunk_size=limits.chunk_size,
            max_file_size=limits.max_file_size,
            max_chunks=limits.max_chunks,
            seconds=self._seconds(upload),
            expiry=lambda: self._expiry(self.now(), upload.dies_at),
            drop=drop,
        )

    def put_whole(
        self,
        actor: Actor,
        *,
        name: str,
        size: int | None,
        body: ReadInto,
        mime_type: str = "",
        sha256: str = "",
        tags: Iterable[str] = (),
        on_conflict: OnConflict = OnConflict.RENAME,
    ) -> File:
        """A file in one body, which `body` reads into the memory given. If anything goes wrong, nothing is left."""
        name, tags = clean_name(name), clean_tags(tags)
        if on_conflict is OnConflict.REPLACE:
            require(self.audit, actor, Permissions.FILES_DELETE)
        with self.receive(actor, name=name, size=size) as receiving:
            receiving.read_from(body)
            return receiving.finish(name=name, mime_type=mime_type, sha256=sha256, tags=tags, on_conflict=on_conflict)

    # -- what the worker does

    def expire_due(self, limit: int = 100) -> bool:
        """Give up uploads that were left alone; whether more is left that can be given up now."""
        due, dropped = self.uploads.due(self.now(), limit), 0
        for upload in due:
            try:
                self._abort(upload, _event(Actions.UPLOAD_EXPIRE, WORKER, upload))
                dropped += 1
            except (Completing, VersionMismatch):
                continue  # somebody completes or cancels it at this moment
        return len(due) == limit and dropped > 0

    def collect(self, limit: int = 100) -> bool:
        """Finish cancellations that a crash interrupted; whether more is left."""
        left = self.uploads.aborted(limit)
        for upload in left:
            self._collect(upload)
        return len(left) == limit

    # -- helpers

    def _get_authorized(self, actor: Actor, upload_id: str, permission: Permission) -> Upload:
        upload = self.uploads.get(upload_id) if is_id(upload_id) else None
        if upload is None or upload.state is UploadState.ABORTED:
            raise NotFound
        require(self.audit, actor, permission, upload.owner, _ref(upload))
        return upload

    def _seconds(self, upload: Upload) -> int:
        """How long a chunk lives that is stored now."""
        return max(0, (upload.dies_at - self.now()) // 1000) + GRACE_SECONDS


def _ref(upload: Upload) -> ObjectRef:
    return ObjectRef("file", upload.id, upload.name)


def _event(action: Action, actor: Actor, upload: Upload, because: str = "") -> AuditEvent:
    data: dict[str, str | int] = {"because": because} if because else {}
    if action is Actions.UPLOAD_START and upload.size != UNKNOWN:
        data["size"] = upload.size
    return AuditEvent(action, actor, _ref(upload), data=data)
