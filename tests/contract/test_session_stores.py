"""Sessions and tokens in the store, on every kind of server."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.ids import new_id, secret_hash
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.tokens import Token
from backoffice.errors import Conflict, VersionMismatch
from backoffice.stores import tokens as token_store
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.tokens import RedisTokens
from tests.support.people import event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
NOW = now_ms()
HOUR = 3_600_000


def session(owner: str = "u1", **parts: Any) -> Session:
    given: dict[str, Any] = {
        "epoch": 1,
        "created_at": NOW,
        "seen_at": NOW,
        "auth_at": NOW,
        "expires_at": NOW + HOUR,
        "ends_at": NOW + 12 * HOUR,
        "ip": "2001:db8::1",
        "agent": "a \0 b\r\n ünï",
    }
    return Session(id=secret_hash(new_id()), user=owner, **(given | parts))


def token(owner: str = "u1", **parts: Any) -> Token:
    return Token(id=new_id(), user=owner, name="t", secret="s" * 64, epoch=1, created_at=NOW, **parts)


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
    narrow = token(scopes=frozenset({Permissions.FILES_READ}), expires_at=NOW + 1)
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
    monkeypatch.setattr(token_store, "MAX_TOKENS", 1)
    with pytest.raises(Conflict, match="at most 1"):
        tokens.insert(token(), event())


def test_sessions_are_found_by_their_address(db: Db) -> None:
    sessions = RedisSessions(db, KEYS)
    here, there, nowhere = session(ip="192.0.2.1"), session(ip="2001:db8::1"), session(ip="")
    for one in (here, there, nowhere):
        sessions.insert(one, event())

    def at(address: str) -> list[str]:
        return [one.id for one in sessions.page(Query(filters=(("ip", address),))).items]

    assert at("2001:db8::1") == [there.id]
    assert at("192.0.2.1") == [here.id]
    index = KEYS.index("sessions", "ip", "192.0.2.1")
    assert 0 < int(db.call("PTTL", index)) <= here.ends_at - NOW + 1_000, "the list dies with the last of them"
    renewed = replace(here, id="7" * 64, version=2)
    sessions.replace(here, renewed, event())
    assert at("192.0.2.1") == [renewed.id]
    db.call("DEL", index)  # a session from before there was this index
    sessions.touch(renewed, NOW + 5, renewed.expires_at + 5)
    assert at("192.0.2.1") == [renewed.id], "it gets into it when it is used"
    sessions.remove(replace(renewed, seen_at=NOW + 5, expires_at=renewed.expires_at + 5), event())
    assert at("192.0.2.1") == []
