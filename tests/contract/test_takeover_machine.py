"""One upload by two clients, one that sends chunks in any order and one of tus: each takes it over from the other at
any moment, also while the other's bytes are on their way, and any call of the store may go wrong. What is noted is
there, byte for byte, after every step, and what was overtaken notes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from redis import Redis

from backoffice.domain.files import FileSpec
from backoffice.domain.uploads import TUS, UNKNOWN, Upload
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Conflict,
    Invalid,
    NotFound,
    OffsetMismatch,
    UploadClosed,
)
from backoffice.services.uploads.resumable import Resumable
from backoffice.services.uploads.takeover import as_chunks
from backoffice.stores import uploads as upload_store
from tests.support.chunks import Place
from tests.support.database import database
from tests.support.machines import emptied, imitated, run_machine
from tests.support.servers import Store
from tests.support.upload_faults import Died, Fault, FaultyDb, FaultyDisk
from tests.support.uploads import ALICE, CHUNK, LIMITS, World, reader

CONTENT = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(250))
"""Eight chunks of tus."""
FAULT = st.one_of(st.none(), st.tuples(st.sampled_from(Fault), st.integers(0, 14)))
Wrong = tuple[Fault, int] | None
OVERTAKEN = (Conflict, ChunkConflict, OffsetMismatch, UploadClosed, Completing)


def pieces(count: int) -> list[bytes]:
    """Cut in fixed sizes, as the command line cuts; seven are cut evenly, as the page does it."""
    if count == -(-len(CONTENT) // CHUNK):
        return [CONTENT[start : start + CHUNK] for start in range(0, len(CONTENT), CHUNK)]
    base, longer = divmod(len(CONTENT), count)
    ends = [0]
    for index in range(count):
        ends.append(ends[-1] + base + (index < longer))
    return [CONTENT[start:stop] for start, stop in pairwise(ends)]


class Machine(RuleBasedStateMachine):
    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.client = type(self).make()
        Place.current.empty()
        self.db = FaultyDb(self.client, shebang=database(self.client)._shebang)
        directory = Place.current.directory
        disk = FaultyDisk(directory, self.db) if directory is not None else None
        self.world, self.eye = World.over(self.client, LIMITS, self.db, disk), World.over(self.client)
        self.done = False
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(upload_store, "now_ms", self.world.clock)

    def teardown(self) -> None:
        try:
            if not self.done:
                self.time_passes(61)
                self.finish()
            assert self.eye.read(ALICE, self.id) == CONTENT
            assert self.eye.files.usage("alice") == (len(CONTENT), 0)
            self.eye.assert_sound()
        finally:
            self.patch.undo()
            self.client.close()

    def finish(self) -> None:
        """Whatever has happened, a tus client gets to the end, if it asks often enough where that is."""
        for _ in range(5):
            try:
                self.tus(self.eye, len(CONTENT))
            except OVERTAKEN:
                self.time_passes(61)
            if self.eye.files.get(self.id) is not None:
                return
        raise AssertionError("it does not become a file")

    @initialize(count=st.sampled_from((0, 7, 8)), sized=st.booleans())
    def create(self, count: int, sized: bool) -> None:
        size = len(CONTENT) if sized else None
        if count:
            self.id = self.world.service.start(ALICE, total_chunks=count, size=size, name="a").id
        else:
            self.id = self.world.service.create_stream(ALICE, size=size, name="a", protocol=TUS).id

    @property
    def upload(self) -> Upload | None:
        return self.eye.uploads.get(self.id)

    def tus(self, world: World, length: int, step: int = 700) -> int:
        """Ask where it goes on, and send so many bytes; the offset then."""
        client = Resumable(world.service, world.folders)
        offset = client.state(ALICE, self.id).offset
        body = reader(CONTENT[offset : offset + length], step)
        return client.send(ALICE, self.id, offset, lambda _: body, size=len(CONTENT)).offset

    def chunk(self, world: World, pick: int, data: Callable[[bytes], bytes] = bytes) -> None:
        """Send a chunk as the list of unfinished uploads says that it is cut."""
        upload = world.uploads.get(self.id)
        assert upload is not None
        shown = as_chunks(upload, CHUNK)
        if shown.total_chunks == UNKNOWN:
            return
        parts = pieces(shown.total_chunks)
        place = pick % len(parts)
        world.service.put_chunk(
            ALICE,
            upload_id=self.id,
            index=place,
            total_chunks=len(parts),
            data=lambda: data(parts[place]),
        )

    def attempt(self, fault: Wrong, work: Callable[[], Any], *refusals: type[BaseException]) -> bool:
        """Whether it was done: no fault came, and no refusal."""
        refusal = None
        if fault is not None:
            self.db.arm(*fault)
        try:
            work()
        except Died:
            refusal = Died()
        except BackofficeError as error:
            refusal = error
        fired = self.db.disarm()
        if refusal is not None and not fired and not isinstance(refusal, refusals):
            raise refusal
        self.done = self.eye.files.get(self.id) is not None
        return not fired and refusal is None

    @precondition(lambda self: not self.done)
    @rule(length=st.integers(0, 2500), step=st.integers(1, 1200), fault=FAULT)
    def tus_goes_on(self, length: int, step: int, fault: Wrong) -> None:
        reached: list[int] = []
        before = Resumable(self.eye.service, self.eye.folders).state(ALICE, self.id).offset if self.is_open() else None
        done = self.attempt(
            fault, lambda: reached.append(self.tus(self.world, length, max(step, length // 20))), *OVERTAKEN
        )
        if done and before is not None:
            assert reached == [min(before + length, len(CONTENT))]

    @precondition(lambda self: not self.done)
    @rule(pick=st.integers(0, 7), fault=FAULT)
    def a_chunk_comes(self, pick: int, fault: Wrong) -> None:
        self.attempt(fault, lambda: self.chunk(self.world, pick), *OVERTAKEN)

    @precondition(lambda self: not self.done)
    @rule(pick=st.integers(0, 7), length=st.integers(1, 2500), fault=FAULT)
    def tus_takes_over_while_a_chunk_comes(self, pick: int, length: int, fault: Wrong) -> None:
        """What was on its way is noted no more, unless it came for the upload as it is then."""
        ends: list[int] = []

        def late(data: bytes) -> bytes:
            if self.is_open():
                ends.append(self.tus(self.eye, length))
            return data

        stored = self.attempt(fault, lambda: self.chunk(self.world, pick, late), *OVERTAKEN, NotFound)
        upload = self.upload
        if ends and upload is not None and upload.total_chunks == UNKNOWN:
            assert not stored, "the old one wrote another byte"
            assert upload.bytes == ends[0]

    @precondition(lambda self: not self.done)
    @rule(pick=st.integers(0, 7), length=st.integers(1, 3000), fault=FAULT)
    def a_chunk_takes_over_while_tus_sends(self, pick: int, length: int, fault: Wrong) -> None:
        offset = Resumable(self.eye.service, self.eye.folders).state(ALICE, self.id).offset if self.is_open() else 0
        source, taken = reader(CONTENT[offset : offset + length], 400), []

        def read_into(view: memoryview) -> int:
            if not taken and self.is_open():
                taken.append(self.attempt(None, lambda: self.chunk(self.eye, pick), *OVERTAKEN))
            return source(view)

        client = Resumable(self.world.service, self.world.folders)
        stored = self.attempt(
            fault, lambda: client.send(ALICE, self.id, offset, lambda _: read_into), *OVERTAKEN, NotFound
        )
        upload = self.upload
        if taken == [True] and upload is not None and upload.total_chunks != UNKNOWN:
            assert not stored or offset == upload.bytes, "the old one wrote another byte"

    @precondition(lambda self: not self.done)
    @rule(fault=FAULT)
    def complete(self, fault: Wrong) -> None:
        upload = self.upload
        assert upload is not None
        whole = upload.bytes == len(CONTENT)
        done = self.attempt(
            fault,
            lambda: self.world.service.complete(ALICE, self.id, FileSpec("a"), total_size=len(CONTENT)),
            *OVERTAKEN,
            *(() if whole else (Invalid, ChunksMissing)),
        )
        assert not done or whole

    @rule(seconds=st.sampled_from((1, 61)))
    def time_passes(self, seconds: int) -> None:
        for world in (self.world, self.eye):
            world.clock.forward(seconds)

    def is_open(self) -> bool:
        upload = self.upload
        return upload is not None and (upload.state.value == "open" or upload.lease_until <= self.world.clock())

    @invariant()
    def what_is_noted_is_there(self) -> None:
        upload = self.upload if hasattr(self, "id") else None
        if upload is None:
            return
        known = self.eye.uploads.chunk_map(self.id, upload.chunk_count)
        parts = pieces(upload.total_chunks) if upload.total_chunks != UNKNOWN else None
        whole = b""
        for index, chunk in enumerate(known.chunks):
            if chunk is None:
                continue
            data = self.eye.chunks.get(self.id, upload.stored_at(index))
            assert data is not None, "what is noted is not there"
            assert chunk.sha256 == hashlib.sha256(data).digest()
            assert parts is None or data == parts[index]
            whole += data
        assert upload.bytes == known.size
        assert upload.received == sum(chunk is not None for chunk in known.chunks)
        assert parts is not None or whole == CONTENT[: len(whole)]


def test_on_the_fake() -> None:
    run_machine(Machine, imitated, 4, 20)


@pytest.mark.usefixtures("place")
def test_on_a_real_server(store_server: Store) -> None:
    run_machine(Machine, emptied(store_server), 25, 25)
