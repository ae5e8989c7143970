"""A little of the control plane for commits to change."""

from __future__ import annotations

from typing import Any

from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from tests.support.people import event

KEYS = Keys("t")
HASH, ZSET, TEXT = KEYS.record("things", "1"), KEYS.index("things", "size"), KEYS.seen("x")
OWNER = KEYS.record("users", "nobody")


def everything(db: Db) -> dict[bytes, object]:
    """All of the control plane, but for what a retry needs."""
    found: dict[bytes, object] = {}
    for key in sorted(db.client.scan_iter(match="{t}:*", count=1000)):
        kind = db.call("TYPE", key)
        read = {
            b"hash": ("HGETALL",),
            b"zset": ("ZRANGE",),
            b"string": ("GET",),
            b"stream": ("XRANGE",),
            b"set": ("SMEMBERS",),
        }[kind]
        ends: tuple[Any, ...] = {b"zset": (0, -1, "WITHSCORES"), b"stream": ("-", "+")}.get(kind, ())
        found[key] = db.call(*read, key, *ends)
    return found


def things(db: Db) -> None:
    """Something for checks to look at."""
    commit = Commit(KEYS, event())
    commit.write("HSET", HASH, "version", 3, "used", 10, "reserved", 5)
    for name, quota in (("rich", "1000"), ("plain", ""), ("poor", "0")):
        commit.write("HSET", KEYS.record("users", name), "quota_bytes", quota)
    for number, member in enumerate(("a", "b", "c")):
        commit.write("ZADD", ZSET, number, member)
    commit.write("ZADD", KEYS.index("things", "one"), 1, "only")
    for member in ("name\0id1", "other\0id2"):
        commit.write("ZADD", KEYS.index("things", "name"), 0, member)
    commit.run(db)
