"""Indexes of the log that an earlier version left in one piece are cut, and what is trimmed leaves their segments."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from backoffice.stores.client import Db
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import WIDTH, pack
from backoffice.stores.log.segments import split
from tests.support.log_archive import Log
from tests.support.log_segments import FACET, INDEX, KEYS, WHOLE, directory, entries, pages
from tests.support.people import ROOT, CountedDb

pytestmark = pytest.mark.cluster


# -- an earlier version's


def old_store(db: Db, count: int = 100) -> list[str]:
    """Indexes in one piece, as an earlier version left them."""
    ids = Log.over(db, WHOLE).fill(count)
    assert not list(db.client.scan_iter(match="{t}:segment*"))
    return ids


def test_indexes_in_one_piece_are_cut_in_steps_and_found_all_the_time(db: Db) -> None:
    old_store(db)
    log, step = Log.over(db, KEYS), LongIndexes(db, KEYS)
    filters = (("action", "file.rename"),)
    steps = 0
    while step.cut_some():
        steps += 1
        assert log.wrong_indexes() == {}
        if steps % 5 == 0:
            log.fill(2, steps)
            events = [entry.event["action"] for entry in log.log.page((), "", 500).items]
            found = len(pages(log.log, 9, filters))
            assert found == log.log.page(filters, "", 1).total == events.count("file.rename")
    assert steps > 30
    log.assert_segments()
    assert db.call("HGET", KEYS.install, "segments") == b"1"
    again = CountedDb(db.client)
    assert not LongIndexes(again, KEYS).cut_some()
    assert again.trips == 1


def test_the_first_entry_puts_a_string_in_one_piece_aside(db: Db) -> None:
    ids = entries(db, 100, WHOLE)
    ids += entries(db, 2)  # the first one notes that it is full
    [long] = directory(db)
    assert long.count == 101
    assert db.call("STRLEN", INDEX) == WIDTH
    assert pages(RedisAudit(db, KEYS), 7) == ids[::-1]
    while split(db, KEYS, INDEX, long):
        assert pages(RedisAudit(db, KEYS), 30) == ids[::-1]
        assert RedisAudit(db, KEYS).page((FACET,), "", 1).total == 102
    assert [one.count for one in directory(db)] == [5] + [8] * 12
    step = LongIndexes(db, KEYS)
    while step.cut_some():
        pass
    Log.over(db, KEYS).assert_segments()


def test_a_migration_that_was_stopped_goes_on(db: Db) -> None:
    old_store(db)
    for _ in range(500):
        step = LongIndexes(db, KEYS)  # another process each time
        for _ in range(3):
            more = step.cut_some()
        if not more:
            break
    Log.over(db, KEYS).assert_segments()
    assert Log.over(db, KEYS).wrong_indexes() == {}


@pytest.mark.real_only
def test_several_workers_migrate_while_entries_come_and_go(db: Db) -> None:
    ids = old_store(db, 300)
    log = Log.over(db, KEYS)
    file = log.sealed(until=ids[150])

    def migrate(_: int) -> None:
        step = LongIndexes(db, KEYS)
        while step.cut_some():
            pass

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(migrate, 0), pool.submit(migrate, 1), pool.submit(log.archive.trim, ROOT, file)]
        jobs += [pool.submit(log.fill, 100, seed) for seed in range(2)]
        for job in jobs:
            job.result()
    migrate(0)
    assert log.wrong_indexes() == {}
    log.assert_segments()


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("aside", [False, True])
def test_a_string_in_one_piece_is_trimmed(db: Db, aside: bool) -> None:
    ids = old_store(db)
    log = Log.over(db, KEYS if aside else WHOLE)
    if aside:
        ids += log.fill(20, 5)
    log = Log.over(db, KEYS)
    for until in (3, 47, 48, 90):
        log.archive.trim(ROOT, log.sealed(until=ids[until]))
        assert log.ids()[0] == ids[until + 1]
        assert log.wrong_indexes() == {}


# -- trimming


@pytest.mark.usefixtures("small_steps")
def test_whole_segments_go_and_the_first_that_stays_is_cut(db: Db) -> None:
    log = Log.over(db, KEYS)
    ids = entries(db, 60)
    log.archive.trim(ROOT, log.sealed(until=ids[19]))
    assert [one.count for one in directory(db)] == [4, 8, 8, 8, 8]
    assert directory(db)[0].first == pack(ids[20])
    log.assert_segments()
    assert pages(log.log, 7) == ids[:19:-1]
    log.archive.trim(ROOT, log.sealed(until=ids[-1]))
    assert directory(db) == []
    assert log.wrong_indexes() == {}
    log.assert_segments()
    more = entries(db, 20)
    assert pages(log.log, 7) == more[::-1]
