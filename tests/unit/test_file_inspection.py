"""Comparing a stored file with its digests: what is damaged is found and recorded, chunk by chunk."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.actions import Actions
from backoffice.domain.files import File, FileSpec
from backoffice.domain.limits import MAX_VERIFIED_AT_ONCE
from backoffice.errors import NotAllowed, NotFound, TooLarge
from tests.support.uploads import ALICE, OPERATOR, World, person, reader

PARTS = [bytes([at]) * 1000 for at in range(5)]
BOB = person("bob")


@pytest.fixture
def world(fake: Redis) -> World:
    return World.over(fake)


@pytest.fixture
def file(world: World) -> File:
    return world.stored(ALICE, PARTS)


def entries(world: World) -> list[dict[str, object]]:
    found = world.library.audit.page([("action", Actions.FILE_VERIFY)], "", 10).items
    return [dict(entry.event) for entry in found]


def test_a_whole_file_is_said_to_be_whole(world: World, file: File) -> None:
    looked = list[int]()
    found = world.inspection.verify(ALICE, file.id, alive=looked.append)
    assert (found.ok, found.damaged, looked) == (True, (), [1, 2, 3, 4, 5])
    [entry] = entries(world)
    assert (entry["outcome"], entry["data"]) == ("ok", {"size": 5000, "chunks": 5})
    assert entry["object"] == {"type": "file", "id": file.id, "name": file.name}


@pytest.mark.parametrize("lost", [[0], [4], [1, 2], [0, 1, 2, 3, 4]])
def test_every_chunk_that_is_missing_or_another_is_named(world: World, file: File, lost: list[int]) -> None:
    for place, index in enumerate(lost):
        if place % 2:
            world.exchange(file.id, index, b"y" * 1000, kept=True)
        else:
            world.lose(file.id, index)
    found = world.inspection.verify(ALICE, file.id)
    assert (found.ok, found.damaged, found.whole_differs) == (False, tuple(lost), False)
    [entry] = entries(world)
    assert entry["outcome"] == "error"
    assert entry["data"] == {"size": 5000, "chunks": 5, "damaged": lost, "damaged_count": len(lost)}


def test_chunks_that_are_right_and_a_whole_that_is_not(world: World, file: File) -> None:
    stored = world.files.get(file.id)
    assert stored is not None
    world.files.collection.db.call("HSET", world.files.collection.keys.record("files", file.id), "h", "A" * 43)
    found = world.inspection.verify(ALICE, file.id)
    assert (found.ok, found.damaged, found.whole_differs) == (False, (), True)
    assert entries(world)[0]["data"] == {
        "size": 5000,
        "chunks": 5,
        "because": "the SHA-256 of the whole differs",
    }


def test_an_empty_file_is_whole(world: World) -> None:
    file = world.service.upload_stream(ALICE, FileSpec("empty.txt"), reader(b""))
    assert world.inspection.verify(ALICE, file.id).ok
    assert world.inspection.chunks_of(ALICE, file.id) == []


def test_what_takes_too_long_is_left_to_a_job(world: World, file: File) -> None:
    with pytest.raises(TooLarge) as refused:
        world.inspection.verify(ALICE, file.id, most=4999)
    assert refused.value.details == {"limit": 4999}
    assert entries(world) == []
    assert world.inspection.verify(ALICE, file.id, most=None).ok
    assert MAX_VERIFIED_AT_ONCE == 64 * 1024**2


def test_what_is_deleted_meanwhile_is_not_called_damaged(world: World, file: File) -> None:
    def purge(chunks_read: int) -> None:
        if chunks_read == 2:
            world.library.purge(ALICE, file.id)

    with pytest.raises(NotFound):
        world.inspection.verify(ALICE, file.id, alive=purge)
    assert entries(world) == []


def test_it_takes_the_right_to_change_the_file(world: World, file: File) -> None:
    with pytest.raises(NotFound):
        world.inspection.verify(BOB, file.id)
    with pytest.raises(NotFound):
        world.inspection.chunks_of(BOB, file.id)
    reader = replace(ALICE, scopes=frozenset(one for one in ALICE.permissions if one.endswith(":read")))
    with pytest.raises(NotAllowed):
        world.inspection.verify(reader, file.id)
    assert world.inspection.verify(OPERATOR, file.id).ok


def test_chunks_are_given_with_their_digests(world: World, file: File) -> None:
    found = world.inspection.chunks_of(ALICE, file.id)
    assert [(one.index, one.size) for one in found] == [(at, 1000) for at in range(5)]
    assert all(len(one.sha256) == 64 for one in found)
    assert [one.index for one in world.inspection.chunks_of(ALICE, file.id, 3, 1)] == [3]
    assert world.inspection.chunks_of(ALICE, file.id, 5) == world.inspection.chunks_of(ALICE, file.id, -1) == []


def test_the_digest_of_a_file_of_one_chunk_is_that_of_its_chunk(world: World) -> None:
    file = world.service.upload_stream(ALICE, FileSpec("one.txt"), reader(b"one"))
    [chunk] = world.inspection.chunks_of(ALICE, file.id)
    assert chunk.sha256 == file.sha256
