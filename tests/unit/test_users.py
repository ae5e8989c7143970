"""Users: creating, changing, the one-time links, and who may change whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.access import ALL, ANONYMOUS, Actor, Permission
from backoffice.domain.audit import Action
from backoffice.domain.paging import Query
from backoffice.domain.users import User, UserStatus
from backoffice.errors import (
    BadCredentials,
    BackofficeError,
    InUse,
    Invalid,
    LastAdmin,
    NameTaken,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ReauthRequired,
    VersionMismatch,
    WeakPassword,
)
from tests.people import PASSWORD, ROOT, People, anybody


@pytest.fixture
def people(fake: Redis) -> People:
    return People(fake)


@pytest.fixture
def admin(people: People) -> Actor:
    return people.actor(people.user("root", "admin"))


# -- creating


def test_create_with_a_password_makes_an_active_user(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="Ada", email="ada@example.org", password=PASSWORD)
    assert (user.status, link) == (UserStatus.ACTIVE, "")
    assert people.users.get(admin, user.id) == user
    assert people.users.find(admin, "ADA@example.ORG") == user
    [entry] = people.entries(Action.USER_CREATE)[-1:]
    assert entry.event["changes"]["username"] == [None, "Ada"]
    assert "password" not in entry.raw.decode().replace("user.password", "")


def test_create_without_a_password_gives_a_one_time_link(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    assert user.status is UserStatus.INVITED
    assert len(link) >= 40
    assert people.users.open_invite(link) == user
    assert link not in str(people.entries())


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a\0b", "a\u202eb", "x" * 65, ".a", "a-", "<b>", "раypal", "a\nb"])
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
    changed = people.users.update(admin, user.id, username="ada2", email="a@example.org", quota_bytes=5, version=user.version)
    assert (changed.username, changed.email, changed.quota_bytes, changed.roles) == ("ada2", "a@example.org", 5, ("user",))
    assert changed == people.users.get(admin, user.id)
    event = people.entries(Action.USER_UPDATE)[-1].event
    assert event["changes"] == {"username": ["ada", "ada2"], "email": ["", "a@example.org"], "quota_bytes": [None, 5]}
    assert people.users.update(admin, user.id, quota_bytes=None).quota_bytes is None
    assert people.users.find(admin, "ada2").id == user.id
    with pytest.raises(NotFound):
        people.users.find(admin, "ada")


def test_update_that_changes_nothing_writes_nothing(people: People, admin: Actor) -> None:
    user = people.user("ada")
    assert people.users.update(admin, user.id, username="ada", roles=["user"]) == user
    assert people.entries(Action.USER_UPDATE) == []


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
def test_S8_a_session_needs_a_recent_password_for_what_guards_an_account(people: People, admin: Actor, change: str) -> None:
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
        people.users.open_invite(link)
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
    assert people.tokens.resume(text, ip="", agent="", request_id="") is None


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
    event = people.entries(Action.USER_PASSWORD)[-1].event
    assert (event["actor"]["name"], event["actor"]["ip"]) == ("ada", "192.0.2.1")


def test_A10_links_expire_and_are_kept_as_hashes(people: People, admin: Actor, fake: Redis) -> None:
    user, first = people.users.create(admin, username="ada")
    assert first.encode() not in b"".join(fake.hgetall(people.keys.record("users", user.id)).values())
    people.clock.pass_(hours=24)
    with pytest.raises(NotFound):
        people.users.open_invite(first)
    second = people.users.invite(replace(admin, auth_at=people.clock()), user.id)
    people.users.accept_invite(people.visitor(), second, PASSWORD)
    reset = people.users.invite(replace(admin, auth_at=people.clock()), user.id)
    people.clock.pass_(minutes=30)
    with pytest.raises(NotFound):
        people.users.open_invite(reset)


def test_a_newer_link_voids_the_older(people: People, admin: Actor) -> None:
    user, first = people.users.create(admin, username="ada")
    second = people.users.invite(admin, user.id)
    with pytest.raises(NotFound):
        people.users.open_invite(first)
    assert people.users.open_invite(second).id == user.id


@pytest.mark.parametrize("secret", ["", "x" * 43, "x" * 5000, "é" * 43, "\0" * 43])
def test_invented_links_are_not_found(people: People, secret: str) -> None:
    people.user("ada")  # who has no link: "" must not match that
    with pytest.raises(NotFound):
        people.users.open_invite(secret)


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
        people.users.open_invite(link)
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


# -- who may


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
    assert {entry.event["outcome"] for entry in people.entries(Action.ACCESS_DENY)} == {"denied"}


def test_Z4_who_holds_less_may_not_touch_who_holds_more(people: People, admin: Actor) -> None:
    operator = people.actor(people.user("op", "operator"))
    acts = [
        lambda: people.users.update(operator, admin.id, email="mine@example.org"),
        lambda: people.users.update(operator, admin.id, roles=["user"]),
        lambda: people.users.set_password(operator, admin.id, PASSWORD),
        lambda: people.users.disable(operator, admin.id),
        lambda: people.users.delete(operator, admin.id),
        lambda: people.users.invite(operator, admin.id),
        lambda: people.sessions.end_all(operator, admin.id),
    ]
    before = people.user_store.get(admin.id)
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert people.user_store.get(admin.id) == before
    assert not people.users.may_manage(operator, before or people.user("x"))
    assert people.users.may_manage(admin, before or people.user("x"))


def test_Z8_a_narrowed_token_cannot_widen_itself_through_its_user(people: People, admin: Actor) -> None:
    token = replace(admin, credential="token:x", scopes=frozenset({Permission.USERS_WRITE, Permission.USERS_READ}))
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
    last = people.user("root", "admin")
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
    [entry] = people.entries(Action.ACCESS_DENY)
    assert entry.event["object"]["id"] == user.id
    assert entry.event["data"]["permission"] == "users:write"


def test_K3_no_secret_in_any_repr_or_entry(people: People, admin: Actor) -> None:
    user, link = people.users.create(admin, username="ada")
    people.users.accept_invite(people.visitor(), link, PASSWORD)
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    token, text = people.tokens.create(people.actor(user), name="t")
    seen = repr([people.users.page(admin, Query()), signed, token]) + str([entry.raw for entry in people.entries()])
    for secret in (link, PASSWORD, signed.secret, text.rpartition("_")[2], token.secret, "argon2", signed.session.id):
        assert secret not in seen


def test_all_permissions_are_held_by_admin(admin: Actor) -> None:
    assert admin.permissions == ALL
    assert anybody().permissions == frozenset()
