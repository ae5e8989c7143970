"""Streams against a model of them: appends cut at any byte, two at once, refused completions, and a fault at any call
of the store, the death of the process among them. What the record says has arrived is there, byte for byte, after
every step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from redis import Redis

from backoffice.domain.files import FileSpec
from backoffice.domain.uploads import Upload, UploadState
from backoffice.errors import BackofficeError, ChecksumMismatch, Completing, Invalid, OffsetMismatch, UploadClosed
from backoffice.stores import uploads as upload_store
from tests.support.database import database
from tests.support.machines import emptied, imitated, run_machine
from tests.support.servers import Store
from tests.support.upload_faults import Died, Fault, FaultyDb
from tests.support.uploads import ALICE, CHUNK, KEYS, LIMITS, World, reader

CONTENT = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(250))
"""Eight chunks, not all of one kind."""
FAULT = st.one_of(st.none(), st.tuples(st.sampled_from(Fault), st.integers(0, 14)))
LENGTH = st.one_of(st.integers(0, 3), st.integers(0, 2500))
Wrong = tuple[Fault, int] | None


class Machine(RuleBasedStateMachine):
    """One stream, and what its client knows of it: so much has arrived."""

    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.client = type(self).make()
        self.db = FaultyDb(self.client, shebang=database(self.client)._shebang)
        self.world, self.eye = World.over(self.client, LIMITS, self.db), World.over(self.client)
        self.offset, self.settled, self.done, self.harmed = 0, 0, False, False
        self.patch = pytest.MonkeyPatch()
        # Leases end by the same clock as everything else.
        self.patch.setattr(upload_store, "now_ms", self.world.clock)

    def teardown(self) -> None:
        try:
            if not self.done:
                self.world.clock.forward(61)
                self.complete(wrong="", digest=True, fault=None)
            assert self.done
            assert self.eye.files.usage("alice") == (self.offset, 0)
            self.eye.assert_sound()
        finally:
            self.patch.undo()
            self.client.close()

    @initialize(sized=st.booleans())
    def create(self, sized: bool) -> None:
        self.id = self.world.service.create_stream(ALICE, size=len(CONTENT) if sized else None).id

    @property
    def upload(self) -> Upload:
        found = self.eye.uploads.get(self.id)
        assert found is not None
        return found

    def attempt(self, fault: Wrong, work: Callable[[], Any], *refusals: type[BaseException]) -> tuple[bool, Any]:
        """Whether a fault came, and the refusal."""
        refusal = None
        if fault is not None:
            self.db.arm(*fault)
        try:
            work()
        except Died:
            pass
        except (BackofficeError, ConnectionResetError) as error:
            refusal = error
        fired = self.db.disarm()
        self.harmed = self.harmed or fired
        if refusal is not None and not fired and not isinstance(refusal, refusals):
            raise refusal
        return fired, refusal

    # -- appending

    @precondition(lambda self: not self.done and self.upload.state is UploadState.OPEN)
    @rule(length=LENGTH, step=st.integers(1, 1200), cut=st.booleans(), fault=FAULT)
    def append(self, length: int, step: int, cut: bool, fault: Wrong) -> None:
        start, stop = self.offset, min(self.offset + length, len(CONTENT))
        source = reader(CONTENT[start:stop], max(step, length // 20), fail_at=stop - start if cut else -1)
        fired, _ = self.attempt(
            fault, lambda: self.world.service.append(ALICE, self.id, start, source), ConnectionResetError
        )
        self.offset = self.upload.bytes
        assert start <= self.offset <= stop
        assert fired or self.offset == stop, "what arrived before the cut was not kept"

    @precondition(lambda self: not self.done and self.upload.state is UploadState.OPEN)
    @rule(length=LENGTH, right=st.booleans(), cut=st.booleans(), overtaken=st.booleans(), fault=FAULT)
    def append_with_a_checksum(self, length: int, right: bool, cut: bool, overtaken: bool, fault: Wrong) -> None:
        """All of it or nothing; while it comes, another may append before it is compared."""
        start, stop = self.offset, min(self.offset + length, len(CONTENT))
        source = reader(CONTENT[start:stop], 900, fail_at=stop - start if cut else -1)

        def check() -> None:
            if overtaken:
                self.eye.service.append(ALICE, self.id, start, reader(CONTENT[start : start + 1]))
            if not right:
                raise ChecksumMismatch

        fired, _ = self.attempt(
            fault,
            lambda: self.world.service.append_checked(ALICE, self.id, start, source, check),
            ConnectionResetError,
            ChecksumMismatch,
            OffsetMismatch,
        )
        self.offset = self.upload.bytes
        if cut or not right or overtaken:
            assert self.offset in {start, min(start + 1, len(CONTENT))}, "what was not compared counts"
        else:
            assert fired or self.offset == stop

    @precondition(lambda self: not self.done and self.upload.state is UploadState.OPEN)
    @rule(mine=LENGTH, other=st.integers(1, 2500), at=st.integers(0, 2500), fault=FAULT)
    def append_twice_at_once(self, mine: int, other: int, at: int, fault: Wrong) -> None:
        """While one appends, its client comes back over another connection and appends, too."""
        start, stop = self.offset, min(self.offset + mine, len(CONTENT))
        source, received, ends = reader(CONTENT[start:stop], 150), 0, []

        def read_into(view: memoryview) -> int:
            nonlocal received
            if received >= at and not ends:
                begin = self.upload.bytes
                ends.append(min(begin + other, len(CONTENT)))
                self.eye.service.append(ALICE, self.id, begin, reader(CONTENT[begin : ends[0]]))
            count = source(view)
            received += count
            return count

        _, refusal = self.attempt(
            fault, lambda: self.world.service.append(ALICE, self.id, start, read_into), OffsetMismatch
        )
        self.offset = self.upload.bytes
        assert self.offset >= start
        if ends:
            assert self.offset == ends[0], "who had been overtaken noted something"
        if isinstance(refusal, OffsetMismatch):
            assert refusal.details["offset"] == self.offset

    @precondition(lambda self: not self.done)
    @rule(wrong=st.integers(-3000, 3000).filter(bool))
    def append_elsewhere(self, wrong: int) -> None:
        offset = self.offset + wrong
        _, refusal = self.attempt(
            None,
            lambda: self.world.service.append(ALICE, self.id, offset, reader(b"never")),
            OffsetMismatch,
            UploadClosed,
        )
        assert isinstance(refusal, UploadClosed) or refusal.details == {"offset": self.offset}

    # -- completing

    @precondition(lambda self: not self.done)
    @rule(wrong=st.sampled_from(("size", "digest")), fault=FAULT)
    def complete_in_vain(self, wrong: str, fault: Wrong) -> None:
        self.complete(wrong=wrong, digest=False, fault=fault)

    @precondition(lambda self: not self.done and self.offset > len(CONTENT) // 2)
    @rule(digest=st.booleans(), fault=FAULT)
    def complete(self, digest: bool, fault: Wrong, wrong: str = "") -> None:
        content = CONTENT[: self.offset] + (b"!" if wrong == "digest" else b"")
        spec = FileSpec("a", digest=hashlib.sha256(content).digest() if digest or wrong == "digest" else b"")
        size = self.offset + (wrong == "size")
        self.settled += 1
        fired, refusal = self.attempt(
            fault,
            lambda: self.world.service.complete(ALICE, self.id, spec, total_size=size),
            *((Invalid, ChecksumMismatch) if wrong else ()),
            Completing,
        )
        file = self.eye.files.get(self.id)
        self.done = file is not None
        if isinstance(refusal, Completing):
            assert self.upload.lease_until > self.world.clock()
        elif not fired:
            assert self.done == (not wrong)
        if file is not None:
            assert not wrong
            assert self.eye.read(ALICE, file.id) == CONTENT[: self.offset]

    # -- faults and time

    @precondition(lambda self: not self.done and self.upload.received)
    @rule(index=st.integers(0, 20), find=st.booleans())
    def lose_a_chunk(self, index: int, find: bool) -> None:
        """As a failover might. A completion finds it, or `fsck`; then the offset goes back to it."""
        if self.upload.state is not UploadState.OPEN:
            return
        lost = index % self.upload.received
        before = self.eye.uploads.chunk_map(self.id, lost).size
        self.client.delete(KEYS.chunk(self.id, self.upload.stored_at(lost)))
        self.harmed = True
        if find:
            self.eye.fsck(fix=True)
        else:
            with pytest.raises(BackofficeError):
                self.eye.service.complete(ALICE, self.id, FileSpec("a"), total_size=self.offset)
        self.offset = self.upload.bytes
        assert self.offset == before

    @rule(seconds=st.sampled_from((1, 61)))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.forward(seconds)

    # -- what always holds

    @invariant()
    def what_has_arrived_is_there(self) -> None:
        if self.done or not hasattr(self, "id"):
            return
        upload = self.upload
        assert upload.bytes == self.offset
        parts = [self.eye.chunks.get(self.id, upload.stored_at(index)) for index in range(upload.received)]
        assert None not in parts
        assert b"".join(part or b"" for part in parts) == CONTENT[: self.offset]
        assert upload.received <= self.offset // CHUNK + 1 + self.settled, "there are too many chunks"
        if self.harmed:  # what comes of acts that nothing disturbs, `test_streams.py` and the end say
            self.eye.assert_sound()
            self.harmed = False


def test_on_the_fake() -> None:
    run_machine(Machine, imitated, 4, 20)


def test_on_a_real_server(store_server: Store) -> None:
    run_machine(Machine, emptied(store_server), 40, 30)
