"""Users: creating, changing, deleting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.paging import Query
from backoffice.domain.users import UserStatus
from backoffice.errors import (
    InUse,
    Invalid,
    NameTaken,
    NotFound,
    ReauthRequired,
    VersionMismatch,
)
from tests.support.people import PASSWORD, People

# -- creating


def test_create_with_a_password_makes_an_active_user(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="Ada", email="ada@example.org", password=PASSWORD)
    assert (user.status, link) == (UserStatus.ACTIVE, "")
    assert people.users.get(admin, user.id) == user
    assert people.users.find(admin, "ADA@example.ORG") == user
    [entry] = people.entries(Actions.USER_CREATE)[-1:]
    assert entry.event["changes"]["username"] == [None, "Ada"]
    assert "password" not in entry.raw.decode().replace("user.password", "")


def test_create_without_a_password_gives_a_one_time_link(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    assert user.status is UserStatus.INVITED
    assert len(link) >= 40
    assert people.users.open_invite(people.visitor(), link) == user
    assert link not in str(people.entries())


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a/b", "a\0b", "a\u202eb", "x" * 65, ".a", "a-", "<b>", "раypal", "a\nb"]
)
def test_bad_user_names_are_refused(people: People, admin: Actor, name: str) -> None:
    with pytest.raises(Invalid):
        people.users.create(admin, username=name)


@pytest.mark.parametrize(
    ("name", "email", "field"),
    [
        ("ADA", "", "username"),
        ("\uff41da", "", "username"),
        ("other", "Ada@Example.org", "email"),
        ("ada@example.org", "", "username"),
        ("other", "bob@example.org", "email"),
    ],
)
def test_names_and_addresses_are_one_space_of_folded_text(
    people: People, admin: Actor, name: str, email: str, field: str
) -> None:
    people.users.create(admin, username="ada", email="ada@example.org")
    people.users.create(admin, username="bob@example.org")
    with pytest.raises(NameTaken) as caught:
        people.users.create(admin, username=name, email=email)
    assert caught.value.details["field"] == field
    assert people.users.page(admin, Query()).total == 3


def test_ones_own_address_may_be_ones_name(people: People, admin: Actor) -> None:
    user, _ = people.users.create(admin, username="ada@example.org", email="ada@example.org")
    assert people.users.find(admin, "ada@example.org") == user


def test_unknown_role_is_refused(people: People, admin: Actor) -> None:
    with pytest.raises(Invalid, match="no role"):
        people.users.create(admin, username="ada", roles=("nonesuch",))


@pytest.mark.parametrize("quota", [-1, 2**60])
def test_bad_quota_is_refused(people: People, admin: Actor, quota: int) -> None:
    with pytest.raises(Invalid):
        people.users.create(admin, username="ada", quota_bytes=quota)


# -- changing


def test_update_changes_what_is_given_and_records_old_and_new(people: People, admin: Actor) -> None:
    user = people.user("ada")
    changed = people.users.update(
        admin, user.id, username="ada2", email="a@example.org", quota_bytes=5, version=user.version
    )
    assert (changed.username, changed.email, changed.quota_bytes, changed.roles) == (
        "ada2",
        "a@example.org",
        5,
        ("user",),
    )
    assert changed == people.users.get(admin, user.id)
    event = people.entries(Actions.USER_UPDATE)[-1].event
    assert event["changes"] == {"username": ["ada", "ada2"], "email": ["", "a@example.org"], "quota_bytes": [None, 5]}
    assert people.users.update(admin, user.id, quota_bytes=None).quota_bytes is None
    assert people.users.find(admin, "ada2").id == user.id
    with pytest.raises(NotFound):
        people.users.find(admin, "ada")


def test_update_that_changes_nothing_writes_nothing(people: People, admin: Actor) -> None:
    user = people.user("ada")
    assert people.users.update(admin, user.id, username="ada", roles=["user"]) == user
    assert people.entries(Actions.USER_UPDATE) == []


def test_stale_version_is_refused(people: People, admin: Actor) -> None:
    user = people.user("ada")
    people.users.update(admin, user.id, username="ada2")
    for change in (people.users.disable, people.users.delete):
        with pytest.raises(VersionMismatch):
            change(admin, user.id, user.version)
    with pytest.raises(VersionMismatch):
        people.users.update(admin, user.id, username="ada3", version=user.version)


def test_S6_other_roles_raise_the_epoch(people: People, admin: Actor) -> None:
    user = people.user("ada")
    assert people.users.update(admin, user.id, roles=["user", "auditor"]).epoch == user.epoch + 1
    assert people.users.update(admin, user.id, email="a@example.org").epoch == user.epoch + 1


@pytest.mark.parametrize("change", ["email", "roles", "password", "invite", "create"])
def test_S8_a_session_needs_a_recent_password_for_what_guards_an_account(
    people: People, admin: Actor, change: str
) -> None:
    user = people.user("ada")
    stale = replace(admin, auth_at=people.clock() - 10 * 60 * 1000)
    acts = {
        "email": lambda: people.users.update(stale, user.id, email="new@example.org"),
        "roles": lambda: people.users.update(stale, user.id, roles=["auditor"]),
        "password": lambda: people.users.set_password(stale, user.id, "another long phrase"),
        "invite": lambda: people.users.invite(stale, user.id),
        "create": lambda: people.users.create(stale, username="x", roles=["admin"]),
    }
    with pytest.raises(ReauthRequired):
        acts[change]()
    assert people.users.update(stale, user.id, quota_bytes=7).quota_bytes == 7


def test_disable_and_enable(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    disabled = people.users.disable(admin, user.id)
    assert (disabled.status, disabled.epoch) == (UserStatus.DISABLED, user.epoch + 1)
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(), link)
    with pytest.raises(Invalid):
        people.users.invite(admin, user.id)
    assert people.users.disable(admin, user.id) == disabled
    assert people.users.enable(admin, user.id).status is UserStatus.INVITED
    people.users.set_password(admin, user.id, PASSWORD)
    people.users.disable(admin, user.id)
    assert people.users.enable(admin, user.id).status is UserStatus.ACTIVE


def test_the_name_of_a_deleted_user_stays_taken(people: People, admin: Actor) -> None:
    user = people.user("ada")
    people.users.delete(admin, user.id)
    with pytest.raises(NotFound):
        people.users.get(admin, user.id)
    with pytest.raises(NameTaken):
        people.users.create(admin, username="ADA")
    other = people.user("bob")
    with pytest.raises(NameTaken):
        people.users.update(admin, other.id, username="ada")


@pytest.mark.parametrize(("noun", "facet"), [("files", "owner"), ("files", "trash"), ("uploads", "owner")])
def test_a_user_with_files_is_not_deleted(people: People, admin: Actor, noun: str, facet: str) -> None:
    user = people.user("ada")
    people.db.call("ZADD", people.keys.index(noun, facet, user.id), 1, "f1")
    with pytest.raises(InUse):
        people.users.delete(admin, user.id)
    assert people.users.get(admin, user.id) == user


def test_a_user_whose_bytes_are_still_counted_is_not_deleted(people: People, admin: Actor) -> None:
    user = people.user("ada")
    people.db.call("HSET", people.keys.quota(user.id), "used", 1, "reserved", 0)
    with pytest.raises(InUse):
        people.users.delete(admin, user.id)
    people.db.call("HSET", people.keys.quota(user.id), "used", 0)
    people.users.delete(admin, user.id)
    assert people.db.call("EXISTS", people.keys.quota(user.id)) == 0


def test_deleting_a_user_clears_away_tokens(people: People, admin: Actor) -> None:
    user = people.user("ada")
    token, text = people.tokens.create(people.actor(user), name="x")
    people.users.delete(admin, user.id)
    assert people.token_store.get(token.id) is None
    assert people.tokens.authenticate(text, ip="", agent="", request_id="") is None


def test_other_roles_take_two_round_trips(people: People, admin: Actor) -> None:
    """One reads the user and what all roles grant at that moment, the other changes the user."""
    user = people.user("ada")
    people.db.trips = 0
    people.users.update(admin, user.id, roles=["user", "auditor"])
    assert people.db.trips == 2
