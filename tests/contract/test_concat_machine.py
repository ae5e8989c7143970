"""A file of several uploads: its parts come in any order and in pieces, the whole is named before, between or after
them, and any call of the store may go wrong. In the end there is the file, byte for byte, and nothing else.
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

from backoffice.domain.uploads import UNKNOWN, UploadState
from backoffice.errors import BackofficeError, Completing, Conflict, NotFound, OffsetMismatch, UploadClosed
from backoffice.services.uploads.progress import Progress
from backoffice.services.uploads.resumable import Resumable
from backoffice.stores import uploads as upload_store
from tests.support.chunks import Place
from tests.support.database import database
from tests.support.machines import emptied, imitated, run_machine
from tests.support.servers import Store
from tests.support.upload_faults import Died, Fault, FaultyDb, FaultyDisk
from tests.support.uploads import ALICE, LIMITS, World, reader

CONTENT = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(250))
FAULT = st.one_of(st.none(), st.tuples(st.sampled_from(Fault), st.integers(0, 30)))
CUTS = st.lists(st.integers(0, len(CONTENT)), max_size=3).map(lambda cuts: [0, *sorted(cuts), len(CONTENT)])
Wrong = tuple[Fault, int] | None


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
        self.whole = ""
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(upload_store, "now_ms", self.world.clock)

    def teardown(self) -> None:
        try:
            self.time_passes(61)
            for part in range(len(self.parts)):
                if not self.done:
                    self.send(self.eye, part, len(CONTENT))
            if not self.done:
                self.name(self.eye)
            assert self.done
            assert self.eye.read(ALICE, self.whole) == CONTENT
            assert self.eye.files.usage("alice") == (len(CONTENT), 0)
            self.eye.assert_sound()
            assert {file_id for file_id, _, _ in self.eye.chunks.scan()} == {self.whole}
        finally:
            self.patch.undo()
            self.client.close()

    @initialize(ends=CUTS, sized=st.booleans())
    def create(self, ends: list[int], sized: bool) -> None:
        self.pieces = [CONTENT[start:stop] for start, stop in pairwise(ends)]
        tus = Resumable(self.world.service, self.world.folders)
        self.parts = [tus.create(ALICE, size=len(one) if sized else None, partial=True).id for one in self.pieces]

    @property
    def done(self) -> bool:
        return bool(self.whole) and self.eye.files.get(self.whole) is not None

    def send(self, world: World, part: int, length: int) -> None:
        """Some more bytes of a part, and how long it is, as its client would."""
        tus, piece = Resumable(world.service, world.folders), self.pieces[part]
        offset = tus.state(ALICE, self.parts[part]).offset
        body = reader(piece[offset : offset + length], 700)
        tus.send(ALICE, self.parts[part], offset, lambda _: body, size=len(piece))

    def name(self, world: World) -> Progress:
        """Begin the whole, which can be repeated until there is the file."""
        found = Resumable(world.service, world.folders).concatenate(ALICE, self.parts)
        self.whole = found.id
        return found

    def attempt(self, fault: Wrong, work: Callable[[], Any], *refusals: type[BaseException]) -> None:
        refusal: BaseException | None = None
        if fault is not None:
            self.db.arm(*fault)
        try:
            work()
        except (Died, BackofficeError) as error:
            refusal = error
        fired = self.db.disarm()
        if refusal is not None and not fired and not isinstance(refusal, refusals):
            raise refusal
        joined = {one.joins for part in self.parts if (one := self.eye.uploads.get(part)) is not None} - {""}
        assert len(joined) <= 1
        self.whole = self.whole or "".join(joined) or self.found()

    def found(self) -> str:
        """The file, where the client has not learned of it."""
        return "".join(one for one in {file_id for file_id, _, _ in self.eye.chunks.scan()} if self.eye.files.get(one))

    @precondition(lambda self: not self.done)
    @rule(pick=st.integers(0, 3), length=st.integers(0, 3000), fault=FAULT)
    def a_part_goes_on(self, pick: int, length: int, fault: Wrong) -> None:
        part = pick % len(self.parts)
        self.attempt(fault, lambda: self.send(self.world, part, length), Completing, UploadClosed)

    @precondition(lambda self: not self.done)
    @rule(fault=FAULT)
    def the_whole_is_named(self, fault: Wrong) -> None:
        self.attempt(fault, lambda: self.name(self.world), Completing)

    @precondition(lambda self: self.whole)
    @rule(fault=FAULT)
    def somebody_asks_for_the_whole(self, fault: Wrong) -> None:
        self.attempt(
            fault, lambda: Resumable(self.world.service, self.world.folders).state(ALICE, self.whole), Completing
        )

    @precondition(lambda self: not self.done)
    @rule(pick=st.integers(0, 3), fault=FAULT)
    def two_send_the_same_and_the_whole_is_named_meanwhile(self, pick: int, fault: Wrong) -> None:
        part = pick % len(self.parts)
        tus, piece, named = Resumable(self.world.service, self.world.folders), self.pieces[part], list[bool]()
        found = self.eye.uploads.get(self.parts[part])
        if found is None or found.state is not UploadState.OPEN:
            return
        source = reader(piece[found.bytes :], 900)

        def read_into(view: memoryview) -> int:
            if not named:
                named.append(True)
                try:
                    self.send(self.eye, part, 500)
                    self.name(self.eye)
                except Completing:
                    pass
            return source(view)

        self.attempt(
            fault,
            lambda: tus.send(ALICE, self.parts[part], found.bytes, lambda _: read_into, size=len(piece)),
            Completing,
            OffsetMismatch,
            UploadClosed,
            NotFound,
            Conflict,
        )

    @rule(seconds=st.sampled_from((1, 61)))
    def time_passes(self, seconds: int) -> None:
        for world in (self.world, self.eye):
            world.clock.forward(seconds)

    @invariant()
    def the_quota_counts_what_there_is(self) -> None:
        if not hasattr(self, "parts"):
            return
        there = [one for part in self.parts if (one := self.eye.uploads.get(part)) is not None]
        used, reserved = self.eye.files.usage("alice")
        assert (used, reserved) == (len(CONTENT) if self.done else 0, sum(one.reserved for one in there))
        assert not (self.done and there), "a part is there beside the file"
        for one in there:
            assert one.bytes <= one.reserved
            assert one.size == UNKNOWN or one.bytes <= one.size
        if len(there) == len(self.parts):
            self.eye.assert_sound()


def test_on_the_fake() -> None:
    run_machine(Machine, imitated, 4, 15)


@pytest.mark.usefixtures("place")
def test_on_a_real_server(store_server: Store) -> None:
    run_machine(Machine, emptied(store_server), 12, 15)
