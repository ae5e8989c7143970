"""A store in which a later version has written: what this version does not know stays, grants nothing, and locks
nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.permissions import Permission, Permissions
from backoffice.errors import NotAllowed
from tests.support.people import ROOT, People

LATER = Permission("zebra:ride")


@pytest.fixture
def people(fake: Redis) -> People:
    made = People(fake)
    made.roles.create(ROOT, name="rider", permissions=["files:read"])
    old = made.role_store.all()["rider"]
    new = replace(old, permissions=old.permissions | {LATER}, version=old.version + 1)
    made.role_store.replace(old, new, made.roles._event(made.roles.noun.create, ROOT, new))
    return made


@pytest.fixture
def admin(people: People) -> Actor:
    return people.actor(people.user("rosa", "admin"))


def test_an_administrator_can_shut_out_who_has_it(people: People, admin: Actor) -> None:
    user = people.user("ann", "rider")
    assert not people.users.disable(admin, user.id).active


def test_who_holds_less_than_everything_cannot(people: People) -> None:
    user, operator = people.user("ann", "rider"), people.actor(people.user("oper", "operator"))
    with pytest.raises(NotAllowed, match="zebra:ride"):
        people.users.disable(operator, user.id)


def test_the_role_can_be_changed_and_keeps_what_is_not_known(people: People, admin: Actor) -> None:
    people.roles.update(admin, "rider", permissions=["files:read", "files:write"])
    assert people.role_store.all()["rider"].permissions == {Permissions.FILES_READ, Permissions.FILES_WRITE, LATER}
    people.roles.delete(admin, "rider")
