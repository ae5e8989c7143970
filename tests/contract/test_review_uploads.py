"""Uploads in the moments when two requests meet, or an answer is lost."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.permissions import Permissions
from backoffice.errors import ChunkConflict, Completing, NotAllowed, NotFound, Unavailable, UploadClosed
from backoffice.stores.bounds import Bounds
from backoffice.stores.client import Command, Db
from tests.support.database import database
from tests.support.upload_faults import Fault, FaultyDb
from tests.support.uploads import ALICE, KEYS, World

PARTS = (b"one", b"two", b"3")
SIZE = sum(map(len, PARTS))

pytestmark = pytest.mark.usefixtures("place")


class SpyDb(Db):
    """Notes the commands that go over it, and does something before one of them."""

    def __init__(self, client: Any) -> None:
        super().__init__(client, shebang=database(client)._shebang)
        self.commands: list[Command] = []
        self.before: tuple[bytes, Callable[[], object]] | None = None

    def _one(self, command: Command) -> Any:
        self.commands.append(command)
        if self.before is not None and self.before[0] in command:
            _, act = self.before
            self.before = None
            act()
        return super()._one(command)


@pytest.fixture
def spy(redis: Redis) -> SpyDb:
    return SpyDb(redis)


@pytest.fixture
def world(redis: Redis, spy: SpyDb) -> World:
    return World.over(redis, db=spy)


WRITER = replace(ALICE, scopes=frozenset({Permissions.FILES_WRITE, Permissions.FILES_READ}))
REPLACING = FileSpec("a.txt", on_conflict=OnConflict.REPLACE)


def test_CVE_2026_29188_what_loses_bytes_takes_the_right_to_delete(redis: Redis, spy: SpyDb) -> None:
    world = World.over(redis, db=spy, bounds=Bounds(versions=0))
    old = world.stored(ALICE, [b"old"])
    upload = world.partly(WRITER, PARTS, len(PARTS))
    with pytest.raises(NotAllowed):
        world.service.complete(WRITER, upload.id, REPLACING, total_size=SIZE)
    with pytest.raises(NotAllowed):
        world.service.upload_stream(WRITER, REPLACING, io.BytesIO(b"new").readinto, 3)
    with pytest.raises(NotAllowed):
        world.service.replace_content(WRITER, old.id, io.BytesIO(b"new").readinto, 3)
    assert world.read(ALICE, old.id) == b"old"
    assert world.service.complete(WRITER, upload.id, FileSpec("a.txt"), total_size=SIZE).name == "a (2).txt"
    world.assert_sound()


def test_CVE_2026_29188_who_may_write_deletes_no_earlier_version(world: World) -> None:
    old = world.stored(ALICE, [b"old"])
    upload = world.partly(WRITER, PARTS, len(PARTS))
    assert world.service.complete(WRITER, upload.id, REPLACING, total_size=SIZE).id == old.id
    world.service.replace_content(WRITER, old.id, io.BytesIO(b"new").readinto, 3)
    second, first = world.library.history(WRITER, old.id).earlier
    with pytest.raises(NotAllowed):
        world.library.delete_version(WRITER, old.id, second.id)
    assert world.library.restore_version(WRITER, old.id, first.id).size == 3
    assert world.read(ALICE, old.id) == b"old"
    world.assert_sound()


def test_a_lease_that_was_lost_is_not_had_again(world: World) -> None:
    upload = world.partly(ALICE, PARTS, len(PARTS))
    store = world.uploads
    store.lease(upload.id, upload.owner, "first", 60)
    mine = store.get(upload.id)
    assert mine is not None
    store.extend(mine, "first", 60)
    store._db.call("HSET", KEYS.record("uploads", upload.id), "lease_until", 0)
    store.lease(upload.id, upload.owner, "second", 60)
    with pytest.raises(Completing):
        store.extend(mine, "first", 60)
    store.release(upload.id, "second")
    with pytest.raises(Completing):  # nobody has it now, and the map may be another
        store.extend(mine, "first", 60)


def test_who_lost_the_lease_leaves_the_map_alone(world: World) -> None:
    upload = world.partly(ALICE, PARTS, len(PARTS))
    store = world.uploads
    store.lease(upload.id, upload.owner, "first", -1)
    late = store.get(upload.id)
    assert late is not None
    store.lease(upload.id, upload.owner, "second", 60)
    store.unmark(late, [1])
    assert store.chunk_map(upload.id, len(PARTS)).missing == []
    now = store.get(upload.id)
    assert now is not None
    store.unmark(now, [1])
    assert store.chunk_map(upload.id, len(PARTS)).missing == [(1, 1)]


def test_a_chunk_that_a_twin_had_noted_is_kept_while_the_upload_is_completed(world: World, spy: SpyDb) -> None:
    upload = world.partly(ALICE, PARTS, 2)

    def twin() -> None:
        # It sends the same bytes, is told that they are kept, and the completion begins.
        world.put(ALICE, upload.id, 2, PARTS)
        world.uploads.lease(upload.id, upload.owner, "token", 60)

    spy.before = (KEYS.chunk_map(upload.id), twin)
    with pytest.raises(UploadClosed):
        world.put(ALICE, upload.id, 2, PARTS)
    world.uploads.release(upload.id, "token")
    file = world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=SIZE)
    assert world.read(ALICE, file.id) == b"".join(PARTS)
    world.assert_sound()


def test_sending_a_chunk_does_not_read_the_map(world: World, spy: SpyDb) -> None:
    upload = world.partly(ALICE, PARTS, 1)
    spy.commands.clear()
    view = world.service.put_chunk(ALICE, upload_id=upload.id, index=2, total_chunks=3, data=PARTS[2])
    assert (view.missing_count, view.upload.received) == (1, 2)
    assert not [one for one in spy.commands if one[0] == "GET" and KEYS.chunk_map(upload.id) in one]
    assert list(view.missing) == [(1, 1)]


def test_a_lost_answer_to_the_commit_is_an_outage_and_not_an_absence(redis: Redis) -> None:
    """The file is there; 404 would say that it is not, and its sender would give up."""
    db = FaultyDb(redis, shebang=database(redis)._shebang)
    world = World.over(redis, db=db)
    seen: list[type[Exception]] = []
    for after in range(40):
        db.arm(Fault.LOST_ANSWER, after)
        try:
            world.service.upload_stream(ALICE, FileSpec("a"), io.BytesIO(b"abc").readinto, 3)
        except (Unavailable, NotFound) as error:
            seen.append(type(error))
        if not db.disarm():
            break
    assert seen
    assert set(seen) == {Unavailable}


def test_a_free_name_is_found_in_few_steps_however_many_are_taken(world: World, spy: SpyDb) -> None:
    names = KEYS.index("files", "name", "owner=alice")
    taken = ["a.txt", *(f"a ({number}).txt" for number in range(2, 2001))]
    spy.many([("ZADD", names, 0, f"{name}\0{place}") for place, name in enumerate(taken)])
    spy.commands.clear()
    assert world.files.names.free("alice", "a.txt", "") == "a (2001).txt"
    assert len(spy.commands) < 30


def test_other_bytes_are_still_refused_while_an_upload_is_completed(world: World) -> None:
    upload = world.partly(ALICE, PARTS, len(PARTS))
    world.uploads.lease(upload.id, upload.owner, "token", 60)
    with pytest.raises(ChunkConflict):
        world.service.put_chunk(ALICE, upload_id=upload.id, index=0, total_chunks=3, data=b"ONE")
    assert world.chunks.get(upload.id, 0) == PARTS[0]


@pytest.mark.real_only
def test_replacements_at_once_keep_one_and_every_version(world: World) -> None:
    old = world.stored(ALICE, [b"old"])
    names: list[str] = []

    def replace_it() -> None:
        file = world.stored(ALICE, PARTS, on_conflict=OnConflict.REPLACE)
        names.append(file.name)
        assert file.id == old.id

    threads = [threading.Thread(target=replace_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["a.txt"] * 8
    history = world.library.history(ALICE, old.id)
    assert (history.file.number, [one.number for one in history.earlier]) == (9, [8, 7, 6, 5, 4, 3, 2, 1])
    world.assert_sound()


def test_F12_chunks_in_any_order_and_twice_are_one_file(world: World) -> None:
    upload = world.begin(ALICE, PARTS)
    for index in (2, 0, 2, 1, 0):
        world.put(ALICE, upload.id, index, PARTS)
    file = world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=SIZE)
    assert world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=SIZE) == file
    assert world.read(ALICE, file.id) == b"".join(PARTS)
    world.assert_sound()


def test_F13_cancelling_and_expiry_free_the_quota(world: World) -> None:
    cancelled, left_alone = world.partly(ALICE, PARTS, 1), world.partly(ALICE, PARTS, 2)
    assert world.files.usage("alice") == (0, 2 * SIZE)
    world.service.cancel(ALICE, cancelled.id)
    assert world.files.usage("alice") == (0, SIZE)
    world.clock.forward(2 * 3600)
    assert not world.service.cleanup.expire_due()
    assert world.files.usage("alice") == (0, 0)
    assert [world.chunks.get(left_alone.id, index) for index in range(2)] == [None, None]
    world.assert_sound()
