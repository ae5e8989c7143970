"""Uploads that only one connection can go on with: they live as long as it does, and not a day longer."""

from __future__ import annotations

import io

import pytest
from redis import Redis

from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.services.uploads.limits import CONNECTION_SECONDS
from tests.support.uploads import ALICE, CHUNK, LIMITS, World

pytestmark = pytest.mark.usefixtures("place")

PARTS = 40
IDLE_SECONDS = 29
"""Between two pieces of a body that is still taken."""
SIZE = LIMITS.quota or 0
SPEC = FileSpec("large.bin")


@pytest.fixture
def world(redis: Redis) -> World:
    return World.over(redis)


@pytest.mark.parametrize("pieces", [0, 3, 20])
@pytest.mark.parametrize("size", [SIZE // 20, None])
def test_one_whose_process_died_frees_the_quota_soon(world: World, pieces: int, size: int | None) -> None:
    with world.service.open_stream(ALICE, SPEC, size) as new:
        new.write(bytes(CHUNK + 1))
        for number in range(pieces):
            new.write(bytes([number]) * CHUNK)
        [left] = world.service.mine(ALICE, Query()).items
        world.clock.forward(CONNECTION_SECONDS + 1)
        assert not world.service.cleanup.expire_due()
        assert world.files.usage("alice") == (0, 0)
        assert world.uploads.get(left.id) is None
    world.assert_sound()


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_comes_slowly_is_taken_to_its_end(world: World, announced: bool) -> None:
    left = iter(range(PARTS))

    def read_into(view: memoryview) -> int:
        number = next(left, None)
        world.clock.forward(IDLE_SECONDS)
        world.service.cleanup.expire_due()
        if number is None:
            return 0
        view[:CHUNK] = bytes([number]) * CHUNK
        return CHUNK

    file = world.service.upload_stream(ALICE, SPEC, read_into, PARTS * CHUNK if announced else None)
    assert file.size == PARTS * CHUNK
    assert world.files.usage("alice") == (file.size, 0)
    world.assert_sound()


def test_bytes_that_make_no_chunk_for_long_keep_it_too(world: World) -> None:
    """A chunk of the largest size takes an hour at the slowest pace."""
    size, sent = 2 * CHUNK, 0

    def read_into(view: memoryview) -> int:
        nonlocal sent
        world.clock.forward(IDLE_SECONDS)
        world.service.cleanup.expire_due()
        count = min(len(view), 64, size - sent)
        view[:count] = bytes(count)
        sent += count
        return count

    assert world.service.upload_stream(ALICE, SPEC, read_into, size).size == size
    world.assert_sound()


def test_what_can_be_gone_on_with_lives_as_long_as_before(world: World) -> None:
    upload = world.service.create_stream(ALICE, size=LIMITS.max_file_size)
    world.clock.forward(LIMITS.upload_seconds - 1)
    world.service.cleanup.expire_due()
    assert world.uploads.get(upload.id) is not None


def test_a_note_that_is_due_leaves_the_tail(world: World) -> None:
    upload = world.service.create_stream(ALICE)
    world.service.append(ALICE, upload.id, 0, io.BytesIO(b"a" * 1500).readinto)
    rest = io.BytesIO(b"b" * 300)

    def read_into(view: memoryview) -> int:
        world.clock.forward(LIMITS.upload_seconds / 2)
        return rest.readinto(view[:100])

    upload = world.service.append(ALICE, upload.id, 1500, read_into)
    assert upload.bytes == 1800
    file = world.service.complete(ALICE, upload.id, SPEC, total_size=1800)
    assert world.read(ALICE, file.id) == b"a" * 1500 + b"b" * 300
    world.assert_sound()
