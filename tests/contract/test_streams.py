"""Streams: what has arrived is kept to the last byte, the offset never lies, and one appends at a time."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import TAILS, Upload
from backoffice.errors import (
    BackofficeError,
    ChecksumMismatch,
    ChunkConflict,
    ChunksMissing,
    Conflict,
    Invalid,
    NameTaken,
    NotFound,
    OffsetMismatch,
    QuotaExceeded,
    TooLarge,
    UploadClosed,
)
from backoffice.stores.client import connect
from backoffice.stores.fsck.chunks import ChunkCheck
from tests.support.servers import Store
from tests.support.uploads import ALICE, CHUNK, LIMITS, World, person, reader

pytestmark = pytest.mark.usefixtures("place")

CONTENT = bytes(range(251)) * 20
"""Five chunks and 20 bytes, no two chunks alike."""


def append(world: World, upload_id: str, stop: int, *, cut: bool = False, content: bytes = CONTENT) -> Upload:
    """Send what is missing up to `stop`. `cut`: then the connection breaks."""
    offset = world.service.state(ALICE, upload_id).upload.bytes
    source = reader(content[offset:stop], fail_at=stop - offset if cut else -1)
    if cut:
        with pytest.raises(ConnectionResetError):
            world.service.append(ALICE, upload_id, offset, source)
        return world.service.state(ALICE, upload_id).upload
    return world.service.append(ALICE, upload_id, offset, source)


def complete(world: World, upload_id: str, size: int = len(CONTENT), **options: Any) -> File:
    return world.service.complete(ALICE, upload_id, FileSpec("a.txt", **options), total_size=size)


def stored(world: World, upload: Upload) -> bytes:
    """What lies where the upload's record says."""
    return b"".join(world.chunks.get(upload.id, upload.stored_at(index)) or b"" for index in range(upload.received))


@pytest.mark.cluster
@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_stream_goes_on_where_it_was_cut(redis: Any, size: int | None) -> None:
    upload = World.over(redis).service.create_stream(ALICE, size=size, name="a.txt")
    for stop in (1, 999, 1000, 1001, 1500, 1501, 3999, 4000, 4001, len(CONTENT)):
        world = World.over(redis)
        now = append(world, upload.id, stop, cut=True)
        assert (now.bytes, now.received) == (stop, -(-stop // CHUNK))
        assert stored(world, now) == CONTENT[:stop]
        assert world.files.usage("alice") == (0, size or stop)
        world.assert_sound()
    file = complete(World.over(redis), upload.id)
    assert World.over(redis).read(ALICE, file.id) == CONTENT
    assert (file.total_chunks, file.sha256) == (6, "")
    world.assert_sound()
    assert world.files.usage("alice") == (len(CONTENT), 0)


def test_an_append_that_says_another_offset_changes_nothing(world: World) -> None:
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1500)
    before = world.uploads.get(upload.id)
    for offset in (0, 1499, 1501, 5000):
        with pytest.raises(OffsetMismatch) as caught:
            world.service.append(ALICE, upload.id, offset, reader(b"x"))
        assert caught.value.details == {"offset": 1500}
        assert caught.value.code == "offset_mismatch"
    assert world.uploads.get(upload.id) == before
    assert append(world, upload.id, len(CONTENT)).bytes == len(CONTENT)


def test_an_append_of_nothing_keeps_what_was_there(world: World) -> None:
    upload = world.service.create_stream(ALICE)
    for stop in (0, 700, 700):
        assert append(world, upload.id, stop).bytes == stop
    assert complete(world, upload.id, 700).size == 700
    assert complete(world, world.service.create_stream(ALICE).id, 0).size == 0


def test_one_byte_at_a_time_makes_no_more_chunks(redis: Any) -> None:
    world = World.over(redis, replace(LIMITS, chunk_size=20, max_chunks=4))
    upload = world.service.create_stream(ALICE)
    for stop in range(1, 81):
        now = append(world, upload.id, stop)
        assert now.received == -(-stop // 20)
        assert len(list(world.chunks.scan())) == now.received, "an old tail was left"
    with pytest.raises(TooLarge):
        append(world, upload.id, 81)
    assert complete(world, upload.id, 80).total_chunks == 4
    assert world.read(ALICE, upload.id) == CONTENT[:80]


@pytest.mark.parametrize("where", [0, 200, 2600])
def test_who_comes_later_takes_over_at_once(redis: Any, where: int) -> None:
    """A connection that is dead and does not know it: its bytes still trickle in when its client has come back."""
    old, new = World.over(redis), World.over(redis)
    upload = old.service.create_stream(ALICE)
    append(old, upload.id, 300)
    source, received = io.BytesIO(CONTENT[300:]), 0

    def read_into(view: memoryview) -> int:
        nonlocal received
        if received == where:
            append(new, upload.id, 1700)
        count = source.readinto(view[:100])
        received += count
        return count

    with pytest.raises(OffsetMismatch) as caught:
        old.service.append(ALICE, upload.id, 300, read_into)
    assert caught.value.details["offset"] == 1700
    now = append(new, upload.id, 1700)
    assert stored(new, now) == CONTENT[:1700]
    append(new, upload.id, len(CONTENT))
    complete(new, upload.id)
    assert new.read(ALICE, upload.id) == CONTENT
    new.assert_sound()


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (lambda world, one: world.service.cancel(ALICE, one), NotFound),
        (lambda world, one: complete(world, one, 1700), NotFound),
        (lambda world, one: world.uploads.lease(one, "alice", "t", 60), UploadClosed),
    ],
    ids=["cancelled", "completed", "completing"],
)
def test_the_end_of_an_upload_ends_its_append(
    redis: Any, end: Callable[[World, str], object], error: type[BackofficeError]
) -> None:
    old, new = World.over(redis), World.over(redis)
    upload = old.service.create_stream(ALICE)
    append(old, upload.id, 1700)
    source = reader(CONTENT[1700:], 100)
    ended = False

    def read_into(view: memoryview) -> int:
        nonlocal ended
        if not ended:
            ended = True
            end(new, upload.id)
        return source(view)

    with pytest.raises(error):
        old.service.append(ALICE, upload.id, 1700, read_into)
    if new.files.get(upload.id) is not None:
        assert new.read(ALICE, upload.id) == CONTENT[:1700]
    new.assert_sound()


def test_a_tail_that_the_store_lost_is_asked_for_again(redis: Any, world: World) -> None:
    upload = world.service.create_stream(ALICE)
    for exchanged in (False, True):
        now = append(world, upload.id, 1700)
        if exchanged:
            world.exchange(upload.id, TAILS + now.tail, b"!" * 700, kept=False)
        else:
            world.lose(upload.id, TAILS + now.tail)
        with pytest.raises(OffsetMismatch) as caught:
            append(world, upload.id, 1800)
        assert caught.value.details == {"offset": 1000}
        assert world.service.state(ALICE, upload.id).upload.bytes == 1000
        world.assert_sound()
    append(world, upload.id, len(CONTENT))
    complete(world, upload.id)
    assert world.read(ALICE, upload.id) == CONTENT


def test_a_tail_that_another_append_replaced_is_not_taken_for_lost(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between being told which tail there is and reading it, somebody else goes on."""
    slow, quick = World.over(redis), World.over(redis)
    upload = slow.service.create_stream(ALICE)
    append(slow, upload.id, 700)
    get = slow.chunks.get

    def late(file_id: str, index: int) -> bytes | None:
        append(quick, upload.id, 900)
        return get(file_id, index)

    monkeypatch.setattr(slow.chunks, "get", late)
    with pytest.raises(OffsetMismatch) as caught:
        append(slow, upload.id, 800)
    assert caught.value.details == {"offset": 900}
    assert stored(quick, append(quick, upload.id, 900)) == CONTENT[:900]


def test_fsck_takes_no_tail_for_lost_that_is_replaced_meanwhile(
    redis: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 100)
    find = ChunkCheck._found

    def late(check: ChunkCheck, places: Any) -> Any:
        wanted = list(places)
        append(world, upload.id, world.service.state(ALICE, upload.id).upload.bytes + 1)
        return find(check, wanted)

    with monkeypatch.context() as patch:
        patch.setattr(ChunkCheck, "_found", late)
        _, found = world.fsck(fix=True)
    assert not found
    now = world.service.state(ALICE, upload.id).upload
    assert now.bytes > 101
    assert stored(world, now) == CONTENT[: now.bytes]


@pytest.mark.parametrize("lost", [0, 2, 5])
def test_a_completion_that_misses_a_chunk_sets_the_stream_back_to_it(redis: Any, world: World, lost: int) -> None:
    upload = world.service.create_stream(ALICE)
    now = append(world, upload.id, len(CONTENT))
    world.lose(upload.id, now.stored_at(lost))
    with pytest.raises(ChunksMissing):
        complete(world, upload.id)
    assert world.service.state(ALICE, upload.id).upload.bytes == lost * CHUNK
    world.assert_sound()
    append(world, upload.id, len(CONTENT))
    complete(world, upload.id)
    assert world.read(ALICE, upload.id) == CONTENT
    world.assert_sound()


def test_fsck_finds_a_tail_that_is_gone_and_sets_the_stream_back(redis: Any, world: World) -> None:
    upload = world.service.create_stream(ALICE)
    now = append(world, upload.id, 1700)
    world.lose(upload.id, TAILS + now.tail)
    _, found = world.fsck(fix=True)
    assert len(found) == 1
    world.assert_sound()
    assert world.service.state(ALICE, upload.id).upload.bytes == 1000


def test_a_stream_goes_on_after_a_completion_that_was_refused(world: World) -> None:
    """The tail became a chunk of its own by then, and stays one."""
    world.stored(ALICE, [b"old"])
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1500)
    with pytest.raises(Invalid):
        complete(world, upload.id, 1501)
    append(world, upload.id, 2800)
    with pytest.raises(ChecksumMismatch):
        complete(world, upload.id, 2800, digest=b"x" * 32)
    append(world, upload.id, 3700)
    with pytest.raises(NameTaken):
        complete(world, upload.id, 3700, on_conflict=OnConflict.FAIL)
    now = append(world, upload.id, len(CONTENT))
    assert stored(world, now) == CONTENT
    file = complete(world, upload.id, digest=hashlib.sha256(CONTENT).digest())
    assert file.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert world.read(ALICE, file.id) == CONTENT
    world.assert_sound()


def test_an_append_after_a_completion_that_settled_the_tail_is_another_one(world: World) -> None:
    """It had read the tail as it was, and would write on under an index that is not free any more."""
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1500)
    first = True

    def read_into(view: memoryview) -> int:
        nonlocal first
        if not first:
            return 0
        first = False
        with pytest.raises(Invalid):
            complete(world, upload.id, 1)
        view[:5] = CONTENT[1500:1505]
        return 5

    with pytest.raises(OffsetMismatch):
        world.service.append(ALICE, upload.id, 1500, read_into)
    assert stored(world, append(world, upload.id, 1505)) == CONTENT[:1505]
    append(world, upload.id, len(CONTENT))
    complete(world, upload.id)
    assert world.read(ALICE, upload.id) == CONTENT


def test_a_completion_that_died_on_the_way_hinders_no_append(world: World) -> None:
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1500)
    # It had put the tail where it belongs; nobody noted that.
    assert world.chunks.put(upload.id, 1, CONTENT[1000:1500], now_ms() + 60_000)
    append(world, upload.id, len(CONTENT))
    complete(world, upload.id)
    assert world.read(ALICE, upload.id) == CONTENT
    world.assert_sound()


def test_what_an_append_left_is_taken_if_it_is_the_same_and_otherwise_stays(world: World) -> None:
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1500)
    # An append that died had stored the next two chunks.
    for index in (1, 2):
        assert world.chunks.put(upload.id, index, CONTENT[index * CHUNK :][:CHUNK], now_ms() + 3_600_000)
    other = CONTENT[:2500] + bytes(10_000)
    with pytest.raises(ChunkConflict):
        append(world, upload.id, 5000, content=other)
    assert stored(world, append(world, upload.id, 2000)) == CONTENT[:2000]
    assert stored(world, append(world, upload.id, 2600)) == CONTENT[:2600]
    # Shorter than what lies there: it never counted.
    complete(world, upload.id, 2600)
    assert world.read(ALICE, upload.id) == CONTENT[:2600]
    world.assert_sound()


def test_smaller_chunks_than_before_make_a_tail_a_chunk(redis: Any) -> None:
    world, smaller = World.over(redis), World.over(redis, replace(LIMITS, chunk_size=400))
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1900)
    append(smaller, upload.id, 2000)
    append(world, upload.id, len(CONTENT))
    complete(world, upload.id)
    assert world.read(ALICE, upload.id) == CONTENT


def test_a_stream_takes_no_more_than_it_was_announced_to_have(world: World) -> None:
    upload = world.service.create_stream(ALICE, size=1800)
    with pytest.raises(Invalid, match="longer"):
        append(world, upload.id, 1900)
    assert append(world, upload.id, 1800).bytes == 1800
    with pytest.raises(Invalid, match="longer"):
        append(world, upload.id, 1801)
    complete(world, upload.id, 1800)
    assert world.read(ALICE, upload.id) == CONTENT[:1800]


def test_a_stream_of_unknown_length_stops_at_the_quota(redis: Any) -> None:
    world = World.over(redis, replace(LIMITS, quota=2500))
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 1700)
    with pytest.raises(QuotaExceeded):
        append(world, upload.id, 2501)
    assert world.files.usage("alice")[1] <= 2500
    offset = world.service.state(ALICE, upload.id).upload.bytes
    assert append(world, upload.id, 2500).bytes == 2500 >= offset
    world.assert_sound()


def test_chunks_and_streams_are_not_mixed_and_strangers_see_nothing(world: World) -> None:
    chunked, stream = world.begin(ALICE, [b"a", b"b"]), world.service.create_stream(ALICE)
    with pytest.raises(Conflict):
        world.service.append(ALICE, chunked.id, 0, reader(b"a"))
    with pytest.raises(Conflict):
        world.put(ALICE, stream.id, 0, [b"a"])
    with pytest.raises(NotFound):
        world.service.append(person("eve"), stream.id, 0, reader(b"a"))
    with pytest.raises(NotFound):
        world.service.append(ALICE, "nothing", 0, reader(b"a"))


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_nothing_is_left_of_a_stream_that_is_given_up(redis: Any, world: World, end: str) -> None:
    upload = world.service.create_stream(ALICE)
    append(world, upload.id, 2700)
    # What an append that died had stored and not noted.
    world.chunks.put(upload.id, 3, b"x", now_ms() + 3_600_000)
    if end == "cancel":
        world.service.cancel(ALICE, upload.id)
    else:
        world.clock.forward(LIMITS.upload_seconds + 1)
        assert not world.service.cleanup.expire_due()
    assert list(world.chunks.scan()) == []
    assert world.uploads.get(upload.id) is None
    assert world.files.usage("alice") == (0, 0)
    world.assert_sound()


@pytest.mark.parametrize("cut", [0, 1, 999, 1000, 1001, 2500])
def test_nothing_is_left_of_a_whole_body_that_is_cut(redis: Any, world: World, cut: int) -> None:
    with pytest.raises(ConnectionResetError):
        world.service.upload_stream(ALICE, FileSpec("a"), reader(CONTENT, fail_at=cut))
    assert list(world.chunks.scan()) == []
    assert world.files.usage("alice") == (0, 0)
    world.assert_sound()


@pytest.mark.real_only
def test_an_append_has_few_chunks_in_memory(store_server: Store) -> None:
    chunk, size = 1024 * 1024, 24 * 1024 * 1024
    client = connect(store_server.url, store_server.password)
    world = World.over(client, replace(LIMITS, chunk_size=chunk, max_file_size=2 * size, quota=None))
    upload = world.service.create_stream(ALICE)
    left = size

    def read_into(view: memoryview) -> int:
        nonlocal left
        count = min(len(view), 200_000, left)
        left -= count
        return count

    world.service.append(ALICE, upload.id, 0, reader(bytes(700_000)))
    tracemalloc.start()
    try:
        world.service.append(ALICE, upload.id, 700_000, read_into)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * chunk
    assert world.service.state(ALICE, upload.id).upload.bytes == size + 700_000
    client.close()
