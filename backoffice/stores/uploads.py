"""Files that are arriving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, OnConflict
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import ENTRY_SIZE, Chunk, ChunkMap, Upload, UploadState
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Conflict,
    NotFound,
    OffsetMismatch,
    QuotaExceeded,
    TooLarge,
    TooMany,
    UploadClosed,
)
from backoffice.stores.client import Arg, Db
from backoffice.stores.files import RedisFiles, check_quota
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Index, Lexical, Sorted, Words
from backoffice.stores.records.paging import Pager
from backoffice.stores.users import NOUN as USERS

NOUN = "uploads"


def _live(upload: Upload) -> bool:
    return upload.state is not UploadState.ABORTED


INDEXES: tuple[Index[Upload], ...] = (
    Sorted("created", lambda one: one.created_at if _live(one) else None),
    Sorted("expires", lambda one: one.expires_at if _live(one) else None),
    Lexical("name", lambda one: one.name if _live(one) else None),
    Words("words", lambda one: one.name if _live(one) else None),
    Facet("owner", lambda one: [one.owner] if _live(one) else [], lambda one: one.created_at, "created"),
    Sorted("gc", lambda one: None if _live(one) else one.gc_at),
)


class RedisUploads:
    """Uploads, their chunk maps, and what they reserve of a quota (port `UploadStore`)."""

    def __init__(self, db: Db, keys: Keys, files: RedisFiles) -> None:
        self._db, self._keys, self._files = db, keys, files
        self.collection = Collection(db, keys, NOUN, Upload, INDEXES)
        self._pager = Pager(self.collection, "created")

    def get(self, upload_id: str) -> Upload | None:
        return self.collection.get(upload_id)

    def page(self, query: Query) -> Page[Upload]:
        return self._pager.page(query)

    def chunk_map(self, upload_id: str, total: int) -> ChunkMap:
        packed = self._db.call("GET", self._keys.chunk_map(upload_id)) if total else b""
        return ChunkMap.unpack(packed or b"", total)

    def extent(self, upload_id: str) -> int:
        return int(self._db.call("STRLEN", self._keys.chunk_map(upload_id))) // ENTRY_SIZE

    def insert(self, upload: Upload, max_open: int, quota: int, event: AuditEvent) -> None:
        commit = Commit(self._keys, event)
        mine = self._keys.index(NOUN, "owner", upload.owner)
        too_many = TooMany(f"At most {max_open} uploads can be open at a time.", limit=max_open, retry_after=60)
        commit.check("fewer", mine, max_open, error=too_many)
        check_quota(commit, self._keys, upload.owner, upload.reserved, quota)
        commit.write("HINCRBY", self._keys.quota(upload.owner), "reserved", upload.reserved)
        self.collection.insert(commit, upload)
        commit.run(self._db)

    # -- progress

    def _script(self, op: str, upload: Upload, *args: Arg) -> list[bytes]:
        keys = [
            self._keys.record(NOUN, upload.id),
            self._keys.chunk_map(upload.id),
            self._keys.quota(upload.owner),
            self._keys.index(NOUN, "expires"),
            self._keys.record(USERS, upload.owner),
        ]
        status, *rest = self._db.script("upload", keys, [op, upload.id, ENTRY_SIZE, *args])
        if status == b"ok":
            return list(rest)
        raise _refusal(status.decode(), [bytes(part).decode() for part in rest])

    def mark(
        self, upload: Upload, chunks: Sequence[tuple[int, Chunk]], *, expires_at: int, largest: int, quota: int
    ) -> Upload:
        args: list[Arg] = [expires_at, quota, largest]
        for index, chunk in chunks:
            args += [index, chunk.size, chunk.pack()]
        received, stored = self._script("mark", upload, *args)
        return replace(upload, received=int(received), bytes=int(stored), expires_at=expires_at)

    def begin_append(self, upload: Upload, offset: int) -> tuple[Upload, Chunk | None]:
        received, stored, fence, tail, entry = self._script("begin", upload, offset)
        now = replace(upload, received=int(received), bytes=int(stored), fence=int(fence), tail=int(tail))
        return now, ChunkMap.unpack(entry, 1).chunks[0]

    def append(
        self,
        upload: Upload,
        first: int,
        offset: int,
        chunks: Sequence[Chunk],
        *,
        tail: int,
        expires_at: int,
        largest: int,
        quota: int,
    ) -> Upload:
        args: list[Arg] = [upload.fence, expires_at, quota, largest, tail, first, offset]
        for chunk in chunks:
            args += [chunk.size, chunk.pack()]
        received, stored = self._script("append", upload, *args)
        return replace(upload, received=int(received), bytes=int(stored), expires_at=expires_at, tail=tail)

    def settle_tail(self, upload: Upload, token: str) -> Upload:
        _, _, fence = self._script("settle", upload, token)
        return replace(upload, tail=0, fence=int(fence))

    def unmark(self, upload: Upload, indexes: Sequence[int]) -> Upload:
        received, stored = self._script("unmark", upload, upload.lease, upload.fence, upload.tail, *indexes)
        return replace(upload, received=int(received), bytes=int(stored))

    def lease(self, upload: Upload, token: str, seconds: int) -> None:
        now = now_ms()
        op = "extend" if upload.lease == token else "lease"
        try:
            self._script(op, upload, token, now + seconds * 1000, now)
        except ChunksMissing as error:
            raise ChunksMissing(missing=self.chunk_map(upload.id, upload.total_chunks).missing) from error

    def release(self, upload: Upload, token: str) -> None:
        self._script("release", upload, token)

    # -- ends

    def complete(
        self, upload: Upload, token: str, file: File, *, on_conflict: OnConflict, purge_at: int, event: AuditEvent
    ) -> File:
        def add(commit: Commit) -> None:
            commit.check("equal", self._keys.record(NOUN, upload.id), "lease", token, error=Completing())
            self.collection.remove(commit, upload)
            quota = self._keys.quota(upload.owner)
            commit.write("HINCRBY", quota, "reserved", -upload.reserved)
            commit.write("HINCRBY", quota, "used", file.size)

        return self._files.insert_named(file, add, on_conflict=on_conflict, purge_at=purge_at, event=event)

    def abort(self, upload: Upload, event: AuditEvent) -> Upload:
        now = now_ms()
        if upload.state is UploadState.COMPLETING and upload.lease_until > now:
            raise Completing
        commit = Commit(self._keys, event)
        key = self._keys.record(NOUN, upload.id)
        commit.check("equal", key, "state", upload.state.value, error=Completing())
        commit.check("equal", key, "lease", upload.lease, error=Completing())
        aborted = replace(upload, state=UploadState.ABORTED, gc_at=now, version=upload.version + 1)
        self.collection.replace(commit, upload, aborted)
        commit.run(self._db, freeing=True)
        return aborted

    def forget(self, upload: Upload) -> None:
        keys = [
            self._keys.record(NOUN, upload.id),
            self._keys.chunk_map(upload.id),
            self._keys.quota(upload.owner),
            self._keys.index(NOUN, "gc"),
        ]
        self._db.script("delete_and_release", keys, [upload.id, "aborted", "reserved", "reserved"], allow_oom=True)

    def due(self, now: int, limit: int) -> list[Upload]:
        query = Query(sort="expires", ranges=(("expires", None, now),), limit=limit)
        return list(self._pager.page(query).items)

    def aborted(self, limit: int) -> list[Upload]:
        return list(self._pager.page(Query(sort="gc", limit=limit)).items)


def _refusal(status: str, rest: list[str]) -> BackofficeError:
    """What a status of `upload.lua` means."""
    match status:
        case "missing":
            return NotFound()
        case "closed":
            return UploadClosed(state=rest[0])
        case "conflict":
            return ChunkConflict(chunk_index=int(rest[0]))
        case "offset":
            return OffsetMismatch(offset=int(rest[0]))
        case "too_big":
            return TooLarge("The chunks are larger than the file was announced or may be.")
        case "quota":
            return QuotaExceeded(limit=int(rest[0]))
        case "busy":
            return Completing(retry_after=1)
        case "incomplete":
            return ChunksMissing()
    return Conflict(status)
