"""Users: who may change whom, and the last administrator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.access import ANONYMOUS, Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.nouns import all_permissions
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.users import User
from backoffice.errors import (
    LastAdmin,
    NotAllowed,
    NotSignedIn,
)
from backoffice.services.authorization import authorize_over
from tests.support.people import PASSWORD, ROOT, People, anybody


def test_Z1_users_are_closed_to_everybody_else(people: People, admin: Actor) -> None:
    user = people.user("ada")
    acts = [
        lambda who: people.users.page(who, Query()),
        lambda who: people.users.get(who, user.id),
        lambda who: people.users.get(who, "nonesuch"),
        lambda who: people.users.find(who, "ada"),
        lambda who: people.users.create(who, username="x"),
        lambda who: people.users.update(who, user.id, username="x"),
        lambda who: people.users.set_password(who, user.id, PASSWORD),
        lambda who: people.users.disable(who, user.id),
        lambda who: people.users.enable(who, user.id),
        lambda who: people.users.delete(who, user.id),
        lambda who: people.users.invite(who, user.id),
    ]
    stranger = people.actor(people.user("eve"))
    for act in acts:
        with pytest.raises(NotSignedIn):
            act(ANONYMOUS)
        with pytest.raises(NotAllowed):
            act(stranger)
    assert people.users.get(people.actor(user), user.id) == user
    with pytest.raises(NotAllowed):
        people.users.update(people.actor(user), user.id, quota_bytes=2**40)
    with pytest.raises(NotSignedIn):
        people.users.change_password(ANONYMOUS, PASSWORD, PASSWORD)


def test_reading_does_not_allow_writing(people: People) -> None:
    user = people.user("ada")
    auditor = people.actor(people.user("aud", "auditor"))
    assert people.users.get(auditor, user.id) == user
    with pytest.raises(NotAllowed):
        people.users.disable(auditor, user.id)


def test_Z4_nobody_grants_what_they_do_not_hold(people: People) -> None:
    operator = people.actor(people.user("op", "operator"))
    user = people.user("ada")
    for role in ("admin", "auditor"):
        with pytest.raises(NotAllowed):
            people.users.create(operator, username="x", roles=(role,))
        with pytest.raises(NotAllowed):
            people.users.update(operator, user.id, roles=["user", role])
        with pytest.raises(NotAllowed):
            people.users.update(operator, operator.id, roles=["operator", role])
    assert people.users.update(operator, user.id, roles=["user", "operator"]).roles == ("operator", "user")
    assert {entry.event["outcome"] for entry in people.entries(Actions.ACCESS_DENY)} == {"denied"}


def test_Z4_who_holds_less_may_not_touch_who_holds_more(people: People, admin: Actor) -> None:
    operator = people.actor(people.user("op", "operator"))
    acts = [
        lambda: people.users.update(operator, admin.id, email="mine@example.org"),
        lambda: people.users.update(operator, admin.id, roles=["user"]),
        lambda: people.users.set_password(operator, admin.id, PASSWORD),
        lambda: people.users.disable(operator, admin.id),
        lambda: people.users.delete(operator, admin.id),
        lambda: people.users.invite(operator, admin.id),
    ]
    before = people.user_store.get(admin.id)
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert people.user_store.get(admin.id) == before
    assert not people.users.permitted(operator)(Acts.USER_UPDATE, before or people.user("x"))
    assert people.users.permitted(admin)(Acts.USER_UPDATE, before or people.user("x"))


def test_Z8_a_narrowed_token_cannot_widen_itself_through_its_user(people: People, admin: Actor) -> None:
    token = replace(admin, credential="token:x", scopes=frozenset({Permissions.USERS_WRITE, Permissions.USERS_READ}))
    for act in (
        lambda: people.users.set_password(token, admin.id, PASSWORD),
        lambda: people.users.invite(token, admin.id),
        lambda: people.users.update(token, admin.id, roles=["admin", "user"]),
        lambda: people.users.create(token, username="x", roles=["operator"]),
        lambda: people.users.change_password(token, PASSWORD, "another long phrase"),
    ):
        with pytest.raises(NotAllowed):
            act()
    full = replace(admin, credential="token:x")
    with pytest.raises(NotAllowed):
        people.users.invite(full, admin.id)


def _sixth_path(people: People, who: Actor, user: User) -> object:
    return people.users.update(who, user.id, roles=[])


@pytest.mark.parametrize("path", ["disable", "delete", "demote", "demote-self", "roles-emptied", "disable-self"])
def test_Z5_the_last_active_admin_stays(people: People, path: str) -> None:
    last = people.user("rosa", "admin")
    people.users.create(ROOT, username="invited", roles=["admin"])
    off = people.user("off", "admin")
    people.users.disable(ROOT, off.id)
    me = people.actor(last)
    acts = {
        "disable": lambda: people.users.disable(ROOT, last.id),
        "delete": lambda: people.users.delete(ROOT, last.id),
        "demote": lambda: people.users.update(ROOT, last.id, roles=["user"]),
        "demote-self": lambda: people.users.update(me, last.id, roles=["operator"]),
        "roles-emptied": lambda: _sixth_path(people, ROOT, last),
        "disable-self": lambda: people.users.disable(me, last.id),
    }
    with pytest.raises(LastAdmin):
        acts[path]()
    assert people.user_store.get(last.id) == last
    assert people.entries(Actions.ACCESS_DENY)[-1].event["data"]["because"] == "the last active administrator stays"
    people.users.enable(ROOT, off.id)
    acts[path]()
    assert people.user_store.count_admins() == 1


def test_names_gives_names_in_one_trip(people: People) -> None:
    one, two = people.user("one"), people.user("two")
    before = people.db.trips
    assert people.users.names([one.id, two.id, one.id, "system-worker", "x" * 25]) == {one.id: "one", two.id: "two"}
    assert people.db.trips - before == 1


def test_Z10_a_refusal_is_recorded_once_a_minute(people: People) -> None:
    user, eve = people.user("ada"), people.actor(people.user("eve"))
    for _ in range(3):
        with pytest.raises(NotAllowed):
            people.users.disable(eve, user.id)
    [entry] = people.entries(Actions.ACCESS_DENY)
    assert entry.event["object"]["id"] == user.id
    assert entry.event["data"]["permission"] == "users:write"


def test_K3_no_secret_in_any_repr_or_entry(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    people.users.accept_invite(people.visitor(), link, PASSWORD)
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    token, text = people.tokens.create(people.actor(user), name="t")
    seen = repr([people.users.page(admin, Query()), signed, token]) + str([entry.raw for entry in people.entries()])
    for secret in (link, PASSWORD, signed.secret, text[-43:], token.secret, "argon2", signed.session.id):
        assert secret not in seen


def test_all_permissions_are_held_by_admin(admin: Actor) -> None:
    assert admin.permissions == set(all_permissions())
    assert anybody().permissions == frozenset()


@pytest.mark.parametrize("role", ["admin", "operator"])
def test_Z4_nobody_gets_above_an_equal_to_get_in_as_them(people: People, role: str) -> None:
    """Taking rights from an equal, making a link for who holds less by then, and giving the rights back would be a way
    in for equals in three steps. A new address is as good as a link to whoever is sent something there."""
    one = people.actor(people.user("one", role))
    other = people.user("other", role)
    for step in (
        lambda: people.users.update(one, other.id, roles=["user"]),
        lambda: people.users.update(one, other.id, roles=[]),
        lambda: people.users.update(one, other.id, email="one@example.org"),
        lambda: people.users.invite(one, other.id),
        lambda: people.users.set_password(one, other.id, PASSWORD + "!"),
    ):
        with pytest.raises(NotAllowed, match="holds as much as you"):
            step()
    assert people.user_store.get(other.id) == other
    refusals = [entry.event["data"]["because"] for entry in people.entries(Actions.ACCESS_DENY)]
    assert refusals == ["other holds as much as one"]
    # Giving is no way up: whoever gives holds it. And everybody may step down.
    assert people.users.update(one, other.id, roles=[role, "user"]).roles == tuple(sorted([role, "user"]))
    assert people.users.update(one, other.id, username="another").username == "another"
    assert people.users.update(one, one.id, roles=["user"], email="one@example.org").roles == ("user",)


def test_Z4_what_one_does_to_oneself_and_to_who_holds_less_stays_possible(people: People, admin: Actor) -> None:
    below = people.user("below", "operator")
    assert people.users.update(admin, below.id, email="b@example.org", roles=["user"]).roles == ("user",)
    equal = people.user("equal", "admin")
    shell = people.users.update(ROOT, equal.id, email="e@example.org", roles=["user"])
    assert (shell.email, shell.roles) == ("e@example.org", ("user",))


def test_Z4_an_act_that_compares_nobody_lets_nobody_through(people: People, admin: Actor) -> None:
    """The rule of rank is asked with the row of the table, which says how it compares."""
    user, roles = people.accounts.load(admin.id)
    assert user is not None
    with pytest.raises(TypeError, match="compares the actor with nobody"):
        authorize_over(people.log, admin, Acts.USER_READ, user, roles)
