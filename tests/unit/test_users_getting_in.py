"""Users: passwords, one-time links and the first administrator."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.users import UserStatus
from backoffice.errors import (
    BackofficeError,
    BadCredentials,
    NotFound,
    WeakPassword,
)
from tests.support.people import PASSWORD, ROOT, People

# -- passwords


def test_change_password_wants_the_old_one(people: People) -> None:
    user = people.user("ada")
    with pytest.raises(BadCredentials):
        people.users.change_password(people.actor(user), "wrong", "another long phrase")
    changed = people.users.change_password(people.actor(user), PASSWORD, "another long phrase")
    assert changed.epoch == user.epoch + 1
    assert people.passwords.verify(changed.password, "another long phrase")


def test_A5_the_old_password_cannot_be_guessed_fast(people: People) -> None:
    actor = people.actor(people.user("ada"))
    outcomes = []
    for _ in range(8):
        with pytest.raises(BackofficeError) as caught:
            people.users.change_password(actor, "wrong", "another long phrase")
        outcomes.append(caught.value.code)
    assert outcomes == ["bad_credentials"] * 6 + ["too_many_attempts"] * 2


def test_A2_weak_passwords_are_refused_everywhere(people: People, admin: Actor) -> None:
    user = people.user("adalovelace")
    _, link = people.users.create(admin, username="new")
    for weak in ("short", "x" * 129, "password1", "adalovelace1"):
        with pytest.raises(WeakPassword):
            people.users.set_password(admin, user.id, weak)
        with pytest.raises(WeakPassword):
            people.users.change_password(people.actor(user), PASSWORD, weak)
    with pytest.raises(WeakPassword):
        people.users.create(admin, username="other", password="password1")
    with pytest.raises(WeakPassword):
        people.users.accept_invite(people.visitor(), link, "password1")


# -- one-time links


def test_A10_a_link_works_once(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    accepted = people.users.accept_invite(people.visitor(), link, PASSWORD)
    assert (accepted.status, accepted.epoch) == (UserStatus.ACTIVE, user.epoch + 1)
    with pytest.raises(NotFound):
        people.users.accept_invite(people.visitor(), link, PASSWORD)
    event = people.entries(Actions.USER_PASSWORD)[-1].event
    assert (event["actor"]["name"], event["actor"]["ip"]) == ("ada", "192.0.2.1")


def test_A10_links_expire_and_are_kept_as_hashes(people: People, admin: Actor, fake: Redis) -> None:
    user, first = people.users.create(admin, username="ada")
    assert first.encode() not in b"".join(fake.hgetall(people.keys.record("users", user.id)).values())
    people.clock.pass_(hours=24)
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(), first)
    second = people.users.invite(replace(admin, auth_at=people.clock()), user.id)
    people.users.accept_invite(people.visitor(), second, PASSWORD)
    reset = people.users.invite(replace(admin, auth_at=people.clock()), user.id)
    people.clock.pass_(minutes=30)
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(), reset)


def test_a_newer_link_voids_the_older(people: People, admin: Actor) -> None:
    user, first = people.users.create(admin, username="ada")
    second = people.users.invite(admin, user.id)
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(), first)
    assert people.users.open_invite(people.visitor(), second).id == user.id


@pytest.mark.parametrize("secret", ["", "x" * 43, "x" * 5000, "é" * 43, "\0" * 43])
def test_invented_links_are_not_found(people: People, secret: str) -> None:
    people.user("ada")  # who has no link: "" must not match that
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(), secret)


def test_a_reset_link_leaves_an_active_admin_active(people: People, admin: Actor) -> None:
    people.users.invite(ROOT, admin.id)
    assert people.user_store.count_admins() == 1


# -- first administrator


def test_A7_the_first_admin_gets_a_link_of_an_hour_and_no_password(people: People) -> None:
    found = people.users.ensure_first_admin(["admin", "boss@example.org"], "")
    assert found is not None
    name, link = found
    assert name == "admin"
    assert people.user_store.count_admins() == 0
    boss = people.users.find(ROOT, "boss@example.org")
    assert (boss.email, boss.roles, boss.status) == ("boss@example.org", ("admin",), UserStatus.INVITED)
    people.clock.pass_(minutes=60)
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(), link)
    again = people.users.ensure_first_admin(["admin"], "")
    assert again is not None
    people.users.accept_invite(people.visitor(), again[1], PASSWORD)
    assert people.users.ensure_first_admin(["admin"], "") is None
    assert people.user_store.count_admins() == 1


def test_first_admin_with_a_password_is_active(people: People) -> None:
    assert people.users.ensure_first_admin(["admin"], "") is not None
    assert people.users.ensure_first_admin(["admin", "two"], PASSWORD) is None
    assert people.user_store.count_admins() == 2
    assert people.sessions.sign_in(people.visitor(), "admin", PASSWORD).user.username == "admin"


def test_A7_a_weak_first_password_is_refused(people: People) -> None:
    with pytest.raises(WeakPassword):
        people.users.ensure_first_admin(["admin"], "password1")


def test_Z4_a_name_in_the_settings_gives_nothing_once_there_is_an_admin(people: People, admin: Actor) -> None:
    user = people.user("ops")
    assert people.users.ensure_first_admin(["ops", "new"], PASSWORD) is None
    assert people.users.get(admin, user.id).roles == ("user",)
    with pytest.raises(NotFound):
        people.users.find(admin, "new")


def test_links_and_passwords_that_are_wrong_are_in_the_log(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    for _ in range(3):
        for secret in ("x" * 43, "short"):
            with pytest.raises(NotFound):
                people.users.open_invite(people.visitor(), secret)
    people.clock.pass_(hours=24)
    for act in (
        lambda: people.users.open_invite(people.visitor(), link),
        lambda: people.users.accept_invite(people.visitor(), link, PASSWORD),
    ):
        with pytest.raises(NotFound):
            act()
    people.users.set_password(people.actor(people.user("root2", "admin")), user.id, PASSWORD)
    ada = people.actor(user)
    with pytest.raises(BadCredentials):
        people.users.change_password(ada, "not that one", "another long phrase")
    found = [entry.event for entry in people.entries(Actions.SESSION_REFUSE)]
    reasons = ["unknown or used link", "expired link", "several refusals", "wrong password"]
    assert [event["data"]["because"] for event in found] == reasons
    assert [event.get("object", {}).get("id") for event in found] == [None, user.id, None, user.id]
    assert found[2]["data"]["reasons"] == {"unknown or used link": 5}
    assert link not in str(found)
