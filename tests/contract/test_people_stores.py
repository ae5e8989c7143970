"""The stores of people and of the log, on every kind of server."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import BUILT_IN, Permission
from backoffice.domain.audit import Action, ObjectRef
from backoffice.domain.ids import new_id, secret_hash
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.tokens import Token
from backoffice.domain.users import User, UserStatus
from backoffice.errors import Conflict, InUse, Invalid, LastAdmin, NameTaken, VersionMismatch
from backoffice.stores import audit as audit_store
from backoffice.stores import roles as role_store
from backoffice.stores import tokens as token_store
from backoffice.stores.accounts import RedisAccounts
from backoffice.stores.audit import RedisAudit, index_score
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.throttle import RedisThrottle
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.users import RedisUsers
from tests.people import ROOT, CountedDb, event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
NOW = now_ms()
HOUR = 3_600_000


@pytest.fixture
def db(redis: Any) -> CountedDb:
    return CountedDb(redis)


def user(name: str = "ada", **parts: Any) -> User:
    given: dict[str, Any] = {"status": UserStatus.ACTIVE, "roles": ("user",), "password": "$argon2id$x"}
    return User(id=new_id(), username=name, created_at=NOW, updated_at=NOW, **(given | parts))


def session(owner: str = "u1", **parts: Any) -> Session:
    given: dict[str, Any] = {
        "epoch": 1, "created_at": NOW, "seen_at": NOW, "auth_at": NOW, "expires_at": NOW + HOUR, "ends_at": NOW + 12 * HOUR,
        "ip": "2001:db8::1", "agent": "a \0 b\r\n ünï",
    }  # fmt: skip
    return Session(id=secret_hash(new_id()), user=owner, **(given | parts))


def token(owner: str = "u1", **parts: Any) -> Token:
    return Token(id=new_id(), user=owner, name="t", secret="s" * 64, epoch=1, created_at=NOW, **parts)


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
    for bad in (user("ADA"), user("x", email="ADA@example.org"), user("Ada@example.org"), user("x", email="BOB@example.org")):
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
    assert db.call("HGETALL", KEYS.unique("users", "reserved")) == {b"ada": one.id.encode()}
    assert [key for key in db.client.scan_iter(match="{t}:users:*")] == [KEYS.unique("users", "reserved")]
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
    role = Role("custom", "", frozenset({Permission.FILES_READ}), created_at=NOW)
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
    users.touch(one.id, NOW + 5)
    assert users.get(one.id) == replace(one, last_login_at=NOW + 5)
    users.remove(one, event())
    users.touch(one.id, NOW + 9)
    assert users.get(one.id) is None
    assert db.call("EXISTS", KEYS.record("users", one.id)) == 0


# -- roles and accounts


def test_roles_are_read_again_only_after_a_change(db: CountedDb) -> None:
    roles, elsewhere = RedisRoles(db, KEYS), RedisRoles(db, KEYS)
    assert set(roles.all()) == set(BUILT_IN)
    assert roles.all() is roles.all()
    role = Role("custom", "of ours", frozenset({Permission.FILES_READ}), created_at=NOW, updated_at=NOW)
    elsewhere.insert(role, event())
    assert roles.all()["custom"] == role
    wider = replace(role, permissions=frozenset({Permission.FILES_READ, Permission.FILES_WRITE}), version=2)
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
        roles.insert(Role(name, "", frozenset({Permission.FILES_READ})), event())
    assert set(roles.all()) == set(BUILT_IN) | {"epoch", "by", "one", "facet"}


def test_names_of_roles_are_unique_and_there_is_an_end_to_them(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = RedisRoles(db, KEYS)
    role = Role("custom", "", frozenset({Permission.FILES_READ}))
    roles.insert(role, event())
    with pytest.raises(NameTaken):
        roles.insert(role, event())
    monkeypatch.setattr(role_store, "MOST", 1)
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


# -- sessions


def test_a_session_lives_as_long_as_it_says(db: Db) -> None:
    sessions = RedisSessions(db, KEYS)
    one = session()
    sessions.insert(one, event())
    assert sessions.get(one.id) == one
    assert sessions.of_user("u1") == [one]
    key, listed = KEYS.record("sessions", one.id), KEYS.index("sessions", "user", "u1")
    assert abs(db.call("PEXPIRETIME", key) - one.expires_at) <= 1
    assert abs(db.call("PEXPIRETIME", listed) - one.ends_at) <= 1
    sessions.touch(one, NOW + 60_000, NOW + HOUR + 60_000)
    assert sessions.get(one.id) == replace(one, seen_at=NOW + 60_000, expires_at=NOW + HOUR + 60_000)
    assert abs(db.call("PEXPIRETIME", key) - (NOW + HOUR + 60_000)) <= 1
    assert int(float(db.call("ZSCORE", KEYS.index("sessions", "expires"), one.id))) == NOW + HOUR + 60_000
    assert int(float(db.call("ZSCORE", listed, one.id))) == NOW + HOUR + 60_000


def test_a_users_list_lives_as_long_as_the_last_of_the_sessions(db: Db) -> None:
    sessions = RedisSessions(db, KEYS)
    sessions.insert(session(ends_at=NOW + 12 * HOUR), event())
    sessions.insert(session(ends_at=NOW + 2 * HOUR), event())
    assert abs(db.call("PEXPIRETIME", KEYS.index("sessions", "user", "u1")) - (NOW + 12 * HOUR)) <= 1
    sessions.insert(session(ends_at=NOW + 13 * HOUR), event())
    assert abs(db.call("PEXPIRETIME", KEYS.index("sessions", "user", "u1")) - (NOW + 13 * HOUR)) <= 1


def test_a_session_that_ended_is_not_brought_back_by_its_use(db: Db) -> None:
    sessions = RedisSessions(db, KEYS)
    one = session()
    sessions.insert(one, event())
    sessions.remove(one, event())
    sessions.touch(one, NOW, NOW + HOUR)
    assert sessions.get(one.id) is None
    assert sessions.of_user("u1") == []
    assert list(db.client.scan_iter(match="{t}:sessions:*")) == []
    with pytest.raises(VersionMismatch):
        sessions.remove(one, event())


def test_a_session_under_another_secret(db: Db) -> None:
    sessions = RedisSessions(db, KEYS)
    one = session()
    sessions.insert(one, event())
    two = replace(one, id=secret_hash("other"), auth_at=NOW + 1, version=2)
    sessions.replace(one, two, event())
    assert sessions.get(one.id) is None
    assert sessions.of_user("u1") == [two]
    assert db.call("PTTL", KEYS.record("sessions", two.id)) > 0
    with pytest.raises(VersionMismatch):
        sessions.replace(one, replace(one, id=secret_hash("third"), version=2), event())
    three = replace(two, auth_at=NOW + 2, version=3)
    sessions.replace(two, three, event())
    assert sessions.get(two.id) == three
    assert db.call("PTTL", KEYS.record("sessions", two.id)) > 0


def test_vanished_sessions_are_swept_and_living_ones_are_not(db: Db) -> None:
    sessions = RedisSessions(db, KEYS)
    living, vanished = session(), session()
    for one in (living, vanished):
        sessions.insert(one, event())
    db.call("DEL", KEYS.record("sessions", vanished.id))
    assert sessions.of_user("u1") == [living]
    assert db.call("ZCARD", KEYS.index("sessions", "user", "u1")) == 1
    assert sessions.sweep(NOW) == 0
    db.call("ZADD", KEYS.index("sessions", "expires"), NOW - HOUR, vanished.id)
    assert sessions.sweep(NOW) == 1
    assert db.call("ZRANGE", KEYS.index("sessions", "expires"), 0, -1) == [living.id.encode()]


@pytest.mark.real_only
def test_an_expired_session_is_gone_from_the_store(redis: Any) -> None:
    db = Db(redis)
    sessions = RedisSessions(db, KEYS)
    now = now_ms()
    sessions.insert(session(expires_at=now + 300, ends_at=now + 400), event())
    time.sleep(0.5)
    assert list(db.client.scan_iter(match="{t}:sessions:by:user:*")) == []
    assert sessions.of_user("u1") == []


# -- tokens


def test_tokens_by_user_and_by_id(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = RedisTokens(db, KEYS)
    narrow = token(scopes=frozenset({Permission.FILES_READ}), expires_at=NOW + 1)
    wide = token()
    other = token("u2")
    for one in (narrow, wide, other):
        tokens.insert(one, event())
    assert tokens.get(narrow.id) == narrow
    assert tokens.get(wide.id) == wide
    assert set(tokens.page(Query(filters=(("user", "u1"),))).items) == {narrow, wide}
    tokens.touch(wide, NOW + 7)
    assert tokens.get(wide.id) == replace(wide, used_at=NOW + 7)
    tokens.remove(wide, event())
    tokens.touch(wide, NOW + 8)
    assert tokens.get(wide.id) is None
    with pytest.raises(VersionMismatch):
        tokens.remove(wide, event())
    monkeypatch.setattr(token_store, "MOST", 1)
    with pytest.raises(Conflict, match="at most 1"):
        tokens.insert(token(), event())


# -- the log


def fill(log: RedisAudit, count: int = 40) -> None:
    for n in range(count):
        actor = replace(ROOT, id=f"a{n % 3}", ip=f"192.0.2.{n % 4}")
        action = Action.FILE_DOWNLOAD if n % 2 else Action.FILE_RENAME
        log.record(event(action, actor, object=ObjectRef("file", f"f{n % 5}"), data={"n": n}))


def numbers(entries: Any) -> list[int]:
    return [entry.event["data"].get("n", 0) if "data" in entry.event else 0 for entry in entries]


FILTERS = [
    (),
    (("actor", "a1"),),
    (("action", "file.download"),),
    (("actor", "a1"), ("action", "file.download")),
    (("actor", "a1"), ("ip", "192.0.2.1"), ("object", "file:f1")),
    (("actor", "nobody"), ("action", "file.rename")),
    (("actor", "nobody"),),
    (("actor", "a1"), ("actor", "a1")),
    (("actor", "a1"), ("actor", "a2")),
]


def wanted(filters: Any) -> list[int]:
    facets = {
        "actor": lambda n: f"a{n % 3}",
        "ip": lambda n: f"192.0.2.{n % 4}",
        "object": lambda n: f"file:f{n % 5}",
        "action": lambda n: "file.download" if n % 2 else "file.rename",
    }
    return [n for n in range(39, -1, -1) if all(facets[name](n) == value for name, value in filters)]


@pytest.mark.parametrize("low", [False, True])
def test_the_log_page_by_page_newest_first(db: Db, low: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if low:
        monkeypatch.setattr(audit_store, "WINDOW", 3)
        monkeypatch.setattr(audit_store, "SCAN", 9)
    log = RedisAudit(db, KEYS)
    fill(log)
    for filters in FILTERS:
        everything = wanted(filters)
        for limit in (1, 3, 40, 100):
            found: list[int] = []
            cursor = ""
            for _ in range(200):
                page = log.page(filters, cursor, limit)
                assert len(page.items) <= limit
                assert page.total == len(everything) if page.exact else page.total <= len(everything)
                found += numbers(page.items)
                cursor = page.next_cursor
                if not cursor:
                    break
            assert found == everything, (filters, limit)


def test_entries_trimmed_between_the_trips_are_passed_over(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    fill(log)
    oldest = log.between("-", "+", 1)[0]
    db.call("XDEL", KEYS.audit, oldest.id)
    filters = (("actor", "a0"),)
    assert numbers(log.page(filters, "", 100).items) == wanted(filters)[:-1]


def test_one_entry_and_a_stretch(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    fill(log, 5)
    entries = log.between("-", "+", 100)
    assert numbers(entries) == [0, 1, 2, 3, 4]
    assert log.get(entries[2].id) == entries[2]
    assert log.between(entries[1].id, entries[3].id, 100) == entries[1:4]
    assert log.between("-", "+", 2) == entries[:2]
    for bad in ("", "1", "1-1", "-", "+", "x", "1-2-3", "9" * 40 + "-1", "1-\u0661"):
        assert log.get(bad) is None


def test_what_happens_once_is_written_once_for_a_while(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    assert log.record(event(), "a thing \0 of any text", 60)
    assert log.record(event(), "a thing \0 of any text", 60) == ""
    assert log.record(event(), "another", 60)
    assert db.call("XLEN", KEYS.audit) == 2
    seen = list(db.client.scan_iter(match="{t}:seen:*"))
    assert len(seen) == 2
    assert all(0 < db.call("TTL", key) <= 60 for key in seen)


def test_scores_order_like_ids() -> None:
    ids = ["1700000000000-0", "1700000000000-1", "1700000000000-4095", "1700000000001-0", "1700000000001-2"]
    assert sorted(reversed(ids), key=index_score) == ids
    assert index_score("3770000000000-4095") < 2**53
    with pytest.raises(ValueError, match="not the id"):
        index_score("x")


def test_waiting_for_entries(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    fill(log, 3)
    entries = log.between("-", "+", 10)
    assert log.wait(entries[0].id, 50) == entries[1:]
    start = time.monotonic()
    assert log.wait(entries[-1].id, 50) == []
    assert time.monotonic() - start < 4


def test_waiting_ends_when_something_happens(redis: Any) -> None:
    log = RedisAudit(CountedDb(redis), KEYS)
    log.record(event())
    found: list[Any] = []
    waiter = threading.Thread(target=lambda: found.extend(log.wait("$", 2_000)))
    waiter.start()
    end = time.monotonic() + 5
    while waiter.is_alive() and time.monotonic() < end:
        log.record(event(Action.AUDIT_READ))
        time.sleep(0.02)
    waiter.join(5)
    assert {entry.event["action"] for entry in found} == {"audit.read"}


# -- throttle


def test_A5_failures_beyond_the_free_ones_double_the_wait(db: Db) -> None:
    now = [NOW]
    throttle = RedisThrottle(db, KEYS, lambda: now[0])
    limit = (3, 1_000, 60_000, 100)
    assert [throttle.attempt("x", *limit) for _ in range(4)] == [0, 0, 0, 0]
    waits = []
    for _ in range(9):
        wait = throttle.attempt("x", *limit)
        waits.append(wait)
        assert throttle.attempt("x", *limit) == wait, "a refused attempt does not lengthen it"
        now[0] += wait
        assert throttle.attempt("x", *limit) == 0
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
    assert throttle.attempt("y", *limit) == 0
    throttle.clear("x")
    assert [throttle.attempt("x", *limit) for _ in range(4)] == [0, 0, 0, 0]
    assert 0 < db.call("TTL", KEYS.throttle("x")) <= 100


def test_a_forgiven_attempt_leaves_what_was_there_without_it(db: Db) -> None:
    throttle = RedisThrottle(db, KEYS, lambda: NOW)
    limit = (2, 1_000, 60_000, 100)
    for _ in range(20):
        assert throttle.attempt("x", *limit) == 0
        throttle.forgive("x", *limit)
    assert [throttle.attempt("x", *limit) for _ in range(4)] == [0, 0, 0, 1_000]
    throttle.forgive("x", *limit)
    assert [throttle.attempt("x", *limit) for _ in range(2)] == [0, 1_000]
    throttle.forgive("never heard of", *limit)
    assert db.call("EXISTS", KEYS.throttle("never heard of")) == 0


def test_a_clock_set_back_locks_nobody_out_for_long(db: Db) -> None:
    now = [NOW]
    throttle = RedisThrottle(db, KEYS, lambda: now[0])
    throttle.attempt("x", 0, 60_000, 60_000, 100)
    now[0] -= 100 * HOUR
    assert throttle.attempt("x", 0, 60_000, 60_000, 100) == 60_000
