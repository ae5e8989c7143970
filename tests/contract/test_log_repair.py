"""Indexes of the log and their repair: `_log.lua`, `log_repair.lua`, on every kind of server."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.exceptions import ResponseError

from backoffice.errors import Conflict
from backoffice.stores import scripts
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import pack, unpack
from backoffice.stores.log.log_repair import LogRepair, LogRepairOp
from backoffice.stores.records.commit import Commit
from tests.support.people import event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
INDEX, OTHER = KEYS.audit_index("actor", "somebody"), KEYS.audit_index("ip", "192.0.2.1")
EDGES = [0, 1, 2**10 - 1, 2**10, 2**22 - 1, 2**22, 2**32 - 1, 2**32, 1_700_000_000_123, 2**42 - 1, 2**42, 10**15 - 1]


def test_an_entry_is_packed_alike_in_lua_and_in_python(db: Db) -> None:
    chance = random.Random(5)  # noqa: S311 - to be repeated
    ids = [f"{ms}-{seq}" for ms in EDGES for seq in (0, 1, 255, 256, 2**22 - 2, 2**22 - 1, 2**22, 10**19 - 1)]
    ids += [f"{chance.randrange(10**15)}-{chance.randrange(2 ** chance.randrange(64))}" for _ in range(300)]
    ids += [f"{chance.randrange(2**42)}-{chance.randrange(2**22)}" for _ in range(300)]
    source = scripts.shared() + "local r = {} for at, id in ipairs(ARGV) do r[at] = pack_entry(id) end return r"
    packed = db.call("EVAL", source, 1, KEYS.audit, *ids)
    assert dict(zip(ids, packed, strict=True)) == {one: pack(one) for one in ids}


def test_bytes_are_compared_as_python_does(db: Db) -> None:
    texts = [b"", b"\0", b"a", b"a\0", b"ab", b"b", b"B", b"\x7f", b"\x80", b"\xff", b"\xff\xff", "ä".encode()]
    source = scripts.shared() + "return less(ARGV[1], ARGV[2]) and 1 or 0"
    for left in texts:
        for right in texts:
            assert db.call("EVAL", source, 1, KEYS.audit, left, right) == (left < right), (left, right)


@pytest.mark.parametrize("allow_oom", [False, True])
def test_a_script_begins_with_its_first_line_whatever_is_put_before_it(allow_oom: bool) -> None:
    script = scripts.load("commit", allow_oom=allow_oom)
    first, rest = script.source.split("\n", maxsplit=1)
    assert first == ("#!lua flags=allow-oom" if allow_oom else "#!lua")
    assert rest == scripts.load("commit", shebang=False).source
    assert script.source.count("#!") == 1


def logged(db: Db, *ids: str) -> None:
    """Entries of these ids in the log, and in no index."""
    for one in ids:
        db.call("XADD", KEYS.audit, one, "e", "{}")


def repair(db: Db, op: LogRepairOp, entry_id: str = "", index: bytes = INDEX) -> list[str]:
    """What the index names afterwards."""
    LogRepair(op, (index,), entry_id).run(db, KEYS, event(), error=Conflict())
    return unpack(db.call("GET", index) or b"")


def test_entries_are_inserted_and_removed_at_their_place(db: Db) -> None:
    early, late = "1700000000000-0", "1700000000000-4194303"
    logged(db, "0-1", "5-5", early, late)
    assert repair(db, LogRepairOp.REMOVE, "5-5") == []
    assert repair(db, LogRepairOp.INSERT, "5-5") == ["5-5"]
    assert repair(db, LogRepairOp.INSERT, late) == ["5-5", late]
    assert repair(db, LogRepairOp.INSERT, early) == ["5-5", early, late]
    assert repair(db, LogRepairOp.INSERT, "0-1") == ["0-1", "5-5", early, late]
    assert repair(db, LogRepairOp.INSERT, "5-5") == ["0-1", "5-5", early, late]
    assert repair(db, LogRepairOp.REMOVE, "6-0") == ["0-1", "5-5", early, late]
    assert repair(db, LogRepairOp.REMOVE, "5-5") == ["0-1", early, late]


def test_entries_are_sorted_and_what_is_none_is_dropped(db: Db) -> None:
    db.call("SET", INDEX, pack("9-9") + pack("1-1") + pack("9-9") + b"rest")
    assert repair(db, LogRepairOp.SORT) == ["1-1", "9-9"]
    assert repair(db, LogRepairOp.REMOVE, "1-1") == ["9-9"]
    assert repair(db, LogRepairOp.REMOVE, "9-9") == []
    assert repair(db, LogRepairOp.SORT) == []
    assert db.call("EXISTS", INDEX) == 0


def test_several_indexes_are_repaired_by_one_recorded_act(db: Db) -> None:
    logged(db, "5-5")
    act = event(data={"what": "5-5"})
    written = LogRepair(LogRepairOp.INSERT, (INDEX, OTHER), "5-5").run(db, KEYS, act, error=Conflict())
    assert db.call("GET", INDEX) == db.call("GET", OTHER) == pack("5-5")
    [found] = RedisAudit(db, KEYS).page([("action", "system.repair")], "", 10).items
    assert (found.id, found.raw.decode()) == (written, act.canonical())
    assert unpack(db.call("GET", KEYS.audit_index("actor", act.actor.id))) == [written]


def test_the_index_that_the_repair_itself_goes_into_keeps_both(db: Db) -> None:
    logged(db, "5-5")
    index = KEYS.audit_index("action", "system.repair")
    written = LogRepair(LogRepairOp.INSERT, (index,), "5-5").run(db, KEYS, event(), error=Conflict())
    assert unpack(db.call("GET", index)) == ["5-5", written]


def test_an_entry_that_has_left_the_log_is_not_inserted(db: Db) -> None:
    with pytest.raises(Conflict):
        LogRepair(LogRepairOp.INSERT, (INDEX,), "5-5").run(db, KEYS, event(), error=Conflict())
    assert db.call("EXISTS", INDEX, KEYS.audit) == 0


def test_a_repeated_repair_is_recorded_once(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client library repeats a command after a time-out."""
    sent: list[tuple[Any, ...]] = []
    script = db.script

    def twice(*args: Any, **options: Any) -> Any:
        sent.append(args)
        assert script(*args, **options) == script(*args, **options)
        return script(*args, **options)

    monkeypatch.setattr(db, "script", twice)
    logged(db, "5-5")
    assert repair(db, LogRepairOp.INSERT, "5-5") == ["5-5"]
    assert len(sent) == 1
    assert db.call("XLEN", KEYS.audit) == 2


def test_a_repair_without_an_event_or_of_another_kind_is_refused(db: Db) -> None:
    named = [KEYS.request("r"), KEYS.audit, KEYS.full_indexes, INDEX, KEYS.segments(INDEX)]
    for op, text in (("sort", ""), ("shuffle", "{}")):
        with pytest.raises(ResponseError, match=r"NOEVENT|BADOP"):
            db.script("log_repair", named, [op, "", 2, text, 1, 64, 64])
    assert db.call("XLEN", KEYS.audit) == 0


@pytest.mark.real_only
def test_what_is_appended_during_repairs_is_not_lost(db: Db) -> None:
    index = KEYS.audit_index("action", "system.repair")
    ids = [Commit(KEYS, event()).run(db) for _ in range(20)]

    def append(_: int) -> list[str]:
        return [Commit(KEYS, event()).run(db) for _ in range(50)]

    def take_out_and_in(number: int) -> list[str]:
        ops = (LogRepairOp.REMOVE, LogRepairOp.INSERT, LogRepairOp.SORT) * 10
        return [LogRepair(op, (index,), ids[number]).run(db, KEYS, event(), error=Conflict()) for op in ops]

    with ThreadPoolExecutor(6) as pool:
        work = [pool.submit(job, number) for number in range(3) for job in (append, take_out_and_in)]
        ids += [one for job in work for one in job.result()]
    assert unpack(db.call("GET", index)) == sorted(ids, key=pack)
