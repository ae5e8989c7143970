"""Bytes of a stream that come with a checksum: all of a request or nothing."""

from __future__ import annotations

import hashlib

import pytest

from backoffice.domain.times import now_ms
from backoffice.domain.uploads import TUS, Upload
from backoffice.errors import ChecksumMismatch, OffsetMismatch, TooLarge
from backoffice.services.uploads.checked_body import Checksum
from backoffice.services.uploads.chunker import ReadInto
from backoffice.services.uploads.resumable import Resumable
from backoffice.services.uploads.streaming import NOTED_TOGETHER
from tests.support.uploads import ALICE, CHUNK, World, reader

pytestmark = pytest.mark.usefixtures("place")

DATA = bytes(range(256)) * 25
"""Six chunks and a tail."""
ELSE = bytes(reversed(range(256))) * 25


def of(data: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(data).digest())


def send(world: World, upload: Upload, offset: int, data: bytes, checksum: Checksum | None) -> int:
    return (
        Resumable(world.service, world.folders)
        .send(ALICE, upload.id, offset, lambda _: reader(data), checksum=checksum)
        .offset
    )


def chunks(world: World) -> list[tuple[str, int]]:
    return sorted((file_id, index) for file_id, index, _ in world.chunks.scan())


@pytest.mark.parametrize("stop", [1, CHUNK, 2 * CHUNK, 2500])
def test_what_differs_leaves_nothing(world: World, stop: int) -> None:
    upload = world.service.create_stream(ALICE, size=len(DATA), protocol=TUS)
    assert send(world, upload, 0, DATA[:stop], None) == stop
    before = chunks(world), world.files.usage("alice")
    with pytest.raises(ChecksumMismatch):
        send(world, upload, stop, ELSE[stop:], of(DATA[stop:]))
    assert (chunks(world), world.files.usage("alice")) == before
    assert Resumable(world.service, world.folders).state(ALICE, upload.id).offset == stop
    assert send(world, upload, stop, DATA[stop:], of(DATA[stop:])) == len(DATA)
    assert world.read(ALICE, upload.id) == DATA
    assert {file_id for file_id, _ in chunks(world)} == {upload.id}
    world.assert_sound()


@pytest.mark.cluster
def test_a_body_that_is_cut_leaves_nothing(world: World) -> None:
    upload = world.service.create_stream(ALICE, size=len(DATA), protocol=TUS)
    with pytest.raises(ConnectionResetError):
        Resumable(world.service, world.folders).send(
            ALICE, upload.id, 0, lambda _: reader(DATA, fail_at=4900), checksum=of(DATA)
        )
    assert chunks(world) == []
    assert Resumable(world.service, world.folders).state(ALICE, upload.id).offset == 0
    world.assert_sound()


def test_who_has_taken_over_is_not_disturbed(world: World) -> None:
    """The one that was overtaken has stored all its chunks, and its checksum is right or wrong."""
    for checksum in (of(DATA), of(ELSE)):
        upload = world.service.create_stream(ALICE, size=len(DATA), protocol=TUS)
        body = reader(DATA)

        def overtaken(view: memoryview, body: ReadInto = body, upload: Upload = upload) -> int:
            count = body(view)
            if not count:
                assert send(world, upload, 0, DATA[:4500], None) == 4500
            return count

        with pytest.raises((OffsetMismatch, ChecksumMismatch)):
            Resumable(world.service, world.folders).send(
                ALICE, upload.id, 0, lambda _, o=overtaken: o, checksum=checksum
            )
        assert send(world, upload, 4500, DATA[4500:], None) == len(DATA)
        assert world.read(ALICE, upload.id) == DATA
    world.assert_sound()


@pytest.mark.parametrize("checksum", [None, of(DATA)])
def test_other_bytes_that_a_dead_append_left_are_in_the_way_once(world: World, checksum: Checksum | None) -> None:
    upload = world.service.create_stream(ALICE, size=len(DATA), protocol=TUS)
    world.chunks.put(upload.id, 2, ELSE[:CHUNK], now_ms() + 1_000_000)
    with pytest.raises(OffsetMismatch) as caught:
        send(world, upload, 0, DATA, checksum)
    offset = Resumable(world.service, world.folders).state(ALICE, upload.id).offset
    assert caught.value.details == {"offset": offset}
    assert offset == (0 if checksum else 2 * CHUNK)
    assert {file_id for file_id, _ in chunks(world)} <= {upload.id}
    assert send(world, upload, offset, DATA[offset:], checksum) == len(DATA)
    assert world.read(ALICE, upload.id) == DATA


def test_without_a_length_no_more_waits_than_is_noted_together(world: World) -> None:
    upload = world.service.create_stream(ALICE, protocol=TUS)
    asked: list[int] = []

    def body(limit: int) -> object:
        asked.append(limit)
        raise TooLarge

    with pytest.raises(TooLarge):
        Resumable(world.service, world.folders).send(ALICE, upload.id, 0, body, checksum=of(DATA))  # type: ignore[arg-type]
    assert asked == [NOTED_TOGETHER * CHUNK]


# -- moving


@pytest.mark.cluster
def test_chunks_move_and_it_can_be_repeated(world: World) -> None:
    until = now_ms() + 1_000_000
    for index in range(70):
        world.chunks.put("a" * 22, index, b"%d" % index, until)
    world.chunks.put("b" * 22, 12, b"taken", until)
    world.chunks.release("a" * 22, 5)
    for _ in range(2):
        assert world.chunks.move("a" * 22, 70, "b" * 22, 10, until) == [2, 5]
        assert world.chunks.get("b" * 22, 12) == b"taken"
        assert world.chunks.get("a" * 22, 2) == b"2"
        for index in (0, 1, 3, 4, 6, 69):
            assert world.chunks.get("b" * 22, 10 + index) == b"%d" % index
            assert world.chunks.get("a" * 22, index) is None
        stat = world.chunks.stat("b" * 22, [79])[0]
        assert stat is not None
        assert not stat.kept


@pytest.mark.cluster
def test_what_is_kept_is_not_written_over(world: World) -> None:
    until = now_ms() + 1_000_000
    world.chunks.put("b" * 22, 0, b"kept", until)
    world.chunks.keep("b" * 22, 1)
    world.chunks.put("a" * 22, 0, b"moved", until)
    assert world.chunks.move("a" * 22, 1, "b" * 22, 0, until) == [0]
    assert world.chunks.get("b" * 22, 0) == b"kept"
