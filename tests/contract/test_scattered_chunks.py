"""The map of an upload takes memory for the chunks that have come, whatever their indexes are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.files import FileSpec
from backoffice.domain.uploads import ENTRY_SIZE, Upload
from backoffice.errors import ChunkConflict, ChunksMissing
from tests.support.memory import store_bytes
from tests.support.uploads import ALICE, KEYS, LIMITS, World

TOTAL = 300
ROOMY = replace(LIMITS, max_chunks=100_000, max_file_size=10**9)
A_MAP = 20_000
"""Bytes that the map of an upload with few chunks may take."""


@pytest.fixture
def world(redis: Any) -> World:
    return World.over(redis, ROOMY)


def parts(total: int = TOTAL) -> list[bytes]:
    return [b"%06d" % index for index in range(total)]


def orders() -> dict[str, list[int]]:
    shuffled = list(range(TOTAL))
    random.Random(7).shuffle(shuffled)  # noqa: S311 - not for secrets
    indexes = range(TOTAL)
    return {
        "in order": list(indexes),
        "backwards": list(reversed(indexes)),
        "the last one first": [TOTAL - 1, *range(TOTAL - 1)],
        "two ends": [one for pair in zip(indexes, reversed(indexes), strict=True) for one in pair][:TOTAL],
        "every other one first": [*range(0, TOTAL, 2), *range(1, TOTAL, 2)],
        "shuffled": shuffled,
    }


def put(world: World, upload: Upload, indexes: Sequence[int]) -> None:
    for index in indexes:
        world.put(ALICE, upload.id, index, parts())


@pytest.mark.real_only
@pytest.mark.parametrize("indexes", [(99_999,), (50_000,), (99_999, 0, 50_000), (128,), tuple(range(50_000, 50_100))])
def test_the_map_costs_memory_for_chunks_that_came(redis: Any, world: World, indexes: Sequence[int]) -> None:
    for _ in range(5):
        upload = world.service.start(ALICE, total_chunks=100_000)
        for index in indexes:
            world.service.put_chunk(ALICE, upload_id=upload.id, index=index, total_chunks=100_000, data=b"x")
    assert store_bytes(redis, "{t}:map:*") < 5 * (A_MAP + 200 * len(indexes))


@pytest.mark.real_only
@pytest.mark.parametrize("order", orders())
def test_in_any_order_the_map_stays_in_proportion(redis: Any, world: World, order: str) -> None:
    upload = world.begin(ALICE, parts())
    for number, index in enumerate(orders()[order], 1):
        put(world, upload, [index])
        if number % 50 == 0:
            assert store_bytes(redis, "{t}:map:*") < A_MAP + number * 4 * ENTRY_SIZE


@pytest.mark.real_only
@pytest.mark.parametrize("order", [one for one in orders() if one != "shuffled"])
def test_a_file_is_whole_in_whatever_order_its_chunks_came(redis: Any, world: World, order: str) -> None:
    is_whole(redis, world, order)


@pytest.mark.real_only
@pytest.mark.cluster
def test_a_file_is_whole_when_its_chunks_came_without_order(redis: Any, world: World) -> None:
    is_whole(redis, world, "shuffled")


def is_whole(redis: Any, world: World, order: str) -> None:
    upload, indexes = world.begin(ALICE, parts(), name="a.txt"), orders()[order]
    some = indexes[: TOTAL // 3]
    put(world, upload, some)
    there = world.uploads.chunk_map(upload.id, TOTAL)
    assert [index for index, chunk in enumerate(there.chunks) if chunk is not None] == sorted(some)
    with pytest.raises(ChunksMissing) as caught:
        world.service.complete(ALICE, upload.id, FileSpec("a.txt"), total_size=6 * TOTAL)
    assert caught.value.details["missing"] == there.missing
    world.assert_sound()
    put(world, upload, indexes)  # those that are there once more
    assert world.service.complete(ALICE, upload.id, FileSpec("a.txt"), total_size=6 * TOTAL).size == 6 * TOTAL
    assert world.read(ALICE, upload.id) == b"".join(parts())
    assert redis.strlen(KEYS.chunk_map(upload.id)) == TOTAL * ENTRY_SIZE
    assert not redis.exists(KEYS.scattered_chunks(upload.id))
    world.assert_sound()


def test_a_chunk_far_ahead_is_held_to_its_bytes_and_can_be_missed(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, parts())
    put(world, upload, [290, 291, 292])
    with pytest.raises(ChunkConflict):
        world.service.put_chunk(ALICE, upload_id=upload.id, index=290, total_chunks=TOTAL, data=b"other.")
    left = world.uploads.unmark(upload, [291])
    assert (left.received, left.bytes) == (2, 12)
    assert world.uploads.chunk_map(upload.id, TOTAL).missing == [(0, 289), (291, 291), (293, TOTAL - 1)]
    world.lose(upload.id, 292)
    world.fsck(fix=True)
    found = world.uploads.get(upload.id)
    assert found is not None
    assert (found.received, found.bytes) == (1, 6)
    world.assert_sound()


def test_an_upload_that_is_given_up_leaves_nothing_of_its_map(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, parts())
    put(world, upload, [0, 290])
    assert redis.exists(KEYS.chunk_map(upload.id), KEYS.scattered_chunks(upload.id)) == 2
    world.service.cancel(ALICE, upload.id)
    assert redis.exists(KEYS.chunk_map(upload.id), KEYS.scattered_chunks(upload.id)) == 0
    world.assert_sound()


def test_chunks_of_no_upload_are_found_by_fsck(redis: Any, world: World) -> None:
    redis.hset(KEYS.scattered_chunks("gone"), 290, b"\1" * ENTRY_SIZE)
    _, findings = world.fsck(fix=True)
    assert [one.what for one in findings] == ["gone: a chunk map without a record"]
    assert not redis.exists(KEYS.scattered_chunks("gone"))


@pytest.mark.cluster
def test_a_map_with_gaps_that_an_earlier_version_made_goes_on(redis: Any, world: World) -> None:
    upload = world.begin(ALICE, parts(), name="a.txt")
    put(world, upload, [0, TOTAL - 1])
    [(index, entry)] = redis.hgetall(KEYS.scattered_chunks(upload.id)).items()
    redis.delete(KEYS.scattered_chunks(upload.id))
    redis.setrange(KEYS.chunk_map(upload.id), int(index) * ENTRY_SIZE, entry)
    assert world.uploads.chunk_map(upload.id, TOTAL).missing == [(1, TOTAL - 2)]
    world.assert_sound()
    put(world, upload, range(TOTAL - 1))
    world.service.complete(ALICE, upload.id, FileSpec("a.txt"), total_size=6 * TOTAL)
    assert world.read(ALICE, upload.id) == b"".join(parts())
