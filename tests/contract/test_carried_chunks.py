"""Chunks whose bytes go into the store with the change of the records that tells of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import CarriedChunk, Chunk, ChunkStat, Upload
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    ChunksMissing,
    NameTaken,
    NotFound,
    QuotaExceeded,
    Unavailable,
    UploadClosed,
)
from backoffice.stores.chunks import redis as redis_chunks
from tests.support.people import CountedDb
from tests.support.upload_faults import Fault, FaultyDb
from tests.support.uploads import ALICE, KEYS, LIMITS, World, reader

DATA = b"x" * 900
CHUNK = Chunk(900, b"x" * 16, b"s" * 32)
OTHER = Chunk(900, b"y" * 16, b"t" * 32)
HOUR = 3_600_000


@pytest.fixture(params=["argument", "staged"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small bytes are an argument of the script; larger ones wait for it under a key."""
    if request.param == "staged":
        monkeypatch.setattr(redis_chunks, "_WITHIN_SCRIPT", 0)
    return str(request.param)


def left(redis: Any) -> list[bytes]:
    """Bytes that wait for a script."""
    return [key for key in redis.keys("*") if b":staged:" in key]


def store(world: World, upload: Upload, chunk: Chunk = CHUNK, quota: int = 10_000, index: int = 0) -> Upload | None:
    carried = world.chunks.carry(upload.id, index, DATA, now_ms() + HOUR)
    assert carried is not None
    limits = {"expires_at": upload.expires_at + 1, "largest": 10_000, "quota": quota}
    return world.uploads.store_chunk(upload, index, chunk, carried, **limits)


@pytest.mark.one_server
def test_a_chunk_is_stored_and_noted_in_one_trip_and_repeating_it_changes_nothing(redis: Any, way: str) -> None:
    db = CountedDb(redis)
    world = World.over(redis, db=db)
    upload = world.begin(ALICE, [DATA, DATA])
    for turn in range(3):
        before = db.trips
        noted = store(world, upload)
        assert db.trips - before == 1 or not turn
        assert noted is not None
        assert (noted.received, noted.bytes) == (1, 900)
    assert world.chunks.get(upload.id, 0) == DATA
    assert 0 < redis.pttl(KEYS.chunk(upload.id, 0)) <= HOUR
    assert world.uploads.chunk_map(upload.id, 2).chunks == (CHUNK, None)
    assert world.uploads.part_of_map(upload.id, 0, 1).chunks == (CHUNK,)
    assert world.uploads.part_of_map(upload.id, 1, 1).chunks == (None,)
    assert left(redis) == []


@pytest.mark.one_server
@pytest.mark.usefixtures("way")
def test_one_that_is_there_and_not_noted_is_left_alone(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, [DATA, DATA])
    world.chunks.put(upload.id, 0, b"other", now_ms() + HOUR)
    assert store(world, upload) is None
    assert world.chunks.get(upload.id, 0) == b"other"
    assert world.uploads.get(upload.id) == upload
    assert left(redis) == []
    with pytest.raises(ChunkConflict):
        world.put(ALICE, upload.id, 0, [DATA, DATA])
    world.exchange(upload.id, 0, DATA, kept=False)
    world.put(ALICE, upload.id, 0, [DATA, DATA])
    assert world.service.state(ALICE, upload.id).upload.received == 1
    world.assert_sound()


@pytest.mark.one_server
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("error", [NotFound, UploadClosed, ChunkConflict, QuotaExceeded])
def test_one_that_is_refused_leaves_nothing(redis: Any, world: World, error: type[BackofficeError]) -> None:
    upload = world.begin(ALICE, [DATA], sized=False)
    quota = 10_000
    match error.code:
        case NotFound.code:
            world.service.cancel(ALICE, upload.id)
        case UploadClosed.code:
            world.uploads.mark(upload, [(0, CHUNK)], expires_at=1, largest=10_000, quota=10_000)
            world.uploads.lease(upload.id, upload.owner, "token", 60)
        case ChunkConflict.code:
            world.uploads.mark(upload, [(0, OTHER)], expires_at=1, largest=10_000, quota=10_000)
        case _:
            quota = 899
    with pytest.raises(error):
        store(world, upload, quota=quota)
    assert world.chunks.get(upload.id, 0) is None
    assert left(redis) == []


def test_bytes_that_have_not_waited_are_no_chunk(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, [DATA, DATA])
    carried = CarriedChunk(KEYS.chunk(upload.id, 0), DATA, KEYS.staged(upload.id, 0, "t"), HOUR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backoffice.stores.uploads.stage", lambda _: [])
        with pytest.raises(Unavailable):
            world.uploads.store_chunk(upload, 0, CHUNK, carried, expires_at=1, largest=10_000, quota=10_000)
    assert world.uploads.get(upload.id) == upload
    assert left(redis) == []


def test_bytes_that_wait_go_by_themselves_and_are_no_chunk_for_fsck(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, [DATA, DATA])
    key = KEYS.staged(upload.id, 0, "token")
    redis.set(key, DATA, px=60_000)
    assert list(world.chunks.scan()) == []
    world.assert_sound()


@pytest.mark.usefixtures("way")
def test_a_server_that_forgot_its_scripts_is_told_again(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, [DATA, DATA])
    redis.script_flush()
    world.put(ALICE, upload.id, 0, [DATA, DATA])
    redis.script_flush()
    file = world.service.upload_stream(ALICE, FileSpec("a"), reader(DATA), 900)
    assert world.read(ALICE, file.id) == DATA
    assert left(redis) == []


@pytest.mark.usefixtures("way")
def test_a_small_file_whose_commit_is_refused_leaves_no_bytes(redis: Any, world: World) -> None:
    spec = FileSpec("a.txt", on_conflict=OnConflict.FAIL)
    file = world.service.upload_stream(ALICE, spec, reader(DATA), 900)
    assert world.chunks.stat(file.id, [0]) == [ChunkStat(900, kept=True)]
    with pytest.raises(NameTaken):
        world.service.upload_stream(ALICE, spec, reader(DATA), 900)
    assert left(redis) == []
    assert [one[0] for one in world.chunks.scan()] == [file.id]


@pytest.mark.real_only
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.LOST_ANSWER])
def test_a_chunk_whose_answer_is_lost_is_sent_again(redis: Any, fault: Fault) -> None:
    """Also the pair of a first chunk and its completion."""
    parts, done = [DATA, b"y" * 900], False
    for after in range(20):
        db = FaultyDb(redis, shebang=True)
        world = World.over(redis, db=db)
        upload = world.begin(ALICE, parts)
        db.arm(fault, after)
        for index in (0, 1):
            try:
                world.put(ALICE, upload.id, index, parts)
            except Unavailable:
                world.put(ALICE, upload.id, index, parts)
        done = not db.disarm()
        file = world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=1800)
        assert world.read(ALICE, file.id) == b"".join(parts)
        assert left(redis) == []
        world.assert_sound()
        if done:
            break
    assert done
    assert after > 2


# --- completion: the chunks are kept by the commit


@pytest.mark.one_server
@pytest.mark.parametrize("count", [1, 3, 100])
def test_completing_takes_two_trips_however_many_chunks(redis: Any, count: int) -> None:
    db = CountedDb(redis)
    world = World.over(redis, db=db)
    parts = [b"%03d" % number for number in range(count)]
    world.stored(ALICE, parts)  # the server knows the scripts then
    upload = world.partly(ALICE, parts, count)
    before = db.trips
    file = world.service.complete(ALICE, upload.id, FileSpec("b"), total_size=3 * count)
    assert db.trips - before == 2
    assert world.chunks.stat(file.id, range(count)) == [ChunkStat(3, kept=True)] * count
    world.assert_sound()


@pytest.mark.parametrize("size", [5, 0, None])
def test_a_chunk_that_is_lost_or_changed_is_found_and_nothing_is_kept(world: World, size: int | None) -> None:
    """When the commit finds out: then it is listed, and the others stay held."""
    parts = [DATA, b"y" * 900, b"z" * 900]
    upload = world.partly(ALICE, parts, 3)
    if size is None:
        world.lose(upload.id, 1)
    else:
        world.exchange(upload.id, 1, b"x" * size, kept=False)
    with pytest.raises(ChunksMissing) as caught:
        world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=2700)
    assert caught.value.details["missing"] == [(1, 1)]
    assert [stat and stat.kept for stat in world.chunks.stat(upload.id, [0, 2])] == [False, False]
    world.lose(upload.id, 1)
    world.put(ALICE, upload.id, 1, parts)
    file = world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=2700)
    assert world.read(ALICE, file.id) == b"".join(parts)
    world.assert_sound()


def test_more_chunks_than_a_commit_keeps_are_kept_before_it(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_chunks, "_MOST_WITHIN_COMMIT", 2)
    world = World.over(redis, replace(LIMITS, max_chunks=10))
    file = world.stored(ALICE, [b"a", b"b", b"c"])
    assert [stat and stat.kept for stat in world.chunks.stat(file.id, range(3))] == [True] * 3
    world.assert_sound()


def test_somebody_elses_upload_is_not_touched(world: World) -> None:
    upload = world.partly(ALICE, [DATA], 1)
    with pytest.raises(NotFound):
        world.uploads.lease(upload.id, "bob", "token", 60)
    assert world.service.state(ALICE, upload.id).upload.lease == ""
