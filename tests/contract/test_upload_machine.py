"""The chunk service against a model of it: any order, repeats, wrong bytes, expiry, and a fault at any call of the store.

Where a call goes wrong, the client does not know what became of it; the model then looks which of the allowed outcomes
it was, and from there on holds the service to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import fakeredis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.files import File, FileState, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.domain.uploads import UploadState, ranges
from backoffice.errors import (
    BackofficeError,
    ChecksumMismatch,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Conflict,
    Invalid,
    NameTaken,
    NotFound,
    QuotaExceeded,
    TooLarge,
    TooMany,
    UploadClosed,
)
from backoffice.services.uploads import GRACE_SECONDS
from backoffice.stores import fsck_chunks
from backoffice.stores import uploads as upload_store
from tests.servers import Store
from tests.support_uploads import ALICE, KEYS, LIMITS, Died, Fault, FaultyDb, World, database, person, reader

PEOPLE = (ALICE, person("bob"))
QUOTA = 12_000
LIFE = LIMITS.upload_max_seconds + GRACE_SECONDS + 1
"""Seconds after which nothing of an upload can be left."""
NAMES = ("a.txt", "A.TXT", "b", "ü ö.pdf")
SIZES = st.lists(st.integers(1, 1500), min_size=1, max_size=4)
PICK = st.integers(0, 20)
RARELY = st.sampled_from((False, False, False, False, True))
WHO = st.sampled_from(PEOPLE)
FAULT = st.one_of(st.none(), st.tuples(st.sampled_from(Fault), st.integers(0, 18)))
"""What goes wrong during an act, and after how many calls of the store."""
Wrong = tuple[Fault, int] | None


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
    """A file as the model knows it."""

    owner: Actor
    content: bytes
    name: str
    state: FileState = FileState.READY


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an act. After a fault nobody knows: there is neither result nor refusal."""

    result: Any
    refusal: BackofficeError | None
    fault: bool


class Machine(RuleBasedStateMachine):
    """One sequence of acts."""

    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.client = type(self).make()
        self.db = FaultyDb(self.client, shebang=database(self.client)._shebang)
        self.world = World.over(self.client, replace(LIMITS, quota=QUOTA, max_open=8), self.db)
        self.eye = World.over(self.client)
        self.coming: dict[str, Coming] = {}
        self.files: dict[str, Kept] = {}
        self.patch = pytest.MonkeyPatch()
        # Leases end, and chunks may be gone, by the same clock as everything else.
        for module in (upload_store, fsck_chunks):
            self.patch.setattr(module, "now_ms", self.world.clock)

    def teardown(self) -> None:
        self.db.disarm()
        self.eye.assert_sound()
        for file_id in self.in_state(FileState.READY):
            kept = self.files[file_id]
            assert self.eye.read(kept.owner, file_id) == kept.content
        self.time_passes(LIFE, None)
        assert not self.coming
        self.quotas_are_exact()
        self.eye.assert_sound()
        self.patch.undo()
        self.client.close()

    # -- looking, on a way of its own, so that no fault meant for the service comes in between

    def attempt(self, fault: Wrong, work: Callable[[], Any], *refusals: type[BackofficeError]) -> Tried:
        """Do it; only these refusals are right, unless a fault came in between."""
        result, refusal = None, None
        if fault is not None:
            self.db.arm(*fault)
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
        file, upload = self.eye.files.get(upload_id), self.eye.uploads.get(upload_id)
        assert file is None or upload is None
        if file is not None:
            self.keep(file, coming.content)
        elif upload is None:
            del self.coming[upload_id]
        else:
            noted = self.eye.uploads.chunk_map(upload_id, len(coming.parts)).chunks
            assert set(coming.chunks) <= {index for index, chunk in enumerate(noted) if chunk is not None}
            for index, chunk in enumerate(noted):
                if chunk is not None and index not in coming.chunks:
                    coming.chunks[index] = self.eye.chunks.get(upload_id, index) or b""
            coming.state, coming.reserved = upload.state, upload.reserved

    def keep(self, file: File, content: bytes) -> None:
        """An upload has become a file, whole; one of the same name that it replaced is in the trash."""
        coming = self.coming.pop(file.id, None)
        assert (file.size, file.state) == (len(content), FileState.READY)
        assert coming is None or file.owner == coming.owner.id
        owner = next(one for one in PEOPLE if one.id == file.owner)
        for other in self.taken(owner, file.name):
            self.learn_file(other, FileState.TRASHED)
            assert self.files[other].state is FileState.TRASHED, "two files of one name"
        self.files[file.id] = Kept(owner, content, file.name)
        assert self.eye.read(owner, file.id) == content

    def learn_file(self, file_id: str, *allowed: FileState | None) -> None:
        file = self.eye.files.get(file_id)
        assert (file and file.state) in {*allowed, self.files[file_id].state}
        if file is None:
            del self.files[file_id]
        else:
            self.files[file_id].state, self.files[file_id].name = file.state, file.name

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

    # -- faults and time

    @rule(seconds=st.sampled_from((1, 61, 61, 1800, LIMITS.upload_seconds + 1, LIFE)), fault=FAULT)
    def time_passes(self, seconds: int, fault: Wrong) -> None:
        self.world.clock.forward(seconds)
        self.expire(fault)
        self.collect(fault)

    def expire(self, fault: Wrong) -> None:
        now, due = self.world.clock(), []
        for upload_id in self.coming:
            upload = self.eye.uploads.get(upload_id)
            assert upload is not None
            leased = upload.state is UploadState.COMPLETING and upload.lease_until > now
            if upload.state is not UploadState.ABORTED and upload.expires_at <= now and not leased:
                due.append(upload_id)
            if now > upload.dies_at + GRACE_SECONDS * 1000:
                # As the server would have done by its own clock.
                self.coming[upload_id].known = False
                for index in range(max(1, len(self.coming[upload_id].parts))):
                    self.eye.chunks.discard(upload_id, index)
        tried = self.attempt(fault, self.world.service.expire_due)
        for upload_id in due:
            self.learn_end(upload_id)
            assert tried.fault or upload_id not in self.coming

    def learn_end(self, upload_id: str) -> None:
        """An upload that was to be given up is as before, or waits for collection, or is gone; no file came of it."""
        upload = self.eye.uploads.get(upload_id)
        assert self.eye.files.get(upload_id) is None
        if upload is None:
            del self.coming[upload_id]
        else:
            self.coming[upload_id].state = upload.state

    def collect(self, fault: Wrong) -> None:
        """What else the worker does."""
        now, trashed = self.world.clock(), self.in_state(FileState.TRASHED)
        due = [one for one in trashed if (file := self.eye.files.get(one)) is not None and file.purge_at <= now]
        service, library = self.world.service, self.world.library
        tried = self.attempt(fault, lambda: (library.purge_due(), service.collect(), library.collect()))
        for file_id in trashed:
            self.learn_file(file_id, FileState.GONE, None)
            assert tried.fault or (file_id in self.files) == (file_id not in due)
        for upload_id in [one for one, coming in self.coming.items() if coming.state is UploadState.ABORTED]:
            self.learn_end(upload_id)
            assert tried.fault or upload_id not in self.coming
        for file_id in self.in_state(FileState.GONE):
            self.learn_file(file_id, None)
            assert tried.fault or file_id not in self.files

    # -- uploading

    @rule(owner=WHO, sizes=SIZES, sized=st.booleans(), fault=FAULT)
    def start(self, owner: Actor, sizes: list[int], sized: bool, fault: Wrong) -> None:
        parts = [bytes([65 + index]) * size for index, size in enumerate(sizes)]
        size = sum(sizes) if sized else 0
        tried = self.attempt(fault, lambda: self.world.begin(owner, parts, sized=sized), QuotaExceeded, TooMany)
        if tried.fault:
            self.discover(owner, b"")
        elif isinstance(tried.refusal, QuotaExceeded):
            assert size > self.room(owner)
        elif tried.refusal is None:
            assert size <= self.room(owner)
            self.coming[tried.result.id] = Coming(owner, parts, size if sized else None, size)

    @precondition(lambda self: self.known)
    @rule(pick=PICK, index=st.integers(0, 3), other=RARELY, wrong_total=RARELY, fault=FAULT)
    def put_chunk(self, pick: int, index: int, other: bool, wrong_total: bool, fault: Wrong) -> None:
        upload_id, coming = self.pick(pick)
        self.put(upload_id, coming, index % len(coming.parts), other=other, wrong_total=wrong_total, fault=fault)

    def put_what_is_missing(self, upload_id: str, *, backwards: bool) -> None:
        coming = self.coming[upload_id]
        indexes = [index for index in range(len(coming.parts)) if index not in coming.chunks]
        for index in reversed(indexes) if backwards else indexes:
            self.put(upload_id, coming, index)

    def put(
        self, upload_id: str, coming: Coming, index: int, *, other: bool = False, wrong_total: bool = False,
        fault: Wrong = None,
    ) -> None:  # fmt: skip
        data = coming.parts[index] + (b"!" if other else b"")
        total = len(coming.parts) + wrong_total
        there = self.eye.chunks.get(upload_id, index)
        tried = self.attempt(
            fault,
            lambda: self.world.service.put_chunk(
                coming.owner, upload_id=upload_id, index=index, total_chunks=total, data=data
            ),
            BackofficeError,
        )
        if tried.fault:
            self.learn(upload_id)
        elif tried.refusal is not None:
            assert isinstance(tried.refusal, self.refusals(coming, index, data, there, wrong_total=wrong_total))
        else:
            assert not wrong_total
            assert coming.chunks.setdefault(index, data) == data
            self.grow(coming)
            assert list(tried.result.missing) == coming.missing

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

    @precondition(lambda self: self.known)
    @rule(
        pick=PICK, name=st.sampled_from(NAMES), conflict=st.sampled_from(OnConflict), twice=st.booleans(),
        wrong=st.sampled_from(("", "", "", "", "size", "digest")), digest=st.booleans(), early=RARELY,
        backwards=st.booleans(), fault=FAULT,
    )  # fmt: skip
    def complete(
        self, pick: int, name: str, conflict: OnConflict, twice: bool, wrong: str, digest: bool, early: bool,
        backwards: bool, fault: Wrong,
    ) -> None:  # fmt: skip
        upload_id, coming = self.pick(pick)
        if not early:
            self.put_what_is_missing(upload_id, backwards=backwards)
        content = b"".join(coming.chunks.get(index, b"") for index in range(len(coming.parts)))
        sha256 = hashlib.sha256(content + (b"!" if wrong == "digest" else b"")).hexdigest()

        def complete() -> File:
            return self.world.service.complete(
                coming.owner, upload_id, name=name, total_size=len(content) + (wrong == "size"),
                sha256=sha256 if digest or wrong == "digest" else "", on_conflict=conflict,
            )  # fmt: skip

        taken = self.taken(coming.owner, name)
        tried = self.attempt(fault, complete, BackofficeError)
        if tried.fault:
            self.learn(upload_id)
        elif tried.refusal is not None:
            self.refused(tried.refusal, upload_id, wrong, bool(taken) and conflict is OnConflict.FAIL)
        else:
            assert not wrong
            assert not coming.missing
            assert fold(tried.result.name) == fold(name) or (taken and conflict is OnConflict.RENAME)
            self.keep(tried.result, content)
            if twice:
                assert self.attempt(None, complete).result == tried.result

    def refused(self, refusal: BackofficeError, upload_id: str, wrong: str, taken: bool) -> None:
        """Whether a completion was refused for the right reason."""
        coming, upload = self.coming[upload_id], self.eye.uploads.get(upload_id)
        match refusal:
            case NotFound():
                assert coming.state is UploadState.ABORTED
            case Completing():
                assert upload is not None
                assert upload.state is UploadState.COMPLETING
                assert upload.lease_until > self.world.clock()
            case ChunksMissing():
                assert refusal.details["missing"] == coming.missing
                assert coming.missing
            case ChecksumMismatch():
                assert wrong == "digest"
            case Invalid():
                assert wrong == "size"
            case NameTaken():
                assert taken
            case _:
                raise refusal
        if upload is not None and not isinstance(refusal, Completing):
            coming.state = upload.state

    @precondition(lambda self: any(coming.known and coming.chunks for coming in self.coming.values()))
    @rule(pick=PICK, which=PICK)
    def lose_a_chunk(self, pick: int, which: int) -> None:
        """As a failover might: completing says exactly what is missing, and it can be sent again."""
        some = [(one, coming) for one, coming in self.coming.items() if coming.known and coming.chunks]
        upload_id, coming = some[pick % len(some)]
        upload = self.eye.uploads.get(upload_id)
        if upload is None or upload.state is not UploadState.OPEN or coming.missing:
            return
        index = which % len(coming.parts)
        size = len(coming.content)
        self.client.delete(KEYS.chunk(upload_id, index))
        with pytest.raises(ChunksMissing) as caught:
            self.world.service.complete(coming.owner, upload_id, name="x", total_size=size)
        assert caught.value.details["missing"] == [(index, index)]
        del coming.chunks[index]

    @precondition(lambda self: self.known)
    @rule(pick=PICK, fault=FAULT)
    def cancel(self, pick: int, fault: Wrong) -> None:
        upload_id, coming = self.pick(pick)
        tried = self.attempt(fault, lambda: self.world.service.cancel(coming.owner, upload_id), NotFound, Completing)
        if isinstance(tried.refusal, NotFound):
            assert coming.state is UploadState.ABORTED
        elif isinstance(tried.refusal, Completing):
            assert coming.state is UploadState.COMPLETING
        else:
            self.learn_end(upload_id)
            assert tried.fault or upload_id not in self.coming

    @rule(
        owner=WHO, size=st.integers(0, 5000), step=st.integers(1, 3000), known=st.booleans(), cut=st.integers(-1, 5000),
        name=st.sampled_from(NAMES), fault=FAULT,
    )  # fmt: skip
    def put_whole(self, owner: Actor, size: int, step: int, known: bool, cut: int, name: str, fault: Wrong) -> None:
        body = b"w" * size
        broken = 0 <= cut < size

        def send() -> File | None:
            source = reader(body, step, fail_at=cut if broken else -1)
            try:
                return self.world.service.put_whole(owner, name=name, size=size if known else None, body=source)
            except ConnectionResetError:
                return None

        tried = self.attempt(fault, send, QuotaExceeded, TooMany)
        if tried.fault:
            self.discover(owner, body)
        elif tried.refusal is not None:
            assert isinstance(tried.refusal, TooMany) or size > self.room(owner)
        elif tried.result is not None:
            assert not broken
            self.keep(tried.result, body)

    # -- files

    @precondition(lambda self: self.files)
    @rule(
        pick=PICK, act=st.sampled_from(("rename", "trash", "restore", "purge", "digest")), name=st.sampled_from(NAMES),
        fault=FAULT,
    )  # fmt: skip
    def change_a_file(self, pick: int, act: str, name: str, fault: Wrong) -> None:
        file_id = list(self.files)[pick % len(self.files)]
        kept, library = self.files[file_id], self.world.library
        acts: dict[str, tuple[Callable[[], Any], FileState | None]] = {
            "rename": (lambda: library.rename(kept.owner, file_id, name), FileState.READY),
            "trash": (lambda: library.trash(kept.owner, file_id), FileState.TRASHED),
            "restore": (lambda: library.restore(kept.owner, file_id), FileState.READY),
            "purge": (lambda: library.purge(kept.owner, file_id), None),
            "digest": (lambda: library.digest_pending(set()), kept.state),
        }
        work, end = acts[act]
        before = kept.state
        others = [one for one in self.taken(kept.owner, name) if one != file_id]
        tried = self.attempt(fault, work, NotFound, NameTaken)
        if isinstance(tried.refusal, NotFound):
            fits = {"restore": {FileState.TRASHED}, "purge": {FileState.READY, FileState.TRASHED}}
            assert before not in fits.get(act, {FileState.READY})
        elif tried.refusal is not None:
            assert act == "rename"
            assert others
        else:
            self.learn_file(file_id, end, *([FileState.GONE] if act == "purge" else []))
            assert tried.fault or (self.files[file_id].state if file_id in self.files else None) is end

    # -- what always holds

    @invariant()
    def quotas_are_exact(self) -> None:
        for owner in PEOPLE:
            assert self.eye.files.usage(owner.id) == self.in_use(owner)

    @invariant()
    def lists_show_whole_files_only(self) -> None:
        for owner in PEOPLE:
            page = self.eye.library.page(owner, Query(limit=500))
            mine = {one: kept.name for one in self.in_state(FileState.READY) if (kept := self.files[one]).owner == owner}
            assert {file.id: file.name for file in page.items} == mine


def run(make: Callable[[], Redis], examples: int, steps: int) -> None:
    machine = type("Machine", (Machine,), {"make": staticmethod(make)})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_on_the_fake() -> None:
    run(lambda: fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")), 12, 25)


def test_on_a_real_server(store_server: Store) -> None:
    def make() -> Redis:
        client = store_server.client()
        client.flushall()
        return client

    run(make, 40, 40)
