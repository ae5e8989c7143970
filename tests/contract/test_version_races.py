"""Many at once at one file and what it held: on a real server, where they meet."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.errors import Conflict, IntegrityError, NotFound, VersionMismatch
from backoffice.stores.bounds import Bounds
from backoffice.stores.log.audit import RedisAudit
from tests.support.uploads import ALICE, KEYS, World, reader

pytestmark = [pytest.mark.real_only, pytest.mark.usefixtures("place")]

KEPT = 3


@pytest.fixture
def world(redis: Any) -> World:
    return World.over(redis, bounds=Bounds(versions=KEPT))


def content(number: int) -> bytes:
    """One chunk or three, each byte of which says which it is."""
    return bytes([number % 251]) * (900 if number % 2 else 2500)


def at_once(*acts: Callable[[], object]) -> list[BaseException]:
    """What they raised."""
    raised: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - each of them is looked at
            raised.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_many_who_name_what_it_holds_one_wins(world: World) -> None:
    file = world.service.upload_stream(ALICE, FileSpec("a.txt"), reader(b"first"))

    def put(number: int) -> None:
        world.service.replace_content(ALICE, file.id, reader(content(number)), content=file.content_id)

    raised = at_once(*(lambda number=number: put(number) for number in range(12)))
    assert [type(one) for one in raised] == [VersionMismatch] * 11
    history = world.library.history(ALICE, file.id)
    assert (history.file.number, len(history.earlier)) == (2, 1)
    world.library.collect()
    world.assert_sound()
    assert world.files.usage("alice") == (history.file.size + 5, 0)


def change(world: World, file_id: str, seed: int) -> None:
    """A dozen changes of every kind, always the same ones."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    for number in range(20 * seed + 1, 20 * seed + 13):
        with suppress(NotFound, VersionMismatch):
            act, body = chance.randrange(5), reader(content(number))
            earlier = list(world.library.history(ALICE, file_id).earlier)
            if act == 0:
                world.service.upload_stream(ALICE, FileSpec("a.txt", on_conflict=OnConflict.REPLACE), body)
            elif act < 3 or not earlier:
                world.service.replace_content(ALICE, file_id, body)
            elif act == 3:
                world.library.restore_version(ALICE, file_id, chance.choice(earlier).id)
            else:
                world.library.delete_version(ALICE, file_id, chance.choice(earlier).id)


def look(world: World, file_id: str) -> None:
    """All that is read is one of the contents, whole; or it went at this moment."""
    with suppress(NotFound, IntegrityError):
        expect_whole(world.read(ALICE, file_id))
    for one in world.library.history(ALICE, file_id).earlier:
        with suppress(NotFound, IntegrityError):
            expect_whole(b"".join(map(bytes, world.library.open_version(ALICE, file_id, one.id).read())))


def expect_whole(data: bytes) -> None:
    assert len(set(data)) == 1
    assert len(data) == len(content(data[0]))


def until(stop: threading.Event, act: Callable[[], object]) -> Callable[[], None]:
    def again() -> None:
        while not stop.is_set():
            act()

    return again


def test_whatever_meets_no_byte_is_lost_and_none_is_paid_twice(world: World) -> None:
    """Everybody who reads gets one of the contents whole, or learns that it is not there any more."""
    file_id = world.service.upload_stream(ALICE, FileSpec("a.txt"), reader(content(0))).id
    stop, raised = threading.Event(), list[BaseException]()

    def everybody() -> None:
        try:
            raised.extend(at_once(*(partial(change, world, file_id, seed) for seed in range(6))))
        finally:
            stop.set()

    reading = until(stop, partial(look, world, file_id))
    raised += at_once(everybody, reading, reading, until(stop, world.library.collect))
    assert not raised, raised
    world.library.collect()
    world.assert_sound()
    history = world.library.history(ALICE, file_id)
    assert len(history.earlier) <= KEPT
    assert world.files.usage("alice") == (history.file.size + history.size, 0)
    damaged = RedisAudit(world.db, KEYS).page((("action", Actions.FILE_DAMAGED),), "", 5).items
    assert not damaged, "what was freed while it was read is not damaged"
    held = {one.content_id for one in (history.file, *history.earlier) if one.size}
    assert {one for one, _, stat in world.chunks.scan() if stat.kept} == held


def all_of_it(world: World, file_id: str, earlier: str) -> list[BaseException]:
    return at_once(
        lambda: world.library.purge(ALICE, file_id),
        lambda: world.service.replace_content(ALICE, file_id, reader(content(3))),
        lambda: world.library.restore_version(ALICE, file_id, earlier),
        lambda: world.library.delete_version(ALICE, file_id, earlier),
    )


def test_purged_restored_and_replaced_at_once_it_is_there_whole_or_gone(world: World) -> None:
    for turn in range(8):
        file_id = world.service.upload_stream(ALICE, FileSpec(f"{turn}.txt"), reader(content(1))).id
        world.service.replace_content(ALICE, file_id, reader(content(2)))
        raised = all_of_it(world, file_id, world.library.history(ALICE, file_id).earlier[0].id)
        assert all(isinstance(one, NotFound | Conflict) for one in raised), raised
    world.library.collect()
    world.assert_sound()
    assert world.files.usage("alice") == (0, 0)
    assert not list(world.chunks.scan()), "all were purged"
