"""Users, roles and accounts in the store, on every kind of server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import BUILT_IN
from backoffice.domain.ids import new_id
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.roles import Role
from backoffice.domain.times import now_ms
from backoffice.domain.users import User, UserStatus
from backoffice.errors import Conflict, InUse, Invalid, LastAdmin, NameTaken, VersionMismatch
from backoffice.stores import roles as role_store
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import pairs
from backoffice.stores.roles import RedisRoles
from backoffice.stores.user_with_roles import RedisAccounts
from backoffice.stores.users import RedisUsers
from tests.support.people import CountedDb, event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
NOW = now_ms()
HOUR = 3_600_000


def user(name: str = "ada", **parts: Any) -> User:
    given: dict[str, Any] = {"status": UserStatus.ACTIVE, "roles": ("user",), "password": "$argon2id$x"}
    return User(id=new_id(), username=name, created_at=NOW, updated_at=NOW, **(given | parts))


# -- users


def test_a_user_comes_back_by_every_way(db: Db) -> None:
    users = RedisUsers(db, KEYS)
    one = user("Ada", email="Ada@Example.org", invite="h1", quota_bytes=0, roles=("admin", "user"))
    users.insert(one, event())
    assert users.get(one.id) == users.find("ADA") == users.find("ada@example.ORG") == users.find_invite("h1") == one
    assert users.get_many([one.id, "gone"]) == [one, None]
    assert users.find("nobody") is users.find("") is users.find_invite("") is users.find_invite("h2") is None
    assert users.page(Query(search="exam")).items == (one,)
    assert users.page(Query(filters=(("role", "admin"),))).items == (one,)
    assert users.page(Query(filters=(("status", "invited"),))).items == ()


def test_A4_finding_nobody_takes_as_many_trips_as_finding_somebody(db: CountedDb) -> None:
    users = RedisUsers(db, KEYS)
    users.insert(user("ada", email="ada@example.org"), event())
    taken = []
    for login in ("ada", "ada@example.org", "nobody", "\0", ""):
        before = db.trips
        users.find(login)
        taken.append(db.trips - before)
    assert set(taken) == {2}


def test_a_name_is_never_two_people(db: Db) -> None:
    users = RedisUsers(db, KEYS)
    one, two = user("ada", email="ada@example.org"), user("bob@example.org")
    users.insert(one, event())
    users.insert(two, event())
    for bad in (
        user("ADA"),
        user("x", email="ADA@example.org"),
        user("Ada@example.org"),
        user("x", email="BOB@example.org"),
    ):
        with pytest.raises(NameTaken):
            users.insert(bad, event())
    for name, changed in (("email", "bob@example.org"), ("username", "ada@example.org"), ("username", "ADA")):
        target = one if name == "email" else two
        with pytest.raises(NameTaken):
            users.replace(target, replace(target, version=2, **{name: changed}), event())
    assert users.page(Query()).total == 2


def test_a_removed_user_leaves_a_reserved_name_and_nothing_else(db: Db) -> None:
    users = RedisUsers(db, KEYS)
    one = user("ada", email="ada@example.org", invite="h1")
    users.insert(one, event())
    users.remove(one, event())
    assert users.get(one.id) is users.find("ada") is users.find_invite("h1") is None
    assert pairs(db.call("HGETALL", KEYS.unique("users", "reserved"))) == {b"ada": one.id.encode()}
    assert list(db.client.scan_iter(match="{t}:users:*")) == [KEYS.unique("users", "reserved")]
    with pytest.raises(NameTaken):
        users.insert(user("Ada"), event())
    users.insert(user("other", email="ada@example.org"), event())


@pytest.mark.parametrize("noun", [("files", "owner"), ("files", "trash"), ("uploads", "owner")])
def test_a_user_with_files_is_in_use(db: Db, noun: tuple[str, str]) -> None:
    users = RedisUsers(db, KEYS)
    one = user()
    users.insert(one, event())
    db.call("ZADD", KEYS.index(*noun, one.id), 1, "f")
    with pytest.raises(InUse):
        users.remove(one, event())
    db.call("DEL", KEYS.index(*noun, one.id))
    db.call("HSET", KEYS.quota(one.id), "used", 0, "reserved", 1)
    with pytest.raises(InUse):
        users.remove(one, event())


def test_Z5_the_store_itself_keeps_the_last_admin(db: Db) -> None:
    users = RedisUsers(db, KEYS)
    one, two = user("one", roles=("admin",)), user("two", roles=("admin", "user"))
    users.insert(one, event())
    assert users.count_admins() == 1
    ends = [
        lambda old: users.replace(old, replace(old, status=UserStatus.DISABLED, version=2), event()),
        lambda old: users.replace(old, replace(old, roles=("user",), version=2), event()),
        lambda old: users.replace(old, replace(old, status=UserStatus.INVITED, version=2), event()),
        lambda old: users.remove(old, event()),
    ]
    for end in ends:
        with pytest.raises(LastAdmin):
            end(one)
    users.insert(replace(two, status=UserStatus.INVITED), event())
    for end in ends:
        with pytest.raises(LastAdmin):
            end(one)
    users.replace(replace(two, status=UserStatus.INVITED), replace(two, version=2), event())
    assert users.count_admins() == 2
    ends[0](one)
    assert users.count_admins() == 1


def test_a_role_that_is_given_exists_and_a_role_in_use_stays(db: Db) -> None:
    users, roles = RedisUsers(db, KEYS), RedisRoles(db, KEYS)
    role = Role("custom", "", frozenset({Permissions.FILES_READ}), created_at=NOW)
    with pytest.raises(Invalid):
        users.insert(user(roles=("custom",)), event())
    roles.insert(role, event())
    one = user(roles=("custom",))
    users.insert(one, event())
    with pytest.raises(InUse):
        roles.remove(role, event())
    two = replace(one, roles=(), version=2)
    users.replace(one, two, event())
    roles.remove(role, event())
    with pytest.raises(Invalid):
        users.replace(two, replace(two, roles=("custom",), version=3), event())


def test_a_sign_in_is_noted_without_a_new_version(db: Db) -> None:
    users = RedisUsers(db, KEYS)
    one = user()
    users.insert(one, event())
    users.touch(one.id, NOW + 5, 0)
    assert users.get(one.id) == replace(one, last_login_at=NOW + 5)
    users.remove(one, event())
    users.touch(one.id, NOW + 9, 0)
    assert users.get(one.id) is None
    assert db.call("EXISTS", KEYS.record("users", one.id)) == 0


# -- roles and accounts


def test_roles_are_read_again_only_after_a_change(db: CountedDb) -> None:
    roles, elsewhere = RedisRoles(db, KEYS), RedisRoles(db, KEYS)
    assert set(roles.all()) == set(BUILT_IN)
    assert roles.all() is roles.all()
    role = Role("custom", "of ours", frozenset({Permissions.FILES_READ}), created_at=NOW, updated_at=NOW)
    elsewhere.insert(role, event())
    assert roles.all()["custom"] == role
    wider = replace(role, permissions=frozenset({Permissions.FILES_READ, Permissions.FILES_WRITE}), version=2)
    elsewhere.replace(role, wider, event())
    assert roles.all()["custom"] == wider
    with pytest.raises(VersionMismatch):
        roles.replace(role, wider, event())
    with pytest.raises(VersionMismatch):
        roles.remove(role, event())
    before = db.trips
    roles.all()
    assert db.trips - before == 1
    elsewhere.remove(wider, event())
    assert "custom" not in roles.all()


def test_a_role_may_be_called_like_a_key(db: Db) -> None:
    roles = RedisRoles(db, KEYS)
    for name in ("epoch", "by", "one", "facet"):
        roles.insert(Role(name, "", frozenset({Permissions.FILES_READ})), event())
    assert set(roles.all()) == set(BUILT_IN) | {"epoch", "by", "one", "facet"}


def test_names_of_roles_are_unique_and_there_is_an_end_to_them(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = RedisRoles(db, KEYS)
    role = Role("custom", "", frozenset({Permissions.FILES_READ}))
    roles.insert(role, event())
    with pytest.raises(NameTaken):
        roles.insert(role, event())
    monkeypatch.setattr(role_store, "MAX_ROLES", 1)
    with pytest.raises(Conflict, match="at most 1"):
        roles.insert(replace(role, id="other"), event())


def test_an_account_is_read_in_one_trip(db: CountedDb) -> None:
    users, roles = RedisUsers(db, KEYS), RedisRoles(db, KEYS)
    accounts = RedisAccounts(db, KEYS, users, roles)
    one = user()
    users.insert(one, event())
    assert accounts.load(one.id)[0] == one
    before = db.trips
    found, all_roles = accounts.load(one.id)
    assert db.trips - before == 1
    assert found == one
    assert set(all_roles) == set(BUILT_IN)
    assert accounts.load("gone")[0] is None


def test_how_many_have_each_role(db: Db) -> None:
    users = RedisUsers(db, KEYS)
    ada, bob = user("ada", roles=("auditor", "user")), user("bob")
    users.insert(ada, event()), users.insert(bob, event())
    assert users.holders() == {"auditor": 1, "user": 2}
    users.replace(ada, replace(ada, roles=("user",), version=2), event())
    assert users.holders() == {"user": 2}
    users.remove(bob, event())
    assert users.holders() == {"user": 1}


def test_several_roles_change_together_or_not_at_all(db: Db) -> None:
    roles = RedisRoles(db, KEYS)
    made = [Role(name, "", frozenset({Permissions.FILES_READ}), NOW, NOW) for name in ("one", "two")]
    for one in made:
        roles.insert(one, event())
    other = frozenset({Permissions.USERS_READ})
    pairs = [(one, replace(one, permissions=other, version=2)) for one in made]
    length = db.call("XLEN", KEYS.audit)
    with pytest.raises(VersionMismatch):
        roles.replace_several([pairs[0], (replace(made[1], version=7), pairs[1][1])], [event(), event()])
    assert [roles.all()[one.name] for one in made] == made
    assert db.call("XLEN", KEYS.audit) == length
    reader = RedisRoles(db, KEYS)
    assert reader.all()["one"] == made[0]
    roles.replace_several(pairs, [event(), event()])
    assert [reader.all()[one.name].permissions for one in made] == [other, other], "other processes read it anew"
    assert db.call("XLEN", KEYS.audit) == length + 2


def test_roles_of_before_there_were_copies_are_read(db: Db) -> None:
    roles = RedisRoles(db, KEYS)
    roles.insert(Role("old", "", frozenset({Permissions.FILES_READ}), NOW, NOW), event())
    db.call("HDEL", KEYS.record("roles", "old"), "copied_from")
    old = roles.all()["old"]
    assert old.copied_from == ""
    roles.replace(old, replace(old, description="new", version=2), event())
    assert roles.all()["old"].description == "new"
