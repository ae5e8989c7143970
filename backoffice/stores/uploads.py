"""Files that are arriving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from backoffice.domain.access import Ground
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, OnConflict, Target
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import ENTRY_SIZE, UNKNOWN, CarriedChunk, Chunk, ChunkMap, KeptPlace, Upload, UploadState
from backoffice.errors import ChunksMissing, Completing, Conflict, NotFound, TooMany, Unavailable
from backoffice.stores.chunk_maps import map_questions, unpack_map
from backoffice.stores.chunks.staging import stage
from backoffice.stores.client import Arg, Command, Db
from backoffice.stores.deliveries import check_begun
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.late_releases import LateReleases
from backoffice.stores.quotas import check_quota, release_keys, take_quota
from backoffice.stores.records.collection import Collection
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.paging import Pager
from backoffice.stores.upload_indexes import INDEXES
from backoffice.stores.upload_parts import take_parts
from backoffice.stores.upload_refusals import refusal_of
from backoffice.stores.users import NOUN as USERS

NOUN = "uploads"
PLACE: Final = frozenset({"folder", "folder_path"})
"""Fields that most uploads do not have."""


class _ThereAlready(Conflict):
    """There is a chunk, and it may be another one."""


class RedisUploads:
    """Uploads, their chunk maps, and what they reserve of a quota (port `UploadStore`)."""

    def __init__(self, db: Db, keys: Keys, files: RedisFiles) -> None:
        self._db, self._keys, self._files = db, keys, files
        self.collection = Collection(db, keys, NOUN, Upload, INDEXES, sparse=PLACE)
        self._pager = Pager(self.collection, "created")
        self._late = LateReleases(self._release)

    def get(self, upload_id: str) -> Upload | None:
        return self.collection.get(upload_id)

    def page(self, query: Query) -> Page[Upload]:
        return self._pager.page(query)

    def chunk_map(self, upload_id: str, total: int) -> ChunkMap:
        if not total:
            return ChunkMap(())
        scattered, packed = self._db.many(map_questions(self._keys, upload_id))
        return unpack_map(scattered, packed, total)

    def part_of_map(self, upload_id: str, first: int, count: int) -> ChunkMap:
        if not count:
            return ChunkMap(())
        start = first * ENTRY_SIZE
        packed = self._db.call("GETRANGE", self._keys.chunk_map(upload_id), start, start + count * ENTRY_SIZE - 1)
        return ChunkMap.unpack(packed, count)

    def extent(self, upload_id: str) -> int:
        return int(self._db.call("STRLEN", self._keys.chunk_map(upload_id))) // ENTRY_SIZE

    def insert(
        self, upload: Upload, max_open: int, quota: int, event: AuditEvent, *, adds: bool, parts: Sequence[Upload] = ()
    ) -> None:
        commit = Commit(self._keys, event)
        mine = self._keys.index(NOUN, "owner", upload.owner)
        too_many = TooMany(f"At most {max_open} uploads can be open at a time.", limit=max_open, retry_after=60)
        commit.check("fewer", mine, max_open, error=too_many)
        check_quota(commit, self._keys, upload.owner, upload.reserved, quota)
        if adds:
            self._files.check_number(commit, upload.owner)
        commit.charge("acts", event, self._files.bounds.acts)
        check_begun(commit, self._keys, upload, event)
        take_quota(commit, self._keys, upload.owner, "reserved", upload.reserved, quota)
        self.collection.insert(commit, upload)
        for part in parts:
            self.collection.replace(commit, part, replace(part, joins=upload.id, version=part.version + 1))
        commit.run(self._db)

    # -- progress

    def _script(
        self,
        op: str,
        upload_id: str,
        owner: str,
        *args: Arg,
        carried: CarriedChunk | None = None,
        ground: Ground | None = None,
    ) -> list[Any]:
        """What `upload.lua` returns after "ok". Raises what its other statuses mean."""
        keys = [
            self._keys.record(NOUN, upload_id),
            self._keys.chunk_map(upload_id),
            self._keys.quota(owner),
            self._keys.index(NOUN, "expires"),
            self._keys.record(USERS, owner),
            self._keys.scattered_chunks(upload_id),
            self._keys.quota_near,
        ]
        before: list[Command] = []
        if carried is not None:
            keys += [carried.place, carried.staging] if carried.staging else [carried.place]
            before = stage(carried)
        program = [op, upload_id, ENTRY_SIZE, *args]
        status, *rest = self._db.script("upload", keys, program, before=before, ground=ground)
        if status == b"ok":
            return list(rest)
        if status == b"there":
            raise _ThereAlready
        raise refusal_of(status.decode(), rest)

    def mark(
        self,
        upload: Upload,
        chunks: Sequence[tuple[int, Chunk]],
        *,
        expires_at: int,
        largest: int,
        quota: int,
        ground: Ground | None = None,
    ) -> Upload:
        args: list[Arg] = [expires_at, quota, largest]
        for index, chunk in chunks:
            args += [index, chunk.size, chunk.pack()]
        received, stored = self._script("mark", upload.id, upload.owner, *args, ground=ground)
        return replace(upload, received=int(received), bytes=int(stored), expires_at=expires_at)

    def store_chunk(
        self,
        upload: Upload,
        index: int,
        chunk: Chunk,
        carried: CarriedChunk,
        *,
        expires_at: int,
        largest: int,
        quota: int,
        ground: Ground | None = None,
    ) -> Upload | None:
        args: list[Arg] = [expires_at, quota, largest, index, chunk.size, chunk.pack(), carried.hold_ms]
        if not carried.staging:
            args.append(carried.data)
        try:
            received, stored = self._script("store", upload.id, upload.owner, *args, carried=carried, ground=ground)
        except _ThereAlready:
            return None
        return replace(upload, received=int(received), bytes=int(stored), expires_at=expires_at)

    def begin_append(self, upload: Upload, offset: int) -> tuple[Upload, Chunk | None]:
        received, stored, fence, tail, entry = self._script("begin", upload.id, upload.owner, offset)
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
        ground: Ground | None = None,
    ) -> Upload:
        args: list[Arg] = [upload.fence, expires_at, quota, largest, tail, first, offset]
        for chunk in chunks:
            args += [chunk.size, chunk.pack()]
        received, stored, joins = self._script("append", upload.id, upload.owner, *args, ground=ground)
        noted = replace(upload, received=int(received), bytes=int(stored), expires_at=expires_at, tail=tail)
        return replace(noted, joins=joins.decode())

    def renew(self, upload_id: str, owner: str, expires_at: int) -> None:
        self._script("renew", upload_id, owner, expires_at)

    def declare_size(
        self, upload: Upload, size: int, chunks: int, *, largest: int, quota: int, ground: Ground | None = None
    ) -> Upload:
        args: list[Arg] = [size, quota, largest, chunks]
        received, stored, reserved = self._script("declare", upload.id, upload.owner, *args, ground=ground)
        return replace(upload, received=int(received), bytes=int(stored), size=size, reserved=int(reserved))

    def adopt(self, upload: Upload, offset: int, protocol: str) -> Upload:
        received, stored, fence, tail = self._script("adopt", upload.id, upload.owner, offset, protocol)
        return replace(
            upload,
            total_chunks=UNKNOWN,
            received=int(received),
            bytes=int(stored),
            fence=int(fence),
            tail=int(tail),
            protocol=protocol,
        )

    def number(self, upload: Upload, total_chunks: int, chunk_size: int) -> Upload:
        received, stored, fence = self._script("number", upload.id, upload.owner, total_chunks, chunk_size)
        now = replace(upload, total_chunks=total_chunks, received=int(received), bytes=int(stored))
        return replace(now, fence=int(fence), tail=0)

    def refence(self, upload: Upload, token: str) -> Upload:
        _, _, fence = self._script("refence", upload.id, upload.owner, token)
        return replace(upload, fence=int(fence))

    def settle_tail(self, upload: Upload, token: str) -> Upload:
        _, _, fence = self._script("settle", upload.id, upload.owner, token)
        return replace(upload, tail=0, fence=int(fence))

    def unmark(self, upload: Upload, indexes: Sequence[int]) -> Upload:
        args: list[Arg] = [upload.lease, upload.fence, upload.tail, *indexes]
        received, stored = self._script("unmark", upload.id, upload.owner, *args)
        return replace(upload, received=int(received), bytes=int(stored))

    def lease(self, upload_id: str, owner: str, token: str, seconds: int) -> tuple[Upload, ChunkMap]:
        now = now_ms()
        _, _, row, packed = self._script("lease", upload_id, owner, token, now + seconds * 1000, now, owner)
        leased = self.collection.decode(upload_id, row)
        if leased is None:
            raise NotFound
        return leased, ChunkMap.unpack(packed, leased.chunk_count)

    def extend(self, upload: Upload, token: str, seconds: int, reach: int = 0) -> None:
        self._script("extend", upload.id, upload.owner, token, now_ms() + seconds * 1000, reach)

    def release(self, upload_id: str, token: str) -> None:
        try:
            self._release(upload_id, token)
        except Unavailable:
            self._late.add(upload_id, token)
            raise

    def _release(self, upload_id: str, token: str) -> None:
        self._script("release", upload_id, "", token)

    # -- ends

    def complete(
        self,
        upload: Upload,
        token: str,
        file: File,
        keep: Sequence[KeptPlace],
        *,
        on_conflict: OnConflict,
        into: Target | None,
        event: AuditEvent,
        parts: Sequence[Upload] = (),
        chunks: ChunkMap | None = None,
    ) -> File:
        def add(commit: Commit) -> None:
            commit.check("equal", self._keys.record(NOUN, upload.id), "lease", token, error=Completing())
            for one in keep:
                commit.check("length", one.place, one.size, one.stored, error=ChunksMissing())
                commit.write("PERSIST", one.place)
            self.collection.remove(commit, upload)
            if chunks is not None:
                take_parts(commit, self._keys, self.collection, parts, chunks)
            quota = self._keys.quota(upload.owner)
            commit.write("HINCRBY", quota, "reserved", -upload.reserved - sum(part.reserved for part in parts))
            commit.write("HINCRBY", quota, "used", file.size)

        return self._files.insert_named(file, add, on_conflict=on_conflict, into=into, event=event)

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
        commit.run(self._db, when_full=True)
        return aborted

    def forget(self, upload: Upload) -> None:
        keys = [*release_keys(self._keys, NOUN, upload.id, upload.owner), self._keys.scattered_chunks(upload.id)]
        args = [upload.id, "aborted", "reserved", "reserved", upload.owner, str(self._files.bounds.default_quota)]
        self._db.script("delete_and_release", keys, args, allow_oom=True)

    def due(self, now: int, limit: int) -> list[Upload]:
        query = Query(sort="expires", ranges=(("expires", None, now),), limit=limit)
        return list(self._pager.page(query).items)

    def aborted(self, limit: int) -> list[Upload]:
        return list(self._pager.page(Query(sort="gc", limit=limit)).items)
