"""What links lead to, as the stores have it: since when a folder has been where it is."""

from __future__ import annotations

import pytest
from redis import Redis

from backoffice.domain.folders import Folder
from backoffice.domain.links import Link, LinkKind
from backoffice.domain.paging import Query
from backoffice.services import folder_trash
from backoffice.services.link_objects import LinkObjects
from backoffice.stores.keys import Keys
from tests.support.links import SHELL, Sharing
from tests.support.uploads import ALICE, World
from tests.support.website import make_whole_site


def nested(world: World) -> tuple[Folder, Folder, Folder]:
    a = world.folders.create(ALICE, name="a")
    b = world.folders.create(ALICE, name="b", parent=a.id)
    return a, b, world.folders.create(ALICE, name="c", parent=b.id)


def since(world: World, folder: Folder) -> int | None:
    """Of the folder as it is now."""
    store = world.folders.store
    now = store.get(folder.id)
    assert now is not None
    return store.stays([now])[folder.id]


def test_a_folder_that_was_in_the_trash_says_since_when_it_is_back(world: World) -> None:
    a, b, c = nested(world)
    assert [since(world, one) for one in (a, b, c)] == [0, 0, 0]
    world.folders.trash(ALICE, a.id)
    assert [since(world, one) for one in (a, b, c)] == [None, None, None]
    world.clock.forward(1)
    world.folders.restore(ALICE, c.id)
    assert since(world, c) == c.created_at + 1000, "by itself, to the top"
    world.clock.forward(1)
    world.folders.restore(ALICE, a.id)
    assert [since(world, one) for one in (a, b, c)] == [a.created_at + ms for ms in (2000, 2000, 1000)]


def test_one_that_has_yet_to_follow_is_not_there_and_was_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = nested(world)
    monkeypatch.setattr(folder_trash, "AT_ONCE", 0)
    world.folders.trash(ALICE, a.id)
    assert b.live
    assert [since(world, one) for one in (b, c)] == [None, None]
    world.clock.forward(1)
    world.folders.restore(ALICE, a.id)
    assert [since(world, one) for one in (b, c)] == [a.created_at + 1000] * 2


def test_objects_are_found_by_the_kind_of_the_link(world: World) -> None:
    a, _, c = nested(world)
    made = [
        Link(str(at), ALICE.id, "x", "s", 1, 1, 1, kind, **{"folder": key} if kind != "file" else {"file": key})
        for at, (kind, key) in enumerate(
            [(LinkKind.FOLDER, a.id), (LinkKind.FILE, a.id), (LinkKind.REQUEST, c.id), (LinkKind.FOLDER, "0" * 22)]
        )
    ]
    found = LinkObjects(world.files, world.folders.store).get_many(made)
    assert [one and one.id for one in found] == [a.id, None, c.id, None]


def test_a_link_from_before_there_were_kinds_opens_as_it_did(redis: Redis) -> None:
    on = Sharing(make_whole_site(redis))
    link, path = on.share()
    keys = Keys()
    redis.hdel(keys.record("links", link.id), "folder", "kind")
    redis.delete(keys.index("links", "kind", "file"))
    assert on.links.look(on.visitor(), path.removeprefix("/s/")).object == on.file
    assert [one.kind for one in on.links.held(on.owner(), Query()).items] == [LinkKind.FILE]
    of_kind = Query(filters=(("kind", "file"),))
    on.site.services.maintenance.repair(SHELL)
    assert [one.id for one in on.links.held(on.owner(), of_kind).items] == [link.id]
    assert on.site.services.maintenance.check(SHELL).left == 0
