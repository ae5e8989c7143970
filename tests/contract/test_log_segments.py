"""Indexes of the log in segments: nothing is given up, nothing is long; on every kind of server."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.actions import Actions
from backoffice.domain.audit import ObjectRef
from backoffice.errors import Unavailable
from backoffice.stores.client import Db
from backoffice.stores.fsck import audit as log_check
from backoffice.stores.fsck.run import Fsck
from backoffice.stores.keys import SEGMENT_BYTES, Keys
from backoffice.stores.log import segments as log_segments
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import RECORD, WIDTH, Segment, pack, segments_of, unpack
from backoffice.stores.log.segments import Segments, cut, split
from backoffice.stores.records.commit import Commit
from tests.support.commits import everything
from tests.support.log_archive import Log, index_text
from tests.support.people import ROOT, CountedDb, event
from tests.support.uploads import World

pytestmark = pytest.mark.cluster
WHOLE, KEYS = Keys("t"), Keys("t", segment_bytes=64)
FACET = ("action", "system.repair")
INDEX = KEYS.audit_index(*FACET)


def entries(db: Db, count: int, keys: Keys = KEYS) -> list[str]:
    return [Commit(keys, event(data={"n": n})).run(db) for n in range(count)]


def directory(db: Db, index: bytes = INDEX) -> list[Segment]:
    return segments_of(db.call("GET", KEYS.segments(index)))


def pages(log: RedisAudit, limit: int, filters: Any = (FACET,), **span: Any) -> list[str]:
    found, cursor = [], ""
    for _ in range(1000):
        page = log.page(filters, cursor, limit, **span)
        assert len(page.items) <= limit
        found += [entry.id for entry in page.items]
        cursor = page.next_cursor
        if not cursor:
            return found
    raise AssertionError("the pages do not end")


# -- appending


def test_nothing_is_given_up_and_no_string_is_long(db: Db) -> None:
    ids = entries(db, 100)
    assert unpack(index_text(db, KEYS, INDEX) or b"") == ids
    assert [one.count for one in directory(db)] == [8] * 12
    assert len({one.number for one in directory(db)}) == 12
    Log.over(db, KEYS).assert_segments()
    assert RedisAudit(db, KEYS).page((FACET,), "", 5).total == 100


def test_a_commit_of_several_events_finds_room_for_all_of_them(db: Db) -> None:
    chance, keys = random.Random(2), Keys("t", segment_bytes=512)  # noqa: S311 - to be repeated
    for _ in range(60):
        Commit(keys, *(event(data={"n": n}) for n in range(chance.randrange(1, 6)))).run(db)
        Log.over(db, keys).assert_segments()
    ids = [row[0].decode() for row in db.call("XRANGE", KEYS.audit, "-", "+")]
    assert unpack(index_text(db, keys, INDEX) or b"") == ids
    assert len(directory(db)) > 1


def test_a_commit_that_finds_an_index_full_does_nothing(db: Db) -> None:
    """Neither its writes nor what its checks spend."""
    entries(db, 8)
    before = everything(db)
    commit = Commit(KEYS, event())
    commit.check("spend", KEYS.daily("acts", "a", 1), 1, 9, 60, error=Unavailable())
    commit.write("SET", KEYS.seen("x"), 1)

    class Deaf(Db):
        """Takes the first answer for the last."""

        def script(self, name: str, *args: Any, **options: Any) -> Any:
            if name == "log_segment":
                raise Unavailable
            return super().script(name, *args, **options)

    with pytest.raises(Unavailable):
        commit.run(Deaf(db.client, shebang=db._shebang))
    assert everything(db) == before
    commit.run(db)
    assert db.call("GET", KEYS.daily("acts", "a", 1)) == b"1"
    assert [one.count for one in directory(db)] == [8]


def test_what_goes_ahead_of_a_commit_is_sent_once(db: Db) -> None:
    entries(db, 8)
    commit = Commit(KEYS, event())
    commit.send_before("INCR", KEYS.seen("ahead"))
    commit.run(db)
    assert db.call("GET", KEYS.seen("ahead")) == b"1"
    assert len(directory(db)) == 1


def test_refusals_readings_and_counted_events_find_room(db: Db) -> None:
    log = RedisAudit(db, KEYS)
    for n in range(20):
        stranger = replace(ANONYMOUS, ip="192.0.2.9")
        log.refuse(event(Actions.SESSION_REFUSE, stranger, data={"because": "x"}, at=1_000_000 + n), "", "192.0.2")
    kept = index_text(db, KEYS, KEYS.audit_index("ip", "192.0.2.9")) or b""
    assert unpack(kept) == [row[0].decode() for row in db.call("XRANGE", KEYS.audit, "-", "+")]
    assert len(kept) > 64
    Log.over(db, KEYS).assert_segments()


def test_an_index_of_one_entry_takes_what_it_took(db: Db) -> None:
    entry = event(object=ObjectRef("file", "f" * 26))
    Commit(WHOLE, entry).run(db)
    index = WHOLE.audit_index("object", f"file:{'f' * 26}")
    assert db.call("STRLEN", index) == WIDTH
    assert sorted(key for key in db.client.scan_iter(match="{t}:segment*")) == []


@pytest.mark.real_only
def test_memory_of_an_index_of_one_entry(db: Db) -> None:
    Commit(WHOLE, event(object=ObjectRef("file", "f" * 26))).run(db)
    assert db.call("MEMORY", "USAGE", WHOLE.audit_index("object", f"file:{'f' * 26}")) <= 88


@pytest.mark.real_only
def test_many_at_once_lose_nothing(db: Db) -> None:
    log = Log.over(db, KEYS)
    with ThreadPoolExecutor(6) as pool:
        ids = [one for done in pool.map(lambda n: log.fill(60, n), range(6)) for one in done]
    assert sorted(ids, key=pack) == log.ids()
    assert log.wrong_indexes() == {}
    log.assert_segments()


# -- finding


def test_pages_go_across_segments(db: Db) -> None:
    ids = entries(db, 50)[::-1]
    log = RedisAudit(db, KEYS)
    for limit in (1, 3, 7, 8, 9, 16, 49, 50, 51):
        assert pages(log, limit) == ids, limit
    for at in range(50):
        page = log.page((FACET,), ids[at], 10)
        assert [entry.id for entry in page.items] == ids[at + 1 : at + 11]
        assert page.total == 50
        assert page.exact


def test_any_page_of_any_index_is_two_trips(redis: Any) -> None:
    db = CountedDb(redis)
    ids = entries(db, 60)[::-1]
    log = RedisAudit(db, KEYS)
    log.page((FACET,), "", 5)
    for cursor, limit, trips in (("", 2, 1), ("", 30, 2), (ids[0], 2, 1), (ids[20], 1, 2), (ids[30], 29, 2)):
        before = db.trips
        assert [one.id for one in log.page((FACET,), cursor, limit).items] == (
            ids[ids.index(cursor) + 1 :][:limit] if cursor else ids[:limit]
        )
        assert db.trips - before <= trips, (cursor, limit)
    milliseconds = [int(one.partition("-")[0]) for one in ids]
    before = db.trips
    log.page((FACET,), ids[30], 10, since=milliseconds[45], until=milliseconds[25] + 1)
    assert db.trips - before == 2
    before = db.trips
    log.counts([FACET], [0, milliseconds[-1], milliseconds[30], milliseconds[0] + 1])
    assert db.trips - before == 2


@pytest.mark.parametrize("segment", [8, 24, 64, SEGMENT_BYTES])
def test_whatever_is_asked_is_what_a_list_says(db: Db, segment: int) -> None:
    """Pages, totals and counts with bounds of every kind, while entries come, the newest are cut and the oldest go."""
    chance = random.Random(segment)  # noqa: S311 - to be repeated
    keys, facet = Keys("t", segment_bytes=segment), ("actor", "x")
    log, archive, index = RedisAudit(db, keys), Log.over(db, keys), keys.audit_index(*facet)
    model: list[tuple[int, int]] = []
    ms = 1000
    for step in range(40):
        for _ in range(chance.randrange(6)):
            ms += chance.choice((0, 0, 1, 5))
            last = model[-1] if model else (0, 0)
            one = (ms, last[1] + 1 if last[0] == ms else 0)
            model.append(one)
            db.call("XADD", keys.audit, f"{one[0]}-{one[1]}", "e", event().canonical())
            if db.call("STRLEN", index) >= segment:
                cut(db, keys, index)
            db.call("APPEND", index, pack(f"{one[0]}-{one[1]}"))
        if model and step % 7 == 6:
            gone = model[chance.randrange(len(model))]
            archive.store._cut_long(index, pack(f"{gone[0]}-{gone[1]}"))
            model = [one for one in model if one > gone]
        for _ in range(6):
            since, until = (chance.choice((None, chance.randrange(990, ms + 9))) for _ in range(2))
            cursor = f"{chance.randrange(990, ms + 9)}-{chance.randrange(3)}" if chance.random() < 0.7 else ""
            limit = chance.randrange(1, 12)
            span = [one for one in model if (since or 0) <= one[0] < (until or ms + 9)]
            top = tuple(map(int, cursor.split("-"))) if cursor else (ms + 9, 0)
            wanted = [f"{one[0]}-{one[1]}" for one in span[::-1] if one < top]
            page = log.page((facet,), cursor, limit, since=since, until=until)
            assert [entry.id for entry in page.items] == wanted[:limit]
            assert page.total == len(span)
            assert bool(page.next_cursor) == (len(wanted) > limit)
        edges = sorted(chance.randrange(990, ms + 9) for _ in range(4))
        steps = [sum(low <= one[0] < high for one in model) for low, high in pairwise(edges)]
        assert log.counts([facet], edges) == [steps]
        assert unpack(index_text(db, keys, index) or b"") == [f"{one[0]}-{one[1]}" for one in model]


def test_several_filters_and_none_keep_to_a_span(db: Db) -> None:
    log = Log.over(db, KEYS)
    ids = [one for seed in range(3) for one in log.fill(30, seed)]
    ms = [int(one.partition("-")[0]) for one in ids]
    since, until = ms[20], ms[70]
    span = {one for one, at in zip(ids, ms, strict=True) if since <= at < until}
    filters = (("actor", "a1"), ("action", "file.rename"))
    everything_of = pages(log.log, 7, filters)
    for limit in (1, 7, 100):
        assert pages(log.log, limit, filters, since=since, until=until) == [one for one in everything_of if one in span]
        assert pages(log.log, limit, (), since=since, until=until) == sorted(span, key=pack, reverse=True)
    page = log.log.page((), "", 5, since=since, until=until)
    assert not page.exact
    assert page.total <= len(span)
    assert log.log.page((), "", 100, since=until, until=since).items == ()


# -- an earlier version's


def old_store(db: Db, count: int = 100) -> list[str]:
    """Indexes in one piece, as an earlier version left them."""
    ids = Log.over(db, WHOLE).fill(count)
    assert not list(db.client.scan_iter(match="{t}:segment*"))
    return ids


def test_indexes_in_one_piece_are_cut_in_steps_and_found_all_the_time(db: Db) -> None:
    old_store(db)
    log, step = Log.over(db, KEYS), Segments(db, KEYS)
    filters = (("action", "file.rename"),)
    steps = 0
    while step.step():
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
    assert not Segments(again, KEYS).step()
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
    step = Segments(db, KEYS)
    while step.step():
        pass
    Log.over(db, KEYS).assert_segments()


def test_a_migration_that_was_stopped_goes_on(db: Db) -> None:
    old_store(db)
    for _ in range(500):
        step = Segments(db, KEYS)  # another process each time
        for _ in range(3):
            more = step.step()
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
        step = Segments(db, KEYS)
        while step.step():
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


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_segments_is_found_named_and_repaired(db: Db, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_check, "BATCH", 7)
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


def test_what_is_being_made_of_an_index_is_no_stray(db: Db) -> None:
    entries(db, 60)
    db.call("SET", KEYS.segment(INDEX, 70_000), pack("5-5"), "EX", 100)
    assert told(db, fix=True) == []
    assert db.call("EXISTS", KEYS.segment(INDEX, 70_000)) == 1


def test_who_never_finds_room_gives_up(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    entries(db, 8)
    monkeypatch.setattr(log_segments, "cut", lambda *_: None)
    with pytest.raises(Unavailable):
        entries(db, 1)


def test_keys_of_segments_name_their_index() -> None:
    for index in (INDEX, KEYS.audit_index("ip", "2001:db8::1"), KEYS.audit_index("object", "file:x")):
        assert KEYS.segmented(KEYS.segment(index, 12)) == KEYS.segmented(KEYS.segments(index)) == index
