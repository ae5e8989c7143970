"""What the quota counts for the maps of open uploads, and that it is given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.limits import UNCOUNTED_CHUNKS
from backoffice.domain.uploads import ENTRY_SIZE, UNKNOWN, Chunk, Upload, map_bytes
from backoffice.errors import QuotaExceeded
from tests.support.uploads import ALICE, KEYS, LIMITS, World

pytestmark = pytest.mark.cluster

SITE = 100_000
CHUNKS = UNCOUNTED_CHUNKS + 2
"""So many chunks that the map counts, by two entries."""
MAP = 2 * ENTRY_SIZE
CHUNK = Chunk(1, b"x" * 16, b"s" * 32)
TERMS: dict[str, Any] = {"expires_at": 2**52, "largest": SITE}


@pytest.fixture
def here(redis: Any) -> World:
    return World.over(redis, replace(LIMITS, quota=SITE, chunk_size=1, max_chunks=5_000, least_chunk=1))


def end(world: World, upload: Upload) -> None:
    """It is given up, and what is left of it is freed."""
    world.service.cancel(ALICE, upload.id)
    assert world.uploads.get(upload.id) is None


def kept(world: World, upload_id: str) -> Upload:
    found = world.uploads.get(upload_id)
    assert found is not None
    return found


def test_the_map_counts_beyond_its_first_entries() -> None:
    counted = [map_bytes(chunks) for chunks in (0, 1, UNCOUNTED_CHUNKS, UNCOUNTED_CHUNKS + 1, UNCOUNTED_CHUNKS + 50)]
    assert counted == [0, 0, 0, ENTRY_SIZE, 50 * ENTRY_SIZE]


@pytest.mark.parametrize("way", ["chunks", "stream"])
def test_it_is_reserved_at_once_where_it_is_known_how_many_come(here: World, way: str) -> None:
    def start(size: int) -> Upload:
        if way == "chunks":
            return here.service.start(ALICE, total_chunks=CHUNKS, size=size)
        return here.service.create_stream(ALICE, size=size)

    # A stream is cut into chunks of the size that the limits say, one byte here.
    most, held = (SITE - MAP, SITE) if way == "chunks" else (2833, 2833 + 1833 * ENTRY_SIZE)
    with pytest.raises(QuotaExceeded):
        start(most + 1)
    assert here.files.usage("alice") == (0, 0)
    upload = start(most)
    assert here.files.usage("alice") == (0, held)
    end(here, upload)
    assert here.files.usage("alice") == (0, 0)


def test_it_is_counted_as_chunks_come_where_nothing_was_said(here: World) -> None:
    stream = here.service.create_stream(ALICE)
    begun, _ = here.uploads.begin_append(stream, 0)
    first = [CHUNK] * UNCOUNTED_CHUNKS
    here.uploads.append(begun, 0, 0, first, tail=0, quota=SITE, **TERMS)
    assert here.files.usage("alice") == (0, UNCOUNTED_CHUNKS)
    at, short = UNCOUNTED_CHUNKS, CHUNKS + MAP - 1
    with pytest.raises(QuotaExceeded):
        here.uploads.append(begun, at, at, [CHUNK, CHUNK], tail=0, quota=short, **TERMS)
    assert here.files.usage("alice") == (0, UNCOUNTED_CHUNKS)
    for _ in range(2):  # a client library repeats a command
        here.uploads.append(begun, at, at, [CHUNK, CHUNK], tail=0, quota=short + 1, **TERMS)
        assert here.files.usage("alice") == (0, CHUNKS + MAP)
    assert kept(here, stream.id).bytes == CHUNKS


def test_each_chunk_counts_its_entry_where_the_size_is_not_known(here: World) -> None:
    upload = here.service.start(ALICE, total_chunks=CHUNKS)
    assert here.files.usage("alice") == (0, 0)
    chunks = [(index, CHUNK) for index in range(UNCOUNTED_CHUNKS + 1)]
    with pytest.raises(QuotaExceeded):
        here.uploads.mark(upload, chunks, quota=len(chunks) + ENTRY_SIZE - 1, **TERMS)
    here.uploads.mark(upload, chunks, quota=len(chunks) + ENTRY_SIZE, **TERMS)
    assert here.files.usage("alice") == (0, len(chunks) + ENTRY_SIZE)


def test_a_size_that_is_said_later_reserves_the_map_as_well(here: World) -> None:
    stream = here.service.create_stream(ALICE)
    assert stream.total_chunks == UNKNOWN
    now = here.service.declare_size(ALICE, stream.id, CHUNKS)
    assert now.reserved == CHUNKS + MAP
    assert here.files.usage("alice") == (0, CHUNKS + MAP)
    here.assert_sound()


def test_what_an_earlier_version_began_arrives_and_gives_back_what_it_took(here: World) -> None:
    """It reserved its size and no map, of a quota that has no room for that."""
    upload = here.service.start(ALICE, total_chunks=CHUNKS, size=CHUNKS)
    for key, field in ((KEYS.record("uploads", upload.id), "reserved"), (KEYS.quota("alice"), "reserved")):
        here.db.call("HSET", key, field, CHUNKS)
    here.assert_sound()
    here.uploads.mark(kept(here, upload.id), [(index, CHUNK) for index in range(CHUNKS)], quota=CHUNKS, **TERMS)
    assert here.files.usage("alice") == (0, CHUNKS)
    end(here, upload)
    assert here.files.usage("alice") == (0, 0)
