"""`commit.lua`: all of it or nothing, never without an event, once for each request. On every kind of server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ResponseError

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.errors import BackofficeError, Conflict, NotFound, TooMany, Unavailable, VersionMismatch
from backoffice.stores.client import Db
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import pack, unpack
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import COMMANDS, KEEP_SECONDS, Commit
from tests.support.commits import HASH, KEYS, OWNER, TEXT, ZSET, everything, things
from tests.support.database import database
from tests.support.people import ROOT, event

pytestmark = pytest.mark.cluster
NASTY = "a\0b\r\n*1\r\n$3\r\n'\"\\ \u2028\u202e ünï 文 \U0001f600 {}[] %s"


HOLD = [
    ("absent", KEYS.seen("nothing"), ()),
    ("present", HASH, ()),
    ("equal", HASH, ("version", 3)),
    ("unset", HASH, ("nothing",)),
    ("free", HASH, ("nothing", "me")),
    ("free", HASH, ("version", 3)),
    ("room", HASH, (OWNER, 5, 20)),
    ("room", KEYS.quota("new"), (OWNER, 0, 0)),
    ("room", HASH, (OWNER, 2**53 - 15, 2**53)),
    ("room", HASH, (KEYS.record("users", "rich"), 985, 20)),
    ("room", HASH, (KEYS.record("users", "plain"), 5, 20)),
    ("unused", KEYS.quota("new"), ()),
    ("fewer", ZSET, (4,)),
    ("fewer", KEYS.seen("nothing"), (1,)),
    ("spare", ZSET, ("a",)),
    ("spare", KEYS.index("things", "one"), ("another",)),
    ("spare", KEYS.seen("nothing"), ("x",)),
    ("vacant", KEYS.index("things", "name"), ("nam\0", "nam\1", 0)),
    ("vacant", KEYS.seen("nothing"), ("a\0", "a\1", 0)),
    ("vacant", KEYS.index("things", "name"), ("name\0", "name\1", 1)),
]
FAIL = [
    ("absent", HASH, ()),
    ("present", KEYS.seen("nothing"), ()),
    ("equal", HASH, ("version", 4)),
    ("equal", HASH, ("nothing", "")),
    ("equal", KEYS.seen("nothing"), ("version", 1)),
    ("unset", HASH, ("version",)),
    ("free", HASH, ("version", "me")),
    ("room", HASH, (OWNER, 6, 20)),
    ("room", KEYS.quota("new"), (OWNER, 1, 0)),
    ("room", HASH, (KEYS.record("users", "rich"), 986, 2000)),
    ("room", HASH, (KEYS.record("users", "plain"), 6, 20)),
    ("room", KEYS.quota("new"), (KEYS.record("users", "poor"), 1, 20)),
    ("unused", HASH, ()),
    ("fewer", ZSET, (3,)),
    ("spare", KEYS.index("things", "one"), ("only",)),
    ("vacant", KEYS.index("things", "name"), ("name\0", "name\1", 0)),
]


@pytest.mark.parametrize(("op", "key", "args"), HOLD, ids=lambda value: str(value)[:30])
def test_a_check_that_holds_lets_it_happen(db: Db, op: str, key: bytes, args: tuple[Any, ...]) -> None:
    things(db)
    commit = Commit(KEYS, event())
    commit.check(op, key, *args, error=Conflict())
    commit.write("SET", TEXT, "done")
    commit.run(db)
    assert db.call("GET", TEXT) == b"done"


@pytest.mark.parametrize(("op", "key", "args"), FAIL, ids=lambda value: str(value)[:30])
def test_a_check_that_fails_leaves_everything_as_it_was(db: Db, op: str, key: bytes, args: tuple[Any, ...]) -> None:
    things(db)
    before = everything(db)
    commit = Commit(KEYS, event(object=ObjectRef("thing", "1")))
    commit.check("present", HASH, error=Conflict("the first one holds"))
    commit.check(op, key, *args, error=VersionMismatch())
    commit.check("absent", HASH, error=Conflict("the first that fails is told"))
    commit.write("SET", TEXT, "done")
    commit.write("DEL", HASH)
    with pytest.raises(VersionMismatch):
        commit.run(db)
    assert everything(db) == before


def test_a_failed_check_keeps_what_it_saw_to_itself(db: Db) -> None:
    """It may be somebody else's identifier, and details go to clients."""
    things(db)
    commit = Commit(KEYS, event())
    commit.check("equal", HASH, "version", 9, error=VersionMismatch())
    with pytest.raises(VersionMismatch) as caught:
        commit.run(db)
    assert caught.value.details == {}


def test_no_entry_no_effect(db: Db) -> None:
    commit = Commit(KEYS)
    commit.write("SET", TEXT, "done")
    with pytest.raises(ResponseError, match="without an audit event"):
        commit.run(db)
    assert everything(db) == {}


def test_the_same_request_again_gives_the_first_result_and_no_second_effect(db: Db) -> None:
    commit = Commit(KEYS, event())
    commit.write("HINCRBY", HASH, "count", 1)
    commit.check("unset", HASH, "count", error=Conflict("would fail the second time"))
    first = commit.run(db)
    assert commit.run(db) == first
    assert pairs(db.call("HGETALL", HASH)) == {b"count": b"1"}
    assert db.call("XLEN", KEYS.audit) == 1


def test_a_request_is_remembered_for_two_minutes_and_not_for_ever(db: Db) -> None:
    Commit(KEYS, event()).run(db)
    [request] = [key for key in everything(db) if b":request:" in key]
    assert KEEP_SECONDS - 5 < db.call("TTL", request) <= KEEP_SECONDS


def test_a_failed_request_is_not_remembered(db: Db) -> None:
    commit = Commit(KEYS, event())
    commit.check("present", HASH, error=Conflict())
    with pytest.raises(Conflict):
        commit.run(db)
    things(db)
    commit.run(db)


@pytest.mark.parametrize("text", ["", NASTY, "\0", "\r\n", "x" * 100_000, "[1,2]", "nil"])
def test_I4_values_of_any_text_arrive_as_they_are(db: Db, text: str) -> None:
    commit = Commit(KEYS, event(data={"text": text}, object=ObjectRef("thing", "1", text)))
    commit.write("HSET", HASH, "field", text, text or "empty", "value")
    commit.write("ZADD", ZSET, 1, text)
    commit.run(db)
    assert db.call("HGET", HASH, "field") == text.encode()
    assert db.call("HGET", HASH, text or "empty") == b"value"
    assert db.call("ZRANGE", ZSET, 0, -1) == [text.encode()]
    [entry] = RedisAudit(db, KEYS).page((), "", 10).items
    assert entry.event["data"] == {"text": text} if text else True
    assert entry.raw.isascii()
    # A check sees the same text, and a failure sends it back without becoming part of the protocol (CVE-2025-67733).
    commit = Commit(KEYS, event())
    commit.check("equal", HASH, "field", text, error=Conflict())
    commit.check("equal", HASH, "field", text + "?", error=VersionMismatch())
    with pytest.raises(VersionMismatch):
        commit.run(db)
    assert db.call("HGET", HASH, "field") == text.encode()


@pytest.mark.parametrize("number", [0, -1, 2**53, 2**53 + 1, 2**63 - 1])
def test_whole_numbers_keep_every_digit(db: Db, number: int) -> None:
    commit = Commit(KEYS, event())
    commit.write("HSET", HASH, "n", number)
    commit.write("HINCRBY", HASH, "m", number)
    commit.run(db)
    assert db.call("HMGET", HASH, "n", "m") == [str(number).encode()] * 2


def test_many_fields_and_writes_fit(db: Db) -> None:
    commit = Commit(KEYS, event())
    commit.write("HSET", HASH, *(part for n in range(1000) for part in (f"field{n}", n)))
    for n in range(1000):
        commit.write("ZADD", ZSET, n, f"m{n}")
    commit.run(db)
    assert db.call("HLEN", HASH) == db.call("ZCARD", ZSET) == 1000


def test_an_event_is_in_the_index_of_each_facet(db: Db) -> None:
    entry_id = Commit(KEYS, event(object=ObjectRef("thing", "1", "One"))).run(db)
    for facet, value in (("action", "system.repair"), ("actor", ROOT.id), ("object", "thing:1")):
        index = KEYS.audit_index(facet, value)
        assert db.call("GET", index) == pack(entry_id)
    assert sum(b"}:by:" in key for key in everything(db)) == 3


def test_several_events_keep_their_order_within_a_millisecond(db: Db) -> None:
    Commit(KEYS, *(event(data={"n": n}) for n in range(50))).run(db)
    entries = RedisAudit(db, KEYS).page((), "", 100).items[::-1]
    by_index = unpack(db.call("GET", KEYS.audit_index("action", "system.repair")))
    assert [entry.event["data"]["n"] for entry in entries] == list(range(50))
    assert by_index == [entry.id for entry in entries]
    assert sorted(by_index, key=pack) == by_index


@pytest.mark.parametrize("command", ["INDEX", "UNINDEX", "REINDEX"])
def test_what_repairs_the_log_is_no_write_of_a_commit(db: Db, command: str) -> None:
    """Strings of 1 MiB are rewritten by `log_repair.lua`, for `fsck` alone, and not through the door
    for everything."""
    with pytest.raises(ValueError, match="not a command"):
        Commit(KEYS, event()).write(command, KEYS.audit_index("actor", "x"), "1-1")
    program = [1, 64, 0, 1, 1, 0, 0, "{}", 0, command, 3, 1, "1-1"]
    with pytest.raises(ResponseError, match=r"(?i)unknown"):
        db.script("commit", [KEYS.request("r"), KEYS.audit, KEYS.full_indexes, KEYS.audit_index("actor", "x")], program)
    assert everything(db) == {}


def test_a_script_flush_is_survived(db: Db) -> None:
    Commit(KEYS, event()).run(db)
    db.client.script_flush()
    Commit(KEYS, event()).run(db)
    assert db.call("XLEN", KEYS.audit) == 2


def test_only_commands_on_one_key_can_be_written() -> None:
    for command in ("EVAL", "FLUSHALL", "RENAME", "KEYS", "hset"):
        with pytest.raises(ValueError, match="not a command"):
            Commit(KEYS, event()).write(command, HASH)
    assert "XADD" not in COMMANDS


@pytest.mark.parametrize("value", [b"", bytes(range(256)) * 8, memoryview(bytearray(b"ab\0cd"))[1:4]])
def test_bytes_are_stored_as_they_are(db: Db, value: bytes | memoryview) -> None:
    commit = Commit(KEYS, event())
    commit.write("SET", TEXT, value)
    commit.run(db)
    assert db.call("GET", TEXT) == bytes(value)


def test_acts_of_a_person_are_counted_by_the_day(db: Db) -> None:
    day = 24 * 3600 * 1000
    person = replace(ROOT, id="ada", credential="session:1")

    def act(at: int, *, actor: Actor = person, fails: bool = False) -> None:
        happened = AuditEvent(Actions.FILE_RENAME, actor, at=at)
        commit = Commit(KEYS, happened)
        commit.charge("acts", happened, 2)
        if fails:
            commit.check("present", b"{t}:nowhere", error=NotFound())
        commit.run(db)

    with pytest.raises(NotFound):
        act(day, fails=True)
    act(day)
    act(2 * day - 1)
    with pytest.raises(TooMany) as caught:
        act(2 * day - 2_000)
    assert caught.value.retry_after == 2
    act(2 * day)
    for _ in range(5):
        act(day, actor=replace(person, credential=""))
    act(day, actor=replace(person, id="bob"))
    assert 0 < db.call("TTL", KEYS.daily("acts", "ada", 1)) <= 24 * 3600


@pytest.mark.real_only
def test_a_full_store_refuses_before_the_first_effect_and_still_frees(real: Any) -> None:
    db = database(real)
    things(db)
    before = everything(db)
    was = real.config_get("maxmemory")["maxmemory"]
    real.config_set("maxmemory", 1)
    try:
        commit = Commit(KEYS, event())
        commit.write("SET", TEXT, "x")
        with pytest.raises(BackofficeError) as caught:
            commit.run(db)
        assert caught.value.code == "store_full"
        assert everything(db) == before
        commit = Commit(KEYS, event(Actions.SESSION_END))
        commit.write("DEL", HASH)
        commit.run(db, when_full=True)
    finally:
        real.config_set("maxmemory", was)
    assert db.call("EXISTS", HASH) == 0
    assert db.call("XLEN", KEYS.audit) == 2


@pytest.mark.real_only
def test_keys_of_another_slot_are_refused(cluster: Any) -> None:
    commit = Commit(KEYS, event())
    commit.write("SET", b"{elsewhere}:x", 1)
    with pytest.raises((ResponseError, Unavailable)):
        commit.run(Db(cluster))
