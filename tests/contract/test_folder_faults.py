"""The process dies, or the network fails, at each call of the store while a folder is trashed, restored, purged or
moved: nothing in it is lost or in two places, what was begun is gone on with, and who asks again gets what they asked
for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import BackofficeError, NotFound
from backoffice.services import folder_trash
from tests.support.database import database
from tests.support.upload_faults import Died, Fault, FaultyDb
from tests.support.uploads import ALICE, World, reader

NEVER = 1000
IDS = ("other", "a", "inner", "empty")


def prepare(world: World) -> dict[str, str]:
    """`a` has a folder with a file and an empty one, and a file; one of the same name stands beside it."""
    ids = dict[str, str]()
    for name, parent in zip(IDS, ("", "", "a", "inner"), strict=True):
        ids[name] = world.folders.create(ALICE, name=name, parent=ids.get(parent, "")).id
    for name, folder in (("one", "a"), ("two", "a"), ("three", "inner"), ("one", "other")):
        world.service.upload_stream(ALICE, FileSpec(name, folder=ids[folder]), reader(b"x"))
    return ids


def tree(world: World) -> set[tuple[str, ...]]:
    """The paths of all that is in lists; of folders with "" behind."""
    every = Query(limit=500)
    folders = world.folders.page_in(ALICE, None, every).items
    paths = world.folders.paths(one.id for one in folders)
    files = world.library.page(ALICE, every).items
    found = [*((*paths[one.id], "") for one in folders)]
    found += [(*paths.get(one.folder_id, ()), one.name) for one in files]
    assert len(set(found)) == len(found), "two of one name"
    return set(found)


def trash(world: World, ids: dict[str, str]) -> None:
    with contextlib.suppress(NotFound):  # it is there already
        world.folders.trash(ALICE, ids["a"])


def restore(world: World, ids: dict[str, str]) -> None:
    with contextlib.suppress(NotFound):
        world.folders.restore(ALICE, ids["a"])


def purge(world: World, ids: dict[str, str]) -> None:
    with contextlib.suppress(NotFound):
        world.folders.purge(ALICE, ids["a"])


def move(world: World, ids: dict[str, str]) -> None:
    world.folders.update(ALICE, ids["a"], parent=ids["other"])


def at_rest(world: World) -> Iterator[None]:
    """Whatever it was that stopped: the store is sound, and the worker goes on to the end."""
    world.assert_sound()
    while world.folders.follow():
        yield
    while world.library.collect():
        yield
    world.assert_sound()


OTHER = {("other", ""), ("other", "one")}
WHOLE = {
    ("a", ""),
    ("a", "inner", ""),
    ("a", "inner", "empty", ""),
    ("a", "one"),
    ("a", "two"),
    ("a", "inner", "three"),
}
MOVED = {("other", *path) for path in WHOLE}
Act = Callable[[World, dict[str, str]], None]
SCENARIOS: dict[str, tuple[tuple[Act, ...], Act, set[tuple[str, ...]], set[tuple[str, ...]]]] = {
    # before, the act, what is in lists before it and after it
    "trash": ((), trash, WHOLE, set()),
    "restore": ((trash,), restore, set(), WHOLE),
    "purge": ((trash,), purge, set(), set()),
    "move": ((), move, WHOLE, MOVED),
}


@pytest.mark.real_only
@pytest.mark.parametrize("fault", [Fault.CRASH, Fault.LOST_ANSWER])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_stops_half_way_is_gone_on_with(
    redis: Any, monkeypatch: pytest.MonkeyPatch, scenario: str, fault: Fault
) -> None:
    monkeypatch.setattr(folder_trash, "TOGETHER", 2)
    before, act, old, new = SCENARIOS[scenario]
    for after in range(NEVER):
        redis.flushall()
        world = World.over(redis)
        ids = prepare(world)
        for one in before:
            one(world, ids)
        db = FaultyDb(redis, shebang=database(redis)._shebang)
        faulty = World.over(redis, db=db)
        db.arm(fault, after)
        with contextlib.suppress(BackofficeError, Died):
            act(faulty, ids)
        came = db.disarm()
        list(at_rest(world))
        assert tree(world) - OTHER in (old, new), f"by half, after {after} calls"
        act(world, ids)
        list(at_rest(world))
        assert tree(world) == OTHER | new
        left = 1 if scenario == "purge" else 4
        assert world.files.usage(ALICE.id) == (left, 0)
        if not came:
            break
    assert after > 2
