"""Indexes of the log in segments: nothing is given up, nothing is long; on every kind of server."""

from __future__ import annotations

import os
import random
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
from backoffice.stores.keys import SEGMENT_BYTES, Keys
from backoffice.stores.log import segments as log_segments
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import WIDTH, pack, unpack
from backoffice.stores.log.segments import cut
from backoffice.stores.records.commit import Commit
from tests.support.commits import everything
from tests.support.log_archive import Log, index_text
from tests.support.log_segments import FACET, INDEX, KEYS, WHOLE, directory, entries, pages
from tests.support.people import CountedDb, event

pytestmark = pytest.mark.cluster


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
    most = 104 if "STORE_BINARY" in os.environ else 88  # another program has another allocator
    assert db.call("MEMORY", "USAGE", WHOLE.audit_index("object", f"file:{'f' * 26}")) <= most


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


@pytest.mark.real_only
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


def test_who_never_finds_room_gives_up(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    entries(db, 8)
    monkeypatch.setattr(log_segments, "cut", lambda *_: None)
    with pytest.raises(Unavailable):
        entries(db, 1)


def test_keys_of_segments_name_their_index() -> None:
    for index in (INDEX, KEYS.audit_index("ip", "2001:db8::1"), KEYS.audit_index("object", "file:x")):
        assert KEYS.segmented(KEYS.segment(index, 12)) == KEYS.segmented(KEYS.segments(index)) == index
