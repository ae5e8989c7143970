"""The log in the store, on every kind of server."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import ObjectRef
from backoffice.domain.times import now_ms
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log import audit as audit_store
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import pack, unpack
from tests.support.people import ROOT, CountedDb, event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
NOW = now_ms()
HOUR = 3_600_000


def fill(log: RedisAudit, count: int = 40) -> None:
    for n in range(count):
        actor = replace(ROOT, id=f"a{n % 3}", ip=f"192.0.2.{n % 4}")
        action = Actions.FILE_DOWNLOAD if n % 2 else Actions.FILE_RENAME
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


@pytest.mark.parametrize("keys", [KEYS, Keys("t", segment_bytes=24)])
@pytest.mark.parametrize("low", [False, True])
def test_the_log_page_by_page_newest_first(db: Db, low: bool, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    if low:
        monkeypatch.setattr(audit_store, "WINDOW", 3)
        monkeypatch.setattr(audit_store, "SCAN", 9)
    log = RedisAudit(db, keys)
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
    oldest = log.page((), "", 100).items[-1]
    db.call("XDEL", KEYS.audit, oldest.id)
    filters = (("actor", "a0"),)
    assert numbers(log.page(filters, "", 100).items) == wanted(filters)[:-1]


def test_a_page_by_one_index_is_one_trip(redis: Any) -> None:
    db = CountedDb(redis)
    log = RedisAudit(db, KEYS)
    fill(log)
    filters = (("actor", "a1"),)
    first = log.page(filters, "", 5)  # the script is known from now on
    for cursor in ("", first.next_cursor):
        before = db.trips
        page = log.page(filters, cursor, 5)
        assert len(page.items) == 5
        assert db.trips - before == 1
    assert first.items[0] == log.get(first.items[0].id)


def test_trimmed_entries_end_no_page_early(db: Db) -> None:
    """The cursor goes on where the index does, also when the last entry of a page has left the log."""
    log = RedisAudit(db, KEYS)
    fill(log)
    filters = (("action", "file.download"),)
    for entry in log.page(filters, "", 8).items[2:6]:
        db.call("XDEL", KEYS.audit, entry.id)
    found, cursor = [], ""
    for _ in range(20):
        page = log.page(filters, cursor, 3)
        found += numbers(page.items)
        cursor = page.next_cursor
        if not cursor:
            break
    everything = wanted(filters)
    assert found == everything[:2] + everything[6:]


def test_entries_of_any_id_are_found_by_their_indexes(db: Db) -> None:
    ids = ["1-0", "1-1", "1023-4194302", "1024-0", "1700000000000-4194303", "4398046511103-7"]
    for one in ids:
        db.call("XADD", KEYS.audit, one, "e", event().canonical())
        db.call("APPEND", KEYS.audit_index("actor", "x"), pack(one))
    page = RedisAudit(db, KEYS).page((("actor", "x"),), "", 10)
    assert [entry.id for entry in page.items] == ids[::-1]


def test_one_entry(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    fill(log, 5)
    entries = log.page((), "", 100).items
    assert numbers(entries) == [4, 3, 2, 1, 0]
    assert log.get(entries[2].id) == entries[2]
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


def test_packed_entries_order_like_ids() -> None:
    ids = ["1700000000000-0", "1700000000000-1", "1700000000000-4194303", "1700000000001-0", "1700000000001-2"]
    assert sorted({*ids}, key=pack) == ids
    assert unpack(b"".join(map(pack, ids)) + b"rest") == ids
    assert unpack(pack("4398046511103-4194303")) == ["4398046511103-4194303"]
    assert {len(pack(one)) for one in (*ids, "0-0", "9" * 15 + "-0", "1-" + "9" * 19)} == {8}
    with pytest.raises(ValueError, match="not the id"):
        pack("x")


def test_waiting_for_entries(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    fill(log, 3)
    entries = list(log.page((), "", 10).items[::-1])
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
        log.record(event(Actions.AUDIT_READ))
        time.sleep(0.02)
    waiter.join(5)
    assert {entry.event["action"] for entry in found} == {"audit.read"}
