"""What a commit asks beside what it changes, and what it does not let be asked or checked. On every kind of server."""

from __future__ import annotations

import pytest
from redis.exceptions import ResponseError

from backoffice.errors import Conflict
from backoffice.stores.client import Db
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import Commit
from tests.support.commits import HASH, KEYS, TEXT, everything, things
from tests.support.people import event

pytestmark = pytest.mark.cluster


def test_questions_are_answered_as_of_after_the_change_also_when_it_is_repeated(db: Db) -> None:
    things(db)
    commit = Commit(KEYS, event())
    commit.check("present", HASH, error=Conflict())
    commit.write("HINCRBY", HASH, "used", 1)
    commit.read("HGET", HASH, "used")
    commit.read("HMGET", HASH, "used", "nothing")
    commit.read("GET", KEYS.seen("nothing"))
    commit.read("HGETALL", HASH)
    commit.read("GETRANGE", TEXT, 0, 1)
    for _ in range(2):
        commit.run(db)
        *replies, row, text = commit.replies
        assert replies == [b"11", [b"11", None], None]
        assert pairs(row) == {b"version": b"3", b"used": b"11", b"reserved": b"5"}
        assert text == b""
        db.call("SET", TEXT, "xyz")
        commit.replies.clear()
        commit.run(db)
        assert commit.replies[-1] == b"xy"
        db.call("DEL", TEXT)


def test_a_commit_asks_nothing_that_changes_something_and_nothing_unknown(db: Db) -> None:
    commit = Commit(KEYS, event())
    for command in ("SET", "GETDEL", "GETEX", "KEYS", "get"):
        with pytest.raises(ValueError, match="not a question"):
            commit.read(command, TEXT)
    for op, args in (("equals", ()), ("equal", ("field",)), ("absent", ("x",))):
        with pytest.raises(ValueError, match="not a check"):
            commit.check(op, TEXT, *args, error=Conflict())
    with pytest.raises(ResponseError, match="unknown check"):
        db.script(
            "commit", [KEYS.request("r"), KEYS.audit, KEYS.full_indexes], [1, 64, 1, 0, 1, 0, 0, "{}", 0, "nonsense", 2]
        )
    assert everything(db) == {}


def test_an_error_may_be_made_of_what_was_seen(db: Db) -> None:
    things(db)
    commit = Commit(KEYS, event())
    commit.check("room", HASH, KEYS.record("users", "rich"), 2000, 5, error=lambda saw: Conflict(limit=int(saw)))
    with pytest.raises(Conflict) as caught:
        commit.run(db)
    assert caught.value.details == {"limit": 1000}
