"""The chunk service against a model of it: any order, repeats, wrong bytes, expiry, and a fault at any call of
the store.

Where a call goes wrong, the client does not know what became of it; the model then looks which of the allowed outcomes
it was, and from there on holds the service to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from backoffice.domain.access import Actor
from backoffice.domain.files import File, FileSpec, FileState, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.domain.uploads import UploadState
from backoffice.errors import (
    BackofficeError,
    ChecksumMismatch,
    ChunksMissing,
    Completing,
    Invalid,
    NameTaken,
    NotFound,
    QuotaExceeded,
    TooMany,
)
from tests.support.chunks import Place
from tests.support.machines import emptied, imitated, run_machine
from tests.support.servers import Store
from tests.support.upload_faults import Fault
from tests.support.upload_machine import LIFE, NAMES, PEOPLE, Coming, Model, Wrong
from tests.support.uploads import LIMITS, reader

SIZES = st.lists(st.integers(1, 1500), min_size=1, max_size=4)
PICK = st.integers(0, 20)
RARELY = st.sampled_from((False, False, False, False, True))
WHO = st.sampled_from(PEOPLE)
FAULT = st.one_of(st.none(), st.tuples(st.sampled_from(Fault), st.integers(0, 18)))


class Machine(Model):
    """One sequence of acts."""

    def teardown(self) -> None:
        try:
            self.end()
        finally:
            self.patch.undo()
            self.client.close()

    def end(self) -> None:
        """All files are whole; of all uploads nothing is left when their time is over, of no file a chunk too many."""
        self.versions_are_whole()
        for file_id in self.in_state(FileState.READY):
            kept = self.files[file_id]
            assert self.eye.read(kept.owner, file_id) == kept.content
        self.time_passes(LIFE, None)
        assert not self.coming
        if Place.current.directory is not None:  # in Redis they go by the server's clock, which nobody sets
            assert {content for content, _, _ in self.eye.chunks.scan()} <= self.held()
        self.quotas_are_exact()
        self.eye.assert_sound()

    # -- faults and time

    @rule(seconds=st.sampled_from((1, 61, 61, 1800, LIMITS.upload_seconds + 1, LIFE)), fault=FAULT)
    def time_passes(self, seconds: int, fault: Wrong) -> None:
        self.world.clock.forward(seconds)
        self.expire(fault)
        self.collect(fault)

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
        self,
        upload_id: str,
        coming: Coming,
        index: int,
        *,
        other: bool = False,
        wrong_total: bool = False,
        fault: Wrong = None,
    ) -> None:
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

    @precondition(lambda self: self.known)
    @rule(
        pick=PICK,
        name=st.sampled_from(NAMES),
        conflict=st.sampled_from(OnConflict),
        twice=st.booleans(),
        wrong=st.sampled_from(("", "", "", "", "size", "digest")),
        digest=st.booleans(),
        early=RARELY,
        backwards=st.booleans(),
        fault=FAULT,
    )
    def complete(
        self,
        pick: int,
        name: str,
        conflict: OnConflict,
        twice: bool,
        wrong: str,
        digest: bool,
        early: bool,
        backwards: bool,
        fault: Wrong,
    ) -> None:
        upload_id, coming = self.pick(pick)
        if not early:
            self.put_what_is_missing(upload_id, backwards=backwards)
        content = b"".join(coming.chunks.get(index, b"") for index in range(len(coming.parts)))
        sha256 = hashlib.sha256(content + (b"!" if wrong == "digest" else b"")).digest()

        def complete() -> File:
            return self.world.service.complete(
                coming.owner,
                upload_id,
                FileSpec(name, digest=sha256 if digest or wrong == "digest" else b"", on_conflict=conflict),
                total_size=len(content) + (wrong == "size"),
            )

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
            self.keep(tried.result, content, upload_id)
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
        self.eye.lose(upload_id, index)
        with pytest.raises(ChunksMissing) as caught:
            self.world.service.complete(coming.owner, upload_id, FileSpec("x"), total_size=size)
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
        owner=WHO,
        size=st.integers(0, 5000),
        step=st.integers(1, 3000),
        known=st.booleans(),
        cut=st.integers(-1, 5000),
        name=st.sampled_from(NAMES),
        fault=FAULT,
    )
    def upload_stream(self, owner: Actor, size: int, step: int, known: bool, cut: int, name: str, fault: Wrong) -> None:
        body = b"w" * size
        broken = 0 <= cut < size

        def send() -> File | None:
            source = reader(body, step, fail_at=cut if broken else -1)
            try:
                return self.world.service.upload_stream(owner, FileSpec(name), source, size if known else None)
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
        pick=PICK,
        act=st.sampled_from(("rename", "trash", "restore", "purge", "digest")),
        name=st.sampled_from(NAMES),
        fault=FAULT,
    )
    def change_a_file(self, pick: int, act: str, name: str, fault: Wrong) -> None:
        file_id = list(self.files)[pick % len(self.files)]
        kept, library = self.files[file_id], self.world.library
        acts: dict[str, tuple[Callable[[], Any], FileState | None]] = {
            "rename": (lambda: library.rename(kept.owner, file_id, name), FileState.READY),
            "trash": (lambda: library.trash(kept.owner, file_id), FileState.TRASHED),
            "restore": (lambda: library.restore(kept.owner, file_id), FileState.READY),
            "purge": (lambda: library.purge(kept.owner, file_id), None),
            "digest": (lambda: library.digest_pending(set(), lambda: None), kept.state),
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
            mine = {
                one: kept.name for one in self.in_state(FileState.READY) if (kept := self.files[one]).owner == owner
            }
            assert {file.id: file.name for file in page.items} == mine


def test_on_the_fake() -> None:
    run_machine(Machine, imitated, 4, 25)


@pytest.mark.usefixtures("place")
def test_on_a_real_server(store_server: Store) -> None:
    run_machine(Machine, emptied(store_server), 20, 40)
