"""Undo of what was made and of what was deleted: roles and saved views."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.undo import UNDO_MS
from backoffice.errors import (
    AlreadyUndone,
    ChangedSince,
    InUse,
    Invalid,
    NotAllowed,
    NotFound,
    ReauthRequired,
    UndoExpired,
)
from backoffice.services.authorization import FRESH_MS
from tests.support.jobs import JobScene

READERS: Any = {"name": "readers", "permissions": ["files:read", "files:write"], "description": "They read"}


@pytest.fixture
def scene(fake: Redis) -> JobScene:
    return JobScene.with_one_clock(fake)


@pytest.fixture
def rosa(scene: JobScene) -> Actor:
    return scene.actor(scene.people.user("rosa", "admin"))


def last_event(scene: JobScene) -> Any:
    return scene.people.entries()[-1].event


# -- roles


def test_a_deleted_role_comes_back_whole_and_its_people_by_their_own_entries(scene: JobScene, rosa: Actor) -> None:
    roles, users = scene.people.roles, scene.people.users
    made = roles.create(rosa, **READERS, inactive_days=40, copied_from="user")
    users.update(rosa, scene.owner.id, roles=["user", "readers"])
    users.update(rosa, scene.operator.id, roles=["operator", "readers"])
    for one, left in ((scene.owner, "user"), (scene.operator, "operator")):
        users.update(rosa, one.id, roles=[left])
    taken = {one.event["object"]["name"]: one.id for one in scene.people.entries()[-2:]}
    roles.delete(rosa, "readers")
    gone = scene.newest("role.delete")
    with pytest.raises(Invalid):
        scene.undo.entry(rosa, taken["owen"])
    done = scene.undo.entry(rosa, gone)
    assert roles.get(rosa, "readers") == replace(made, created_at=scene.people.clock(), updated_at=scene.people.clock())
    event = last_event(scene)
    assert (event["action"], event["data"], done.done[0].gone) == ("role.create", {"undoes": gone}, False)
    scene.undo.entry(rosa, taken["owen"])
    assert users.get(rosa, scene.owner.id).roles == ("readers", "user")
    users.update(rosa, scene.operator.id, roles=["auditor"])
    with pytest.raises(ChangedSince):
        scene.undo.entry(rosa, taken["olga"])
    with pytest.raises(AlreadyUndone):
        scene.undo.entry(rosa, gone)


def test_a_made_role_goes_while_nobody_has_it_and_comes_and_goes_again(scene: JobScene, rosa: Actor) -> None:
    roles, users = scene.people.roles, scene.people.users
    roles.create(rosa, **READERS)
    made = scene.newest("role.create")
    users.update(rosa, scene.owner.id, roles=["readers"])
    with pytest.raises(InUse):
        scene.undo.entry(rosa, made)
    scene.undo.entry(rosa, scene.newest("user.update"))
    assert scene.undo.entry(rosa, made).done[0].gone
    assert "readers" not in scene.people.role_store.all()
    with pytest.raises(AlreadyUndone):
        scene.undo.entry(rosa, made)
    scene.undo.entry(rosa, scene.newest("role.delete"))
    scene.undo.entry(rosa, made)
    assert "readers" not in scene.people.role_store.all(), "what was undone and undone again counts for nothing"


def test_a_role_that_was_changed_or_made_anew_since_stays(scene: JobScene, rosa: Actor) -> None:
    roles = scene.people.roles
    roles.create(rosa, name="readers", permissions=["files:read"])
    made = scene.newest("role.create")
    roles.update(rosa, "readers", description="They read")
    with pytest.raises(ChangedSince, match="by rosa") as refused:
        scene.undo.entry(rosa, made)
    assert refused.value.details["changed"] == {"description": {"before": None, "left": "", "now": "They read"}}
    roles.update(rosa, "readers", description="")
    with pytest.raises(ChangedSince):
        scene.undo.entry(rosa, made)
    roles.delete(rosa, "readers")
    gone = scene.newest("role.delete")
    roles.create(rosa, name="readers", permissions=["files:write"])
    for entry in (made, gone):
        with pytest.raises(ChangedSince):
            scene.undo.entry(rosa, entry)
    assert roles.get(rosa, "readers").permissions == {"files:write"}


def test_nobody_brings_back_or_takes_away_a_role_that_grants_more_than_they_hold(scene: JobScene, rosa: Actor) -> None:
    roles = scene.people.roles
    roles.create(rosa, name="keepers", permissions=["roles:read", "roles:write"])
    keeper = scene.actor(scene.people.user("kim", "keepers", "user"))
    roles.create(rosa, name="checkers", permissions=["system:read"])
    made = scene.newest("role.create")
    sam = scene.actor(scene.people.user("sam", "user"))
    for who in (keeper, sam):
        with pytest.raises(NotAllowed):
            scene.undo.entry(who, made)
        assert last_event(scene)["action"] == "access.deny"
        assert last_event(scene)["data"]["undoes"] == made
    roles.delete(rosa, "checkers")
    gone = scene.newest("role.delete")
    for who in (keeper, sam):
        with pytest.raises(NotAllowed):
            scene.undo.entry(who, gone)
    with pytest.raises(ReauthRequired):
        scene.undo.entry(replace(rosa, auth_at=rosa.auth_at - FRESH_MS), gone)
    assert "checkers" not in scene.people.role_store.all()
    scene.people.clock.pass_(ms=UNDO_MS)
    with pytest.raises(UndoExpired):
        scene.undo.entry(replace(rosa, auth_at=scene.people.clock()), gone)


# -- saved views


def test_views_made_changed_and_deleted(scene: JobScene, rosa: Actor) -> None:
    views = scene.views
    made = views.create(rosa, section="files", name="Large", query="sort=2")
    views.update(rosa, made.id, name="Largest", shared=True)
    changed = views.get(rosa, made.id)
    views.delete(rosa, made.id)
    scene.undo.entry(rosa, scene.newest("view.delete"))
    back = views.get(rosa, made.id)
    times = {"created_at": back.created_at, "updated_at": back.updated_at}
    assert back == replace(changed, version=1, **times)
    assert last_event(scene)["data"]["undoes"] == scene.newest("view.delete")
    assert [one.id for one in views.for_section(rosa, "files")] == [made.id]
    scene.undo.entry(rosa, scene.newest("view.update"))
    back = views.get(rosa, made.id)
    assert (back.name, back.query, back.shared) == ("Large", "sort=2", False)
    first = next(one.id for one in scene.people.entries() if one.event["action"] == "view.create")
    scene.undo.entry(rosa, first)
    assert views.for_section(rosa, "files") == []
    with pytest.raises(AlreadyUndone):
        scene.undo.entry(rosa, first)


def test_a_view_that_was_changed_since_stays(scene: JobScene, rosa: Actor) -> None:
    made = scene.views.create(rosa, section="files", name="Large", query="sort=2")
    scene.views.update(rosa, made.id, name="Larger")
    with pytest.raises(ChangedSince) as refused:
        scene.undo.entry(rosa, scene.newest("view.create"))
    assert refused.value.details["changed"] == {"name": {"before": None, "left": "Large", "now": "Larger"}}
    assert scene.views.get(rosa, made.id).name == "Larger"


def test_whose_view_it_is_decides(scene: JobScene, rosa: Actor) -> None:
    """One's own only; a shared one comes back to its owner, by whoever may delete it."""
    views, olga, owner = scene.views, scene.actor(scene.operator), scene.actor(scene.owner)
    own = views.create(olga, section="files", name="mine", query="")
    created = scene.newest("view.create")
    views.delete(olga, own.id)
    gone = scene.newest("view.delete")
    for entry in (created, gone):
        for who in (rosa, owner):
            with pytest.raises(NotFound):
                scene.undo.entry(who, entry)
            assert last_event(scene)["action"] == "access.deny"
    scene.undo.entry(olga, gone)
    assert views.get(olga, own.id).name == "mine"
    shared = views.create(olga, section="files", name="all", query="", shared=True)
    views.delete(rosa, shared.id)
    gone = scene.newest("view.delete")
    scene.people.roles.create(rosa, name="lookers", permissions=["files.all:read"])
    other = scene.actor(scene.people.user("otto", "lookers"))
    for who in (owner, other):
        with pytest.raises(NotAllowed):
            scene.undo.entry(who, gone)
    scene.undo.entry(rosa, gone)
    assert (views.get(other, shared.id).owner, last_event(scene)["actor"]["name"]) == (olga.id, "rosa")
