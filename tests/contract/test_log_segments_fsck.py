"""Damage to segments of the log's indexes and to their directories is found and mended from the log."""

from __future__ import annotations

import time
from typing import Any

import pytest

from backoffice.stores.client import Db
from backoffice.stores.fsck import audit as log_check
from backoffice.stores.fsck import log_places
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.log.log_index import RECORD, Segment, pack, unpack
from tests.support.log_archive import Log, index_text
from tests.support.log_segments import INDEX, KEYS, directory, entries, pages
from tests.support.people import ROOT, event
from tests.support.uploads import World

# -- fsck


def told(db: Db, *, fix: bool = False) -> list[str]:
    found: list[str] = []
    check = Fsck(db, KEYS, World.over(db.client, keys=KEYS).chunks)
    run = check.repair if fix else check.check
    options = {"on_finding": lambda one, _: found.append(one.what), "on_progress": lambda *_: None}
    report = run(ROOT, **options) if fix else run(**options)  # type: ignore[arg-type,call-arg]
    assert report.lost.total() == 0
    return found


SEGMENT = KEYS.segment(INDEX, 3)
DIRECTORY = KEYS.segments(INDEX)
DAMAGE = {
    "a segment is lost": lambda db: db.call("DEL", SEGMENT),
    "one is short": lambda db: db.call("SET", SEGMENT, db.call("GETRANGE", SEGMENT, 0, 39)),
    "one is torn": lambda db: db.call("APPEND", SEGMENT, b"abc"),
    "one lacks an entry in its middle": lambda db: (
        db.call("SET", SEGMENT, db.call("GETRANGE", SEGMENT, 0, 23) + db.call("GETRANGE", SEGMENT, 32, -1)),
        db.call("SETRANGE", DIRECTORY, 2 * RECORD, Segment(directory(db)[2].first, 3, 7).pack()),
    ),
    "one has a strange entry": lambda db: db.call("SETRANGE", SEGMENT, 8, _between(db)),
    "one is out of order": lambda db: db.call(
        "SET",
        SEGMENT,
        db.call("GETRANGE", SEGMENT, 0, 7) + db.call("GETRANGE", SEGMENT, 16, -1) + db.call("GETRANGE", SEGMENT, 8, 15),
    ),
    "two have changed places": lambda db: db.call(
        "SET", DIRECTORY, b"".join(one.pack() for one in [directory(db)[1], directory(db)[0], *directory(db)[2:]])
    ),
    "the directory is lost": lambda db: db.call("DEL", DIRECTORY),
    "the directory is short": lambda db: db.call("SET", DIRECTORY, db.call("GETRANGE", DIRECTORY, 0, 2 * RECORD - 1)),
    "the directory is torn": lambda db: db.call("APPEND", DIRECTORY, b"abc"),
    "the newest entries are lost": lambda db: db.call("DEL", INDEX),
    "the older half was given up": lambda db: (
        [db.call("DEL", KEYS.segment(INDEX, number)) for number in (1, 2, 3)],
        db.call("SET", DIRECTORY, db.call("GETRANGE", DIRECTORY, 3 * RECORD, -1)),
    ),
    "there is a segment too many": lambda db: db.call("SET", KEYS.segment(INDEX, 77), pack("5-5")),
}


def _between(db: Db) -> bytes:
    first = int.from_bytes(db.call("GETRANGE", SEGMENT, 0, 7), "big")
    return (first + 1).to_bytes(8, "big")


@pytest.mark.real_only
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_segments_is_found_named_and_repaired(db: Db, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_check, "BATCH", 7)
    monkeypatch.setattr(log_places, "STRETCH", 2)
    log = Log.over(db, KEYS)
    for _ in range(60):
        log.log.record(event())
        time.sleep(0.0015)  # so that there is room between two ids
    assert told(db) == []
    DAMAGE[damage](db)
    assert told(db)
    assert told(db, fix=True)
    assert log.wrong_indexes() == {}
    log.assert_segments()
    assert told(db) == []
    entries(db, 20)
    assert pages(log.log, 9) == unpack(index_text(db, KEYS, INDEX) or b"")[::-1]
    assert log.wrong_indexes() == {}


@pytest.mark.cluster
def test_a_rebuild_that_was_overtaken_is_made_again(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody cuts the index between the reading of the log and the end of the repair."""
    entries(db, 60)
    db.call("DEL", SEGMENT)
    script, overtaken = db.script, []

    def overtake(name: str, keys: Any, args: Any, **options: Any) -> Any:
        if name == "log_repair" and args[0] == "rebuild" and not overtaken:
            overtaken.extend(entries(db, 9))
        return script(name, keys, args, **options)

    monkeypatch.setattr(db, "script", overtake)
    assert told(db, fix=True)
    monkeypatch.undo()
    assert overtaken
    assert told(db) == []
    assert Log.over(db, KEYS).wrong_indexes() == {}


@pytest.mark.cluster
def test_what_is_being_made_of_an_index_is_no_stray(db: Db) -> None:
    entries(db, 60)
    db.call("SET", KEYS.segment(INDEX, 70_000), pack("5-5"), "EX", 100)
    assert told(db, fix=True) == []
    assert db.call("EXISTS", KEYS.segment(INDEX, 70_000)) == 1
