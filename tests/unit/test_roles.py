"""Roles: nobody makes or changes one beyond what they hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.access import ANONYMOUS, BUILT_IN, Actor
from backoffice.domain.actions import Actions
from backoffice.domain.nouns import all_permissions
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import (
    Conflict,
    InUse,
    Invalid,
    NameTaken,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ReauthRequired,
    VersionMismatch,
)
from tests.support.people import ROOT, People, anybody, everything_but


def test_create_change_delete(people: People, admin: Actor) -> None:
    role = people.roles.create(admin, name="desk", description="The desk", permissions=["users:read"])
    assert people.roles.get(admin, "desk") == role
    changed = people.roles.update(admin, "desk", permissions=["users:read", "roles:read"], version=role.version)
    assert changed.permissions == {Permissions.USERS_READ, Permissions.ROLES_READ}
    assert people.roles.update(admin, "desk", description="The desk") == changed
    names = [role.name for role in people.roles.all(admin)]
    assert names == sorted([*BUILT_IN, "desk"])
    with pytest.raises(VersionMismatch):
        people.roles.delete(admin, "desk", role.version)
    people.roles.delete(admin, "desk")
    with pytest.raises(NotFound):
        people.roles.get(admin, "desk")
    event = people.entries(Actions.ROLE_UPDATE)[-1].event
    assert event["changes"] == {"permissions": [["users:read"], ["roles:read", "users:read"]]}
    assert people.entries(Actions.ROLE_DELETE)[-1].event["object"]["name"] == "desk"


def test_a_role_is_found_by_words_and_else_by_parts(people: People, admin: Actor) -> None:
    people.roles.create(admin, name="desk2024", description="Café, 会議資料, readingRoom", permissions=["users:read"])
    for question in ("desk2024", "2024", "cafe", "資料", "room desk", "readingroom", "esk20", "oom"):
        page = people.roles.page(admin, Query(search=question))
        assert [role.name for role in page.items] == ["desk2024"], question
    assert people.roles.page(admin, Query(search="desk2025")).total == 0
    assert people.roles.page(admin, Query(search="\u200d")).total == 0
    assert people.roles.page(admin, Query(search=" ")).total > 1


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "a" * 41, "a:b", "a\0", "épée", "a\n"])
def test_bad_names_are_refused(people: People, admin: Actor, name: str) -> None:
    with pytest.raises(Invalid):
        people.roles.create(admin, name=name, permissions=["users:read"])


def test_bad_permissions_and_descriptions_are_refused(people: People, admin: Actor) -> None:
    for permissions in ([], ["nonesuch"], ["users:read", ""], ["USERS:READ"]):
        with pytest.raises(Invalid):
            people.roles.create(admin, name="desk", permissions=permissions)
    for description in ("x" * 201, "two\nlines", "\u202e", "\ud800"):
        with pytest.raises(Invalid):
            people.roles.create(admin, name="desk", description=description, permissions=["users:read"])


def test_built_in_roles_stay_as_they_are(people: People, admin: Actor) -> None:
    for name in BUILT_IN:
        with pytest.raises(NameTaken):
            people.roles.create(admin, name=name, permissions=["users:read"])
        with pytest.raises(Conflict):
            people.roles.update(admin, name, permissions=["users:read"])
        with pytest.raises(Conflict):
            people.roles.delete(admin, name)


def test_a_role_in_use_is_not_deleted(people: People, admin: Actor) -> None:
    people.roles.create(admin, name="desk", permissions=["users:read"])
    user = people.user("ada", "desk")
    with pytest.raises(InUse):
        people.roles.delete(admin, "desk")
    people.users.delete(admin, user.id)
    people.roles.delete(admin, "desk")


def test_Z1_roles_are_closed_to_everybody_else(people: People, admin: Actor) -> None:
    people.roles.create(admin, name="desk", permissions=["users:read"])
    acts = [
        people.roles.all,
        lambda who: people.roles.get(who, "desk"),
        lambda who: people.roles.create(who, name="x", permissions=["files:read"]),
        lambda who: people.roles.update(who, "desk", permissions=["files:read"]),
        lambda who: people.roles.delete(who, "desk"),
    ]
    for act in acts:
        with pytest.raises(NotSignedIn):
            act(ANONYMOUS)
        with pytest.raises(NotAllowed):
            act(everything_but(Permissions.ROLES_READ, Permissions.ROLES_WRITE))
    for act in acts[2:]:
        with pytest.raises(NotAllowed):
            act(people.actor(people.user(f"aud{acts.index(act)}", "auditor")))


def test_Z4_nobody_makes_a_role_beyond_what_they_hold(people: People, admin: Actor) -> None:
    keeper = anybody(Permissions.ROLES_READ, Permissions.ROLES_WRITE, Permissions.FILES_READ)
    people.roles.create(admin, name="strong", permissions=["audit:read", "files:read"])
    for act in (
        lambda: people.roles.create(keeper, name="x", permissions=["files:read", "audit:read"]),
        lambda: people.roles.update(keeper, "strong", permissions=["files:read"]),
        lambda: people.roles.update(keeper, "strong", description="mine now"),
        lambda: people.roles.delete(keeper, "strong"),
    ):
        with pytest.raises(NotAllowed):
            act()
    people.roles.create(keeper, name="weak", permissions=["files:read"])
    with pytest.raises(NotAllowed):
        people.roles.update(keeper, "weak", permissions=["files:read", "users:write"])
    assert people.roles.get(admin, "weak").permissions == {Permissions.FILES_READ}


def test_Z4_nobody_promotes_themselves_through_their_own_role(people: People, admin: Actor) -> None:
    people.roles.create(admin, name="keeper", permissions=["roles:read", "roles:write"])
    keeper = people.actor(people.user("kay", "keeper"))
    for permission in set(all_permissions()) - keeper.permissions:
        with pytest.raises(NotAllowed):
            people.roles.update(keeper, "keeper", permissions=["roles:read", "roles:write", permission])


def test_S8_roles_want_a_recent_password(people: People, admin: Actor) -> None:
    stale = replace(admin, auth_at=0)
    people.roles.create(ROOT, name="desk", permissions=["users:read"])
    for act in (
        lambda: people.roles.create(stale, name="x", permissions=["users:read"]),
        lambda: people.roles.update(stale, "desk", permissions=["files:read"]),
        lambda: people.roles.delete(stale, "desk"),
    ):
        with pytest.raises(ReauthRequired):
            act()
