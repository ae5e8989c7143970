"""Exporting, sealing and trimming the log, on every kind of server."""

from __future__ import annotations

import hashlib
import json

import pytest

from backoffice.domain.log_archive import chain, measure
from backoffice.errors import Conflict, IntegrityError, Invalid, NotFound
from backoffice.services.audit import Audit
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from tests.support.log_archive import Log
from tests.support.people import ROOT, event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")


@pytest.fixture
def log(db: Db) -> Log:
    return Log.over(db, KEYS)


def test_an_export_has_every_entry_as_it_is_stored(log: Log) -> None:
    ids = log.fill(30)
    export = log.archive.export(ROOT, since=ids[3], until=ids[20])
    data = b"".join(export.lines(""))
    assert [json.loads(line)["id"] for line in data.splitlines()] == ids[3:21]
    for line in data.splitlines():
        entry = log.log.get(json.loads(line)["id"])
        assert entry is not None
        assert line == b'{"id":"%s","event":%s}' % (entry.id.encode(), entry.raw)
    assert export.extent is not None
    assert (export.size, export.extent.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert b"".join(export.lines(ids[10])) == b"".join(data.splitlines(keepends=True)[8:])


def test_an_export_is_an_event_with_its_digest(log: Log) -> None:
    ids = log.fill(5)
    export = log.archive.export(ROOT, until=ids[3])
    newest = log.log.page((), "", 1).items[0].event
    assert (newest["action"], newest["outcome"]) == ("audit.export", "ok")
    assert export.extent is not None
    asked = {"until": ids[3]}
    wanted = {"from": ids[0], "to": ids[3], "entries": 4, "sha256": export.extent.sha256, "asked": asked}
    assert newest["data"] == wanted


def test_days_and_times_bound_an_export(log: Log) -> None:
    for one in ("1000-0", "86399999-5", "86400000-0", "86400000-1", "172800000-0"):
        log.db.call("XADD", KEYS.audit, one, "e", event().canonical())

    def taken(since: str = "", until: str = "") -> list[str]:
        return [json.loads(line)["id"] for line in log.lines(since=since, until=until or "1971-01-01")]

    assert taken(until="1970-01-02") == ["1000-0", "86399999-5"]
    assert taken("1970-01-02", "1970-01-03") == ["86400000-0", "86400000-1"]
    assert taken("1970-01-02T01:00:00+01:00", "1970-01-03T00:00:00Z") == ["86400000-0", "86400000-1"]
    assert taken("86400000-1") == ["86400000-1", "172800000-0"]
    assert taken("1960-01-01", "1960-01-02") == taken("5-0", "3-0") == []
    for bad in ("x", "1-", "2026-13-01", "yesterday", "9" * 50, "1" * 60 + "-1", "\u0661-1"):
        with pytest.raises(Invalid):
            log.archive.export(ROOT, since=bad)
        with pytest.raises(Invalid):
            log.archive.export(ROOT, until=bad)


def test_a_part_says_where_it_goes_on(log: Log) -> None:
    ids = log.fill(7)
    first = log.archive.export(ROOT, until=ids[-1], most=3)
    assert first.following == ids[3]
    assert measure(b"".join(first.lines("")).splitlines(keepends=True)).last == ids[2]
    rest = log.archive.export(ROOT, since=first.following, until=ids[-1], most=4)
    assert rest.following == ""
    assert rest.extent is not None
    assert (rest.extent.first, rest.extent.last, rest.extent.entries) == (ids[3], ids[6], 4)


def test_seals_make_one_chain(log: Log) -> None:
    ids = log.fill(20)
    files = [log.sealed(until=ids[7]), log.sealed(until=ids[8]), log.sealed(until=ids[19])]
    seals = log.archive.verify_chain(ROOT)
    assert [(one.number, one.extent.first, one.extent.last) for one in seals] == [
        (1, ids[0], ids[7]),
        (2, ids[8], ids[8]),
        (3, ids[9], ids[19]),
    ]
    before = ""
    for file, one in zip(files, seals, strict=True):
        assert one.extent.sha256 == hashlib.sha256(b"".join(file)).hexdigest()
        assert (one.before, one.chain) == (before, chain(before, one.extent.sha256))
        assert log.archive.verify(ROOT, file) == one
        before = one.chain
    said = [entry.event["data"] for entry in log.log.page((("action", "audit.seal"),), "", 9).items]
    assert said == [one.as_data() for one in reversed(seals)]


def test_a_seal_leaves_nothing_out_and_takes_nothing_twice(log: Log) -> None:
    ids = log.fill(12)
    for since in (ids[1], ids[5]):
        with pytest.raises(Conflict, match=ids[0]):
            log.archive.seal(ROOT, log.lines(since=since, until=ids[8]))
    file = log.sealed(until=ids[5])
    for again in (file, log.lines(until=ids[8]), file[2:]):
        with pytest.raises(Conflict):
            log.archive.seal(ROOT, again)
    with pytest.raises(Conflict, match=ids[6]):
        log.archive.seal(ROOT, log.lines(since=ids[7], until=ids[8]))
    assert len(log.store.state().seals) == 1


def test_a_file_that_is_not_the_log_is_not_sealed(log: Log) -> None:
    ids = log.fill(12)
    file = log.lines(until=ids[9])
    wrong: list[tuple[list[bytes], type[Exception]]] = [
        ([*file[:3], file[3].replace(b"192.0.", b"193.0."), *file[4:]], IntegrityError),
        ([*file[:3], *file[4:]], IntegrityError),
        ([file[0], file[2], file[1], *file[3:]], Invalid),
        ([*file[:-1], file[-1][:-1]], Invalid),
        ([*file, b"\n"], Invalid),
        ([*file, file[-1]], Invalid),
        ([*file, b'{"id":"9-9","event":{}}\r\n'], Invalid),
        ([], Invalid),
    ]
    for lines, error in wrong:
        with pytest.raises(error):
            log.archive.seal(ROOT, lines)
    assert log.store.state().seals == ()


@pytest.mark.usefixtures("small_steps")
def test_what_is_sealed_is_trimmed_with_all_that_names_it(log: Log, db: Db) -> None:
    ids = log.fill(400)
    file = log.sealed(until=ids[301])
    seal = log.archive.trim(ROOT, file)
    assert log.ids()[:98] == ids[302:]
    assert log.wrong_indexes() == {}
    assert list(db.client.scan_iter(match="{t}:cut:*")) == []
    trim = log.log.page((), "", 1).items[0].event
    assert (trim["action"], trim["data"]) == ("audit.trim", seal.as_data())
    assert seal.extent == measure(file)
    assert (seal.extent.first, seal.extent.last, seal.extent.entries) == (ids[0], ids[301], 302)
    found = log.log.trimmed()
    assert found is not None
    assert (found.last, found.entries, found.chain, log.store.state().pending) == (ids[301], 302, seal.chain, "")
    again = log.sealed(until=ids[-1])
    log.archive.trim(ROOT, again)
    assert log.wrong_indexes() == {}
    assert log.log.page((), "", 500).trimmed == log.log.trimmed()
    assert [one.number for one in log.archive.verify_chain(ROOT)] == [1, 2]


def test_Z10_only_what_is_sealed_is_trimmed_and_the_oldest_first(log: Log) -> None:
    ids = log.fill(30)
    exported = log.lines(until=ids[9])
    for attempt in (exported, exported[:3]):
        with pytest.raises(Conflict, match="No seal"):
            log.archive.trim(ROOT, attempt)
    first, second = log.sealed(until=ids[9]), log.sealed(until=ids[19])
    with pytest.raises(Conflict, match="seal 1"):
        log.archive.trim(ROOT, second)
    with pytest.raises(IntegrityError):
        log.archive.trim(ROOT, [first[0].replace(b'"n":1', b'"n":2'), *first[1:]])
    with pytest.raises(Conflict):
        log.archive.trim(ROOT, first[:-1])
    assert log.ids()[:30] == ids
    log.archive.trim(ROOT, first)
    log.archive.trim(ROOT, second)
    assert log.ids()[:10] == ids[20:]
    entries = len(log.ids())
    log.archive.trim(ROOT, first)
    assert len(log.ids()) == entries


@pytest.mark.usefixtures("small_steps")
def test_pages_end_clearly_where_the_log_begins(log: Log) -> None:
    ids = log.fill(100)
    asked: list[tuple[tuple[tuple[str, str], ...], int]] = [((), 60), ((("action", "file.rename"),), 20)]
    cursors = [(filters, log.log.page(filters, "", count).next_cursor) for filters, count in asked]
    assert all(cursor for _, cursor in cursors)
    many = (("actor", "a1"), ("action", "file.rename"))
    log.archive.trim(ROOT, log.sealed(until=ids[79]))
    trimmed = log.log.trimmed()
    assert trimmed is not None
    for filters, cursor in (
        *cursors,
        ((), ids[3]),
        ((), ids[80]),
        ((("actor", "a1"),), ids[3]),
        (many, ids[3]),
    ):
        page = log.log.page(filters, cursor, 10)
        assert (page.items, page.next_cursor, page.trimmed) == ((), "", trimmed), filters
    reader = Audit(log.log)
    assert reader.page(ROOT, cursor=ids[3]).trimmed == trimmed
    with pytest.raises(NotFound, match=trimmed.last):
        reader.get(ROOT, ids[3])
    with pytest.raises(NotFound, match="nothing here"):
        reader.get(ROOT, "9999999999999-1")
    assert [one.id for one in reader.follow(ROOT, ids[3], 1)][:20] == ids[80:]
    export = log.archive.export(ROOT, since=ids[3], until=ids[70])
    assert (export.extent, export.size, export.following, export.trimmed) == (None, 0, "", trimmed)
    assert b"".join(export.lines("")) == b""


def test_a_seal_that_was_changed_is_told(log: Log, db: Db) -> None:
    ids = log.fill(9)
    log.sealed(until=ids[3])
    log.sealed(until=ids[7])
    kept = db.call("HGET", KEYS.seals, "1")
    row = json.loads(kept)
    forged = {**row, "sha256": "0" * 64, "chain": chain("", "0" * 64)}
    for text in (json.dumps({**row, "entries": 3}), json.dumps({**row, "sha256": "0" * 64}), json.dumps(forged)):
        db.call("HSET", KEYS.seals, "1", text)
        with pytest.raises(IntegrityError):
            log.archive.verify_chain(ROOT)
    db.call("HSET", KEYS.seals, "1", kept)
    log.archive.verify_chain(ROOT)
    db.call("HDEL", KEYS.seals, "2")
    with pytest.raises(IntegrityError):
        log.archive.verify_chain(ROOT)
