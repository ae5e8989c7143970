"""A file whose bytes come in one body: in one commit where they fit in a chunk, as a stream where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis.cluster import RedisCluster

from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.paging import Query
from backoffice.errors import BackofficeError, ChecksumMismatch, Invalid, NameTaken, QuotaExceeded, TooLarge
from backoffice.stores.log.audit import RedisAudit
from tests.support.people import CountedDb
from tests.support.uploads import ALICE, CHUNK, KEYS, LIMITS, World, reader

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("place")]
SPEC, QUERY = FileSpec("a.txt"), Query()


def acts(world: World) -> list[str]:
    """What the log says, oldest first."""
    return [str(entry.event["action"]) for entry in RedisAudit(world.db, KEYS).page((), "", 100).items[::-1]]


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_body_of_any_length_is_a_file(world: World, size: int, announced: bool) -> None:
    body = bytes(range(250)) * 12
    file = world.service.upload_stream(ALICE, SPEC, reader(body[:size]), size if announced else None)
    assert (file.size, file.total_chunks) == (size, -(-size // CHUNK))
    assert world.read(ALICE, file.id) == body[:size]
    assert world.files.usage("alice") == (size, 0)
    world.assert_sound()
    whole = size <= CHUNK
    assert acts(world)[:2] == (["file.create", "file.download"] if whole else ["upload.start", "file.create"])


def test_one_that_fits_in_a_chunk_is_one_trip_or_two_and_two_more_where_its_name_is_taken(redis: Any) -> None:
    """On a cluster the chunk comes first. In a directory it is no trip."""
    db = CountedDb(redis)
    world = World.over(redis, db=db)
    world.files.names.free("alice", "a.txt", "")  # the server knows the script then
    world.service.upload_stream(ALICE, FileSpec("other.txt"), reader(b"abc"), 3)
    trips, names = [], []
    for _ in range(3):
        before = db.trips
        names.append(world.service.upload_stream(ALICE, SPEC, reader(b"abc"), 3).name)
        trips.append(db.trips - before)
    assert names == ["a.txt", "a (2).txt", "a (3).txt"]
    first = 2 if isinstance(redis, RedisCluster) else 1
    assert trips == [first, first + 2, first + 2]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_cut_within_a_chunk_never_was(world: World, announced: bool) -> None:
    size = CHUNK // 2 if announced else None
    with pytest.raises(ConnectionResetError):
        world.service.upload_stream(ALICE, SPEC, reader(b"x" * CHUNK, step=100, fail_at=200), size)
    assert acts(world) == []
    assert world.files.usage("alice") == (0, 0)
    world.assert_sound()


@pytest.mark.parametrize(
    ("changed", "spec", "size", "error"),
    [
        ({"quota": 899}, SPEC, None, QuotaExceeded),
        ({"quota": 899}, SPEC, 900, QuotaExceeded),
        ({"max_file_size": 899}, SPEC, None, TooLarge),
        ({"max_file_size": 899}, SPEC, 900, TooLarge),
        ({}, SPEC, 899, Invalid),
        ({}, replace(SPEC, digest=bytes(32)), 900, ChecksumMismatch),
        ({}, FileSpec("There.txt", on_conflict=OnConflict.FAIL), 900, NameTaken),
    ],
)
def test_one_that_is_refused_leaves_nothing(
    redis: Any, changed: dict[str, Any], spec: FileSpec, size: int | None, error: type[BackofficeError]
) -> None:
    there = World.over(redis).stored(ALICE, [b""], "there.txt")
    world = World.over(redis, replace(LIMITS, **changed))
    with pytest.raises(error):
        world.service.upload_stream(ALICE, spec, reader(b"x" * 900), size)
    assert world.files.usage("alice") == (0, 0)
    assert world.service.mine(ALICE, QUERY).total == 0
    assert [one.id for one in world.library.page(ALICE, QUERY).items] == [there.id]
    world.assert_sound()


def test_one_that_takes_the_place_of_another_is_what_that_file_holds(world: World) -> None:
    old = world.service.upload_stream(ALICE, SPEC, reader(b"old"))
    new = world.service.upload_stream(ALICE, replace(SPEC, on_conflict=OnConflict.REPLACE), reader(b"new"))
    assert (new.id, new.name, new.number) == (old.id, old.name, 2)
    assert world.read(ALICE, old.id) == b"new"
    assert [one.id for one in world.library.page(ALICE, QUERY).items] == [old.id]
    assert not world.library.trash_page(ALICE, QUERY).items
    [earlier] = world.library.history(ALICE, old.id).earlier
    assert (earlier.number, earlier.digest) == (1, old.digest)
    assert b"".join(world.library.open_version(ALICE, old.id, earlier.id).read()) == b"old"
    world.assert_sound()
