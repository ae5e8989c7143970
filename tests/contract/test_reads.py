"""Downloads that repeat themselves: the first is an entry of the log, the others are counted and are one more."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.audit import AuditEntry
from backoffice.domain.files import File
from backoffice.domain.limits import READS_SECONDS
from backoffice.domain.times import rfc3339
from backoffice.errors import TooMany, VersionMismatch
from backoffice.stores.bounds import Bounds
from backoffice.stores.log import reads
from backoffice.web.admin.audit import Row
from tests.support.uploads import ALICE, KEYS, World

SPAN = READS_SECONDS * 1000
LENT = replace(ALICE, credential="token:1", agent="Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0")


@pytest.fixture
def world(redis: Any) -> World:
    world = World.over(redis)
    world.clock.ms = world.clock.ms // SPAN * SPAN
    return world


@pytest.fixture
def file(world: World) -> File:
    return world.stored(LENT, [b"abc", b"de"])


def entries(world: World) -> list[dict[str, Any]]:
    """Events of downloads, the oldest first."""
    events = [json.loads(row[1][b"e"]) for row in world.db.client.xrange(KEYS.audit)]
    return [one for one in events if one["action"] == "file.download"]


def read(world: World, file: File, times: int = 1, part: tuple[int, int] | None = None) -> None:
    for _ in range(times):
        b"".join(world.library.open(LENT, file.id).read(*(part or (0, file.size))))


def test_what_repeats_itself_is_one_more_entry_when_the_span_is_over(world: World, file: File) -> None:
    began = world.clock.ms
    for second in range(5):
        world.clock.ms = began + second * 1000
        read(world, file)
    assert [one["data"] for one in entries(world)] == [{"size": 5}]
    world.clock.ms = began + SPAN - 1
    world.library.close_counted()
    assert len(entries(world)) == 1, "it goes on"
    world.clock.ms = began + SPAN
    assert not world.library.close_counted()
    first, counted = entries(world)
    assert counted["data"] == {
        "count": 4,
        "bytes": 20,
        "since": rfc3339(began + 1000),
        "until": rfc3339(began + 4000),
    }
    assert counted["actor"] == first["actor"], "who, by what, from where"
    assert counted["object"] == first["object"]
    assert counted["at"] == rfc3339(world.clock.ms)
    world.library.close_counted()
    assert len(entries(world)) == 2
    world.assert_sound()


def test_the_page_of_the_log_shows_how_many(world: World, file: File) -> None:
    read(world, file, 13)
    world.clock.ms += SPAN
    world.library.close_counted()
    rows = world.db.client.xrevrange(KEYS.audit, count=20)
    shown = [Row.of(AuditEntry("1-0", row[1][b"e"])) for row in rows]
    assert [one.what for one in shown if one.action == "file.download"] == ["file a.txt \u00d7 12", "file a.txt"]


def test_nothing_is_left_of_what_was_read_once(world: World, file: File) -> None:
    read(world, file)
    assert not world.db.client.exists(KEYS.reads_due)
    [key] = list(world.db.client.scan_iter(match="{t}:reads:*"))
    assert 0 < world.db.client.pttl(key) <= SPAN + 60_000


def test_each_span_has_a_first_one(world: World, file: File) -> None:
    for _ in range(3):
        read(world, file, 2)
        world.clock.ms += SPAN
    world.library.close_counted()
    assert [one["data"].get("count", 0) for one in entries(world)] == [0, 0, 0, 1, 1, 1]


def test_parts_are_counted_with_their_bytes_and_the_largest(world: World, file: File) -> None:
    for part in ((0, 2), (1, 2), (2, 5), (1, 3)):
        read(world, file, part=part)
    world.clock.ms += SPAN
    world.library.close_counted()
    first, counted = entries(world)
    assert first["data"] == {"range": [0, 2]}
    data = counted["data"]
    assert (data["count"], data["bytes"], data["range"], data["largest"]) == (3, 6, [1, 5], [2, 5])


def test_what_is_counted_outlives_processes_and_the_file(world: World, file: File, redis: Any) -> None:
    read(world, file, 3)
    world.library.purge(LENT, file.id)
    later = World.over(redis)
    later.clock.ms = world.clock.ms + 24 * 3600 * 1000
    later.library.close_counted()
    counted = entries(world)[-1]
    assert (counted["data"]["count"], counted["object"]["name"]) == (2, "a.txt")


def test_who_reads_from_elsewhere_is_somebody_else(world: World, file: File) -> None:
    for actor in (LENT, replace(LENT, credential="token:2"), replace(LENT, ip="198.51.100.9"), LENT):
        b"".join(world.library.open(actor, file.id).read())
    assert len(entries(world)) == 3


def test_a_small_file_that_changed_is_read_anew(world: World) -> None:
    small = world.stored(LENT, [b"abc"])
    world.library.rename(LENT, small.id, "b.txt")
    event = world.library._reader._event(LENT, small, 0, 3)
    for _ in range(2):
        with pytest.raises(VersionMismatch):
            world.files.record_read(small, event, 0, 3, unchanged=True)
    assert not entries(world)
    assert not world.db.client.exists(KEYS.reads_due)


@pytest.mark.real_only
def test_readers_and_workers_of_many_processes_count_each_reading_once(world: World, file: File, redis: Any) -> None:
    """The span ends meanwhile, as seen by workers and some of the readers."""
    others = [World.over(redis) for _ in range(6)]

    def reader(one: World, late: int) -> None:
        one.clock.ms = world.clock.ms + late
        read(one, file, 50)

    def worker(one: World) -> None:
        one.clock.ms = world.clock.ms + SPAN
        for _ in range(40):
            one.library.close_counted()

    threads = [
        threading.Thread(target=reader, args=(one, late))
        for one, late in zip(others[:4], (0, 0, SPAN, SPAN), strict=True)
    ]
    threads += [threading.Thread(target=worker, args=(one,)) for one in others[4:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.clock.ms += 2 * SPAN
    world.library.close_counted()
    assert sum(one["data"].get("count", 1) for one in entries(world)) == 200
    assert not redis.exists(KEYS.reads_due)
    world.assert_sound()


def test_a_call_that_is_repeated_counts_once(world: World, file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client repeats a command after a time-out."""
    monkeypatch.setattr(reads, "token_hex", lambda _: "the same")
    read(world, file, 3)
    assert len(entries(world)) == 1
    assert not world.db.client.exists(KEYS.reads_due)


@pytest.mark.parametrize(("acts", "taken"), [(1, 1), (2, 50), (3, 50)])
def test_an_entry_is_paid_for_when_it_is_certain(world: World, file: File, acts: int, taken: int) -> None:
    world.files.bounds = Bounds(acts=acts)
    done: list[int] = []

    def until_refused(times: Sequence[int]) -> None:
        for number in times:
            read(world, file)
            done.append(number)

    if taken == 1:
        with pytest.raises(TooMany):
            until_refused(range(50))
    else:
        until_refused(range(50))
    assert len(done) == taken
    world.clock.ms += SPAN
    world.library.close_counted()
    assert sum(one["data"].get("count", 1) for one in entries(world)) == taken
