"""A model of the chunk service, and how it learns what became of an act during which something went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import pytest
from hypothesis.stateful import RuleBasedStateMachine
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.files import File, FileState
from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.domain.uploads import UploadState, ranges
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    Conflict,
    NotFound,
    QuotaExceeded,
    TooLarge,
    UploadClosed,
)
from backoffice.services.uploads.chunks import GRACE_SECONDS
from backoffice.stores import intents
from backoffice.stores import uploads as upload_store
from backoffice.stores.bounds import Bounds
from backoffice.stores.chunks import redis as redis_chunks
from backoffice.stores.fsck import chunks as chunk_check
from tests.support.chunks import Place
from tests.support.database import database
from tests.support.upload_faults import Died, Fault, FaultyDb, FaultyDisk
from tests.support.uploads import ALICE, LIMITS, World, person

PEOPLE = (ALICE, person("bob"))
QUOTA = 12_000
VERSIONS = 2
NAMES = ("a.txt", "A.TXT", "b", "ü ö.pdf")
LIFE = LIMITS.upload_max_seconds + GRACE_SECONDS + 1
"""Seconds after which nothing of an upload can be left."""
Wrong = tuple[Fault, int] | None
"""What goes wrong during an act, and after how many calls of the store."""


@dataclass(slots=True)
class Coming:
    """An upload as the model knows it. `chunks`: those that are noted; `known`: whether a client knows its id and
    could still use it."""

    owner: Actor
    parts: list[bytes]
    size: int | None
    reserved: int
    chunks: dict[int, bytes] = field(default_factory=dict)
    state: UploadState = UploadState.OPEN
    known: bool = True

    @property
    def missing(self) -> list[tuple[int, int]]:
        return ranges(index for index in range(len(self.parts)) if index not in self.chunks)

    @property
    def content(self) -> bytes:
        return b"".join(self.chunks[index] for index in range(len(self.parts)))


@dataclass(slots=True)
class Kept:
    """A file as the model knows it, or an earlier version `of` one."""

    owner: Actor
    content: bytes
    name: str
    state: FileState = FileState.READY
    of: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an act. After a fault nobody knows: there is neither result nor refusal."""

    result: Any
    refusal: BackofficeError | None
    fault: bool


class Model(RuleBasedStateMachine):
    """What should be there. `world` is the service, on whose way to the store things go wrong; `eye` looks."""

    make: ClassVar[Callable[[], Redis]]
    """A client of an empty store."""

    def __init__(self) -> None:
        super().__init__()
        self.client = type(self).make()
        self.db = FaultyDb(self.client, shebang=database(self.client)._shebang)
        Place.current.empty()
        directory = Place.current.directory
        disk = FaultyDisk(directory, self.db) if directory is not None else None
        limits, bounds = replace(LIMITS, quota=QUOTA, max_open=8), Bounds(versions=VERSIONS)
        self.world = World.over(self.client, limits, self.db, disk, bounds=bounds)
        self.stride = 1 if disk is None else 4
        self.eye = World.over(self.client)
        self.coming: dict[str, Coming] = {}
        self.files: dict[str, Kept] = {}
        self.patch = pytest.MonkeyPatch()
        # Leases end, and chunks may be gone, by the same clock as everything else.
        for module in (upload_store, intents, chunk_check):
            self.patch.setattr(module, "now_ms", self.world.clock)
        # So that chunks go into the store in both ways.
        self.patch.setattr(redis_chunks, "_WITHIN_SCRIPT", 500)

    # -- looking, on a way of its own, so that no fault meant for the service comes in between

    def attempt(self, fault: Wrong, work: Callable[[], Any], *refusals: type[BackofficeError]) -> Tried:
        """Do it; only these refusals are right, unless a fault came in between."""
        result, refusal = None, None
        if fault is not None:
            kind, after = fault
            # What takes more calls can go wrong at more of them.
            self.db.arm(kind, after * self.stride + after % self.stride)
        try:
            result = work()
        except Died:
            pass
        except BackofficeError as error:
            refusal = error
        if self.db.disarm():
            return Tried(None, None, fault=True)
        if refusal is not None and not isinstance(refusal, refusals):
            raise refusal
        return Tried(result, refusal, fault=False)

    def pick(self, pick: int) -> tuple[str, Coming]:
        return [pair for pair in self.coming.items() if pair[1].known][pick % self.known]

    @property
    def known(self) -> int:
        return sum(coming.known for coming in self.coming.values())

    def in_state(self, state: FileState) -> list[str]:
        return [one for one, kept in self.files.items() if kept.state is state]

    def room(self, owner: Actor) -> int:
        return QUOTA - sum(self.in_use(owner))

    def in_use(self, owner: Actor) -> tuple[int, int]:
        used = sum(len(one.content) for one in self.files.values() if one.owner == owner)
        return used, sum(one.reserved for one in self.coming.values() if one.owner == owner)

    def taken(self, owner: Actor, name: str) -> list[str]:
        """Files that have the name."""
        mine = ((one, self.files[one]) for one in self.in_state(FileState.READY))
        return [one for one, kept in mine if kept.owner == owner and fold(kept.name) == fold(name)]

    def learn(self, upload_id: str) -> None:
        """What has become of an upload: it is as before or further, or a whole file, or gone after it was given up."""
        coming = self.coming[upload_id]
        (file, _), upload = self.eye.files.of_upload(upload_id), self.eye.uploads.get(upload_id)
        assert file is None or upload is None
        if file is not None:
            self.keep(file, coming.content, upload_id)
        elif upload is None:
            del self.coming[upload_id]
        else:
            noted = self.eye.uploads.chunk_map(upload_id, len(coming.parts)).chunks
            assert set(coming.chunks) <= {index for index, chunk in enumerate(noted) if chunk is not None}
            for index, chunk in enumerate(noted):
                if chunk is not None and index not in coming.chunks:
                    coming.chunks[index] = self.eye.chunks.get(upload_id, index) or b""
            coming.state, coming.reserved = upload.state, upload.reserved

    def keep(self, file: File, content: bytes, upload_id: str = "") -> None:
        """An upload has become a file, whole, or what the file of that name holds, which keeps what it held."""
        coming = self.coming.pop(upload_id or file.id, None)
        assert (file.size, file.state) == (len(content), FileState.READY)
        assert coming is None or file.owner == coming.owner.id
        owner = next(one for one in PEOPLE if one.id == file.owner)
        assert set(self.taken(owner, file.name)) <= {file.id}, "two files of one name"
        old = self.files.get(file.id)
        self.files[file.id] = Kept(owner, content, file.name)
        if old is not None:
            earlier = self.eye.files.versions(file)
            assert len(earlier) <= VERSIONS
            self.files[earlier[0].id] = Kept(owner, old.content, old.name, FileState.VERSION, file.id)
            self.learn_versions(file.id)
        assert self.eye.read(owner, file.id) == content

    def learn_versions(self, file_id: str) -> None:
        """Those of a file that were kept until now: the oldest may have given way, and all go with their file."""
        for one in [one for one, kept in self.files.items() if kept.of == file_id]:
            self.learn_file(one, FileState.GONE, None)

    def held(self) -> set[str]:
        """Identifiers under which bytes of files and of earlier versions lie."""
        return {file.content_id for file in map(self.eye.files.get, self.files) if file is not None}

    def versions_are_whole(self) -> None:
        """And `fsck` finds nothing."""
        self.eye.assert_sound()
        for version_id in self.in_state(FileState.VERSION):
            kept = self.files[version_id]
            if self.files[kept.of].state is FileState.READY:
                opened = self.eye.library.open_version(kept.owner, kept.of, version_id)
                assert b"".join(map(bytes, opened.read())) == kept.content

    def learn_file(self, file_id: str, *allowed: FileState | None) -> None:
        file = self.eye.files.get(file_id)
        assert (file and file.state) in {*allowed, self.files[file_id].state}
        if file is None:
            del self.files[file_id]
        else:
            self.files[file_id].state, self.files[file_id].name = file.state, file.name
        if file is None or file.state is FileState.GONE:
            self.learn_versions(file_id)

    def discover(self, owner: Actor, content: bytes) -> None:
        """What began while a fault came: at most one upload that no client knows of, or one file, whole."""
        query = Query(filters=(("owner", owner.id),), limit=100)
        uploads = [*self.eye.uploads.page(query).items, *self.eye.uploads.aborted(100)]
        new = [one for one in uploads if one.id not in self.coming]
        stored = [one for one in self.eye.files.page(query).items if one.id not in self.files]
        assert len(new) + len(stored) <= 1
        for upload in new:
            parts = [b""] * max(0, upload.total_chunks)
            self.coming[upload.id] = Coming(owner, parts, None, upload.reserved, state=upload.state, known=False)
        for file in stored:
            self.keep(file, content)

    # -- what the service should answer

    def refusals(
        self, coming: Coming, index: int, data: bytes, there: bytes | None, *, wrong_total: bool
    ) -> tuple[type[BackofficeError], ...]:
        """Why a chunk may be refused now; () = it may not."""
        if coming.state is UploadState.ABORTED:
            return (NotFound,)
        if wrong_total:
            return (Conflict,)
        if there is not None and there != data:
            return (ChunkConflict,)
        if coming.state is not UploadState.OPEN:
            return (UploadClosed,)
        more = 0 if index in coming.chunks else len(data)
        stored = sum(map(len, coming.chunks.values())) + more
        if coming.size is not None and stored > coming.size:
            return (TooLarge,)
        return (QuotaExceeded,) if stored - coming.reserved > self.room(coming.owner) else ()

    def grow(self, coming: Coming) -> None:
        coming.reserved = max(coming.reserved, sum(map(len, coming.chunks.values())))

    # -- what the worker does

    def expire(self, fault: Wrong) -> None:
        now, due = self.world.clock(), []
        for upload_id in self.coming:
            upload = self.eye.uploads.get(upload_id)
            assert upload is not None
            leased = upload.state is UploadState.COMPLETING and upload.lease_until > now
            if upload.state is not UploadState.ABORTED and upload.expires_at <= now and not leased:
                due.append(upload_id)
            if now > upload.dies_at + GRACE_SECONDS * 1000:
                # As the server would have done by its own clock, or the worker.
                self.coming[upload_id].known = False
                for index in range(max(1, len(self.coming[upload_id].parts))):
                    self.eye.chunks.release(upload_id, index)
        self.attempt(fault, self.world.service.cleanup.sweep)
        tried = self.attempt(fault, self.world.service.cleanup.expire_due)
        for upload_id in due:
            self.learn_end(upload_id)
            assert tried.fault or upload_id not in self.coming

    def learn_end(self, upload_id: str) -> None:
        """An upload that was to be given up is as before, or waits for collection, or is gone; no file came of it."""
        upload = self.eye.uploads.get(upload_id)
        assert self.eye.files.of_upload(upload_id) == (None, None)
        if upload is None:
            del self.coming[upload_id]
        else:
            self.coming[upload_id].state = upload.state

    def collect(self, fault: Wrong) -> None:
        """What else the worker does."""
        now, trashed = self.world.clock(), self.in_state(FileState.TRASHED)
        due = [one for one in trashed if (file := self.eye.files.get(one)) is not None and file.purge_at <= now]
        service, library = self.world.service, self.world.library
        tried = self.attempt(fault, lambda: (library.purge_due(), service.cleanup.collect(), library.collect()))
        for file_id in trashed:
            self.learn_file(file_id, FileState.GONE, None)
            assert tried.fault or (file_id in self.files) == (file_id not in due)
        for upload_id in [one for one, coming in self.coming.items() if coming.state is UploadState.ABORTED]:
            self.learn_end(upload_id)
            assert tried.fault or upload_id not in self.coming
        for file_id in self.in_state(FileState.GONE):
            self.learn_file(file_id, None)
            assert tried.fault or file_id not in self.files
