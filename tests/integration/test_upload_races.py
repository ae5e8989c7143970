"""Many at once, on a real server: one of many writers wins, quotas are exact, a completion has one answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest

from backoffice.domain.files import File, FileSpec, FileState, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    Completing,
    NameTaken,
    NotFound,
    OffsetMismatch,
    QuotaExceeded,
    TooMany,
    UploadClosed,
    VersionMismatch,
)
from tests.support.servers import Store
from tests.support.uploads import ALICE, LIMITS, World, reader

T = TypeVar("T")
Outcome = T | BackofficeError

PARTS = [b"a" * 1000, b"b" * 500]
CONTENT = b"".join(PARTS)
MANY = 24

pytestmark = pytest.mark.usefixtures("place")


@pytest.fixture
def world(store_server: Store) -> Iterator[World]:
    with store_server.client() as client:
        client.flushall()
        world = World.over(client)
        yield world
        world.assert_sound()


def at_once(works: Sequence[Callable[[], T]]) -> list[Outcome[T]]:
    """Their results or refusals, all begun at the same moment."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> Outcome[T]:
        gate.wait()
        try:
            return work()
        except BackofficeError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def kinds(outcomes: Sequence[object]) -> Counter[type]:
    return Counter(map(type, outcomes))


def patient(world: World, upload_id: str) -> File:
    """Complete as a client does: `completing` means ask again in a moment."""
    while True:
        try:
            return world.service.complete(ALICE, upload_id, FileSpec("a.txt"), total_size=len(CONTENT))
        except Completing:
            threading.Event().wait(0.01)


def test_one_of_many_bodies_for_an_index_wins(world: World) -> None:
    upload = world.begin(ALICE, PARTS, sized=False)
    bodies = [bytes([65 + number]) * 1000 for number in range(16)]

    def put(body: bytes) -> bytes:
        world.service.put_chunk(ALICE, upload_id=upload.id, index=0, total_chunks=2, data=body)
        return body

    outcomes = at_once([lambda body=body: put(body) for body in bodies])
    assert kinds(outcomes) == {bytes: 1, ChunkConflict: 15}
    assert world.chunks.get(upload.id, 0) in outcomes


def test_the_same_chunk_many_times_is_one_chunk(world: World) -> None:
    upload = world.begin(ALICE, PARTS, sized=False)
    outcomes = at_once([lambda: world.put(ALICE, upload.id, 0, PARTS)] * 16)
    assert kinds(outcomes) == {type(None): 16}
    assert world.service.state(ALICE, upload.id).upload.received == 1
    assert world.files.usage("alice") == (0, 1000)


# CVE-2026-77633: parallel creates that each look before any of them reserves
def test_a_quota_is_exact_under_64_parallel_creates(world: World) -> None:
    service = replace(world.service, limits=replace(LIMITS, quota=10_500))
    outcomes = at_once([lambda: service.start(ALICE, total_chunks=1, size=1000)] * 64)
    assert sum(isinstance(one, QuotaExceeded) for one in outcomes) == 54
    assert world.files.usage("alice") == (0, 10_000)


def test_a_quota_is_exact_when_sizes_are_unknown(world: World) -> None:
    service = replace(world.service, limits=replace(LIMITS, quota=10_500))
    uploads = [service.start(ALICE, total_chunks=1) for _ in range(32)]

    def put(upload_id: str) -> str:
        service.put_chunk(ALICE, upload_id=upload_id, index=0, total_chunks=1, data=b"x" * 1000)
        return upload_id

    outcomes = at_once([lambda one=one: put(one.id) for one in uploads])
    assert kinds(outcomes) == {str: 10, QuotaExceeded: 22}
    assert world.files.usage("alice") == (0, 10_000)


def test_a_quota_is_exact_for_bodies_of_unknown_length(world: World) -> None:
    service = replace(world.service, limits=replace(LIMITS, quota=10_500))
    send = [lambda: service.upload_stream(ALICE, FileSpec("b"), reader(b"x" * 2500))] * 8
    stored = [one for one in at_once(send) if isinstance(one, File)]
    assert world.files.usage("alice") == (2500 * len(stored), 0)
    assert 1 <= len(stored) <= 4


def test_the_number_of_open_uploads_is_exact(world: World) -> None:
    service = replace(world.service, limits=replace(LIMITS, max_open=5))
    outcomes = at_once([lambda: service.create_stream(ALICE)] * 32)
    assert sum(isinstance(one, TooMany) for one in outcomes) == 27


def test_parallel_completions_give_one_file_and_one_answer(world: World) -> None:
    for _ in range(5):
        upload = world.partly(ALICE, PARTS, 2)
        outcomes = at_once([lambda one=upload.id: patient(world, one)] * 8)
        first = outcomes[0]
        assert isinstance(first, File)
        assert all(one == first for one in outcomes)
        assert world.read(ALICE, first.id) == CONTENT
    assert world.library.page(ALICE, Query()).total == 5


def test_a_late_repeat_of_a_chunk_does_no_harm_to_the_file(world: World) -> None:
    for _ in range(10):
        upload = world.partly(ALICE, PARTS, 1)
        works: list[Callable[[], object]] = [lambda one=upload.id: world.put(ALICE, one, 1, PARTS)] * 4
        works.append(lambda one=upload.id: patient(world, one))
        at_once(works)
        file = patient_after(world, upload.id)
        assert world.read(ALICE, file.id) == CONTENT


def patient_after(world: World, upload_id: str) -> File:
    """Send what is missing, then complete."""
    if world.files.get(upload_id) is None:
        world.put(ALICE, upload_id, 1, PARTS)
    return patient(world, upload_id)


def test_complete_against_cancel_against_expiry_has_one_winner(world: World) -> None:
    ends: Counter[str] = Counter()
    for _ in range(20):
        upload = world.partly(ALICE, PARTS, 2)
        late = replace(world.service, now=lambda: world.clock() + LIMITS.upload_seconds * 1000 + 1)
        works: list[Callable[[], object]] = [
            lambda one=upload.id: world.service.complete(ALICE, one, FileSpec("a"), total_size=len(CONTENT)),
            lambda one=upload.id: world.service.cancel(ALICE, one),
            late.cleanup.expire_due,
        ]
        completed, cancelled, _ = at_once(works)
        file = world.files.get(upload.id)
        assert world.uploads.get(upload.id) is None
        if isinstance(completed, File):
            assert file == completed
            assert world.read(ALICE, upload.id) == CONTENT
            assert isinstance(cancelled, Completing | NotFound)
        else:
            assert isinstance(completed, NotFound | UploadClosed | Completing | VersionMismatch)
            assert file is None
            assert world.chunks.stat(upload.id, [0, 1]) == [None, None]
        ends["completed" if file else "given up"] += 1
        used, reserved = world.files.usage("alice")
        assert (used, reserved) == (ends["completed"] * len(CONTENT), 0)


@pytest.mark.parametrize("conflict", list(OnConflict))
def test_many_files_of_one_name_at_once(world: World, conflict: OnConflict) -> None:
    uploads = [world.partly(ALICE, PARTS, 2) for _ in range(MANY)]

    def complete(upload_id: str) -> File:
        return world.service.complete(
            ALICE, upload_id, FileSpec("Same.txt", on_conflict=conflict), total_size=len(CONTENT)
        )

    outcomes = at_once([lambda one=one: complete(one.id) for one in uploads])
    files = [one for one in outcomes if isinstance(one, File)]
    ready = [file for one in files if (file := world.files.get(one.id)) is not None and file.state is FileState.READY]
    match conflict:
        case OnConflict.RENAME:
            assert len(files) == MANY, outcomes
        case OnConflict.FAIL:
            assert kinds(outcomes) == {File: 1, NameTaken: MANY - 1}
        case OnConflict.REPLACE:
            assert len(files) == MANY, outcomes
            assert {one.number for one in ready} == {MANY}, "each took the place of one other"
            ready = ready[:1]
    assert len({fold(one.name) for one in ready}) == len(ready)


def test_many_files_renamed_to_one_name_at_once(world: World) -> None:
    files = [world.stored(ALICE, PARTS, f"{number}.txt") for number in range(8)]
    outcomes = at_once([lambda one=one: world.library.rename(ALICE, one.id, "wanted") for one in files])
    assert kinds(outcomes) == {File: 1, NameTaken: 7}


def test_one_file_renamed_by_many_at_once_has_one_of_the_names(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    outcomes = at_once([lambda n=n: world.library.rename(ALICE, file.id, f"n{n}", file.version) for n in range(8)])
    assert kinds(outcomes) == {File: 1, VersionMismatch: 7}
    [winner] = [one for one in outcomes if isinstance(one, File)]
    assert world.files.get(file.id) == winner


def test_many_appending_to_one_stream_make_one_content(world: World) -> None:
    """Each goes on where the record says, and is overtaken again and again. The offset never falls."""
    content = b"".join(bytes([number]) * 97 for number in range(60))
    for step in (150, 1100, 2500):
        upload = world.service.create_stream(ALICE, size=len(content))

        def send(upload_id: str = upload.id, step: int = step) -> int:
            refused, offset = 0, 0
            while offset < len(content):
                before, offset = offset, world.service.state(ALICE, upload_id).upload.bytes
                assert offset >= before
                try:
                    world.service.append(ALICE, upload_id, offset, reader(content[offset : offset + step], 90))
                except OffsetMismatch:
                    refused += 1
            return refused

        outcomes = at_once([send] * 6)
        assert all(isinstance(one, int) for one in outcomes), outcomes
        assert any(outcomes), "nobody was overtaken"
        world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=len(content))
        assert world.read(ALICE, upload.id) == content
        assert world.files.usage("alice")[1] == 0


def test_trash_restore_and_purge_at_once_leave_a_whole_file_or_none(world: World) -> None:
    for _ in range(10):
        file = world.stored(ALICE, PARTS)
        works: list[Callable[[], object]] = [
            lambda one=file.id: world.library.trash(ALICE, one),
            lambda one=file.id: world.library.restore(ALICE, one),
            lambda one=file.id: world.library.purge(ALICE, one),
        ]
        at_once(works)
        assert world.files.get(file.id) is None
        assert world.files.usage("alice") == (0, 0)
