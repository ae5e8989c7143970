"""Pages of a short and of a very long list: time in the store, round trips, memory of a record."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backoffice.domain.files import File
from backoffice.domain.ids import new_id
from backoffice.domain.paging import Query
from backoffice.domain.uploads import Chunk
from backoffice.stores.client import Arg, Client, Command, Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from benchmarks.fill import add_files
from benchmarks.plan import Bars, Goal, Part, Plan
from benchmarks.records import WORDS, some_id
from benchmarks.site import Site, running

REPEATS = 21
TRIPS, SLOWER, RECORD = 2, 1.5, 1800
EACH, TYPES, TAGS, TAGGED = 100, 10, 10, 10
"""Files of one owner, types, tags, and every how manyeth file has a tag."""
BUSY = new_id()
"""An owner who has every fiftieth file."""

Figures = dict[str, tuple[float, float, int]]
"""For each page: µs in the store, ms until it is there, round trips."""

QUERIES: dict[str, Query] = {
    "by date": Query(sort="created", descending=True),
    "by size": Query(sort="size"),
    "by name": Query(sort="name"),
    "of an owner": Query(filters=(("owner", BUSY),)),
    "of an owner by name": Query(filters=(("owner", BUSY),), sort="name"),
    "of a type": Query(filters=(("mime_type", "text/kind3"),)),
    "with a tag": Query(filters=(("tag", "tag3"),)),
    "with a word": Query(search="invoice"),
}


class Counting(Db):
    """Counts its round trips."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.trips = 0

    def call(self, *command: Arg) -> Any:
        self.trips += 1
        return super().call(*command)

    def many(self, commands: Sequence[Command]) -> list[Any]:
        self.trips += 1
        return super().many(commands)


def measure(plan: Plan) -> list[Part]:
    small, large = plan.listed
    part = Part(
        "Listing",
        f"A page of 50 of {large:,} files against the same of {small:,}: time in the store's commands for one page "
        f"(median of {REPEATS}), time until the page is there, round trips. Records are made by the same commits as "
        "uploads make.",
        ("page", "in store, small", "in store, large", "ratio", "until there, large", "round trips"),
    )
    with running(plan.scratch / "listing", "memory") as site:
        client = site.own_client()
        keys = Keys()
        empty = _memory(client)
        plan.say(f"Listing: {small:,} files")
        _add(client, 0, small)
        first = _pages(client, keys, site)
        plan.say(f"Listing: {large:,} files")
        _add(client, small, large)
        # What recognises a repeated commit lives two minutes and is no part of a record.
        _drop_requests(client, keys)
        chunk_map = _map_memory(client, keys)
        record = (_memory(client) - empty) / large - chunk_map
        last = _pages(client, keys, site)
    worst = _compare(part, first, last)
    part.rows.append(["memory of a record, its indexes and its event", "", f"{record:,.0f} B", "", "", ""])
    part.rows.append(["memory of the chunk map of a file of one chunk", "", f"{chunk_map:,.0f} B", "", "", ""])
    most_trips = max(trips for _, _, trips in last.values())
    part.goals += [
        Goal("round trips for a page, at most", most_trips, TRIPS, at_most=True),
        Goal(f"time in the store, {large:,} : {small:,} files, worst page", worst, SLOWER, at_most=True),
        Goal("store memory of a file's record", record, RECORD, at_most=True, unit=" B"),
    ]
    part.figures = {"small": first, "large": last, "bytes of a record": record, "bytes of a chunk map": chunk_map}
    times = {name: values[0] for name, values in last.items()}
    part.charts.append(Bars("listing", f"A page of {large:,} files, time in the store", "µs", times, frozenset(times)))
    return [part]


def _compare(part: Part, first: Figures, last: Figures) -> float:
    """A row for each page; the worst ratio of the times in the store."""
    worst = 0.0
    for name, (store_small, _, _) in first.items():
        store_large, there, trips = last[name]
        ratio = store_large / store_small
        worst = max(worst, ratio)
        row = [name, f"{store_small:.0f} µs", f"{store_large:.0f} µs", f"{ratio:.2f}", f"{there:.2f} ms", str(trips)]
        part.rows.append(row)
    return worst


def _file(number: int) -> File:
    word, other = WORDS[number % len(WORDS)], WORDS[number // 7 % len(WORDS)]
    return File(
        id=some_id("file", number),
        name=f"{word} {other} {number}.txt",
        size=number * 7919 % 10_000_000,
        owner=BUSY if number % 50 == 0 else some_id("user", number // EACH),
        mime_type=f"text/kind{number // 3 % TYPES}",
        created_at=1_750_000_000_000 + number * 1000,
        total_chunks=1,
        digest=number.to_bytes(32, "big"),
        tags=(f"tag{number // TAGGED % TAGS}",) if number % TAGGED == 0 else (),
    )


def _add(client: Client, start: int, stop: int) -> None:
    """Files [start, stop), each with its event."""
    add_files(client, map(_file, range(start, stop)))


def _map_memory(client: Client, keys: Keys) -> float:
    """Bytes of one chunk map of one chunk."""
    entry, ids = Chunk(1000, bytes(16), bytes(32)).pack(), [new_id() for _ in range(10_000)]
    before = _memory(client)
    Db(client).many([("SET", keys.chunk_map(one), entry) for one in ids])
    used = _memory(client) - before
    Db(client).many([("UNLINK", keys.chunk_map(one)) for one in ids])
    return used / len(ids)


def _pages(client: Client, keys: Keys, site: Site) -> Figures:
    """For every page: µs in the store's commands, ms until it is there, round trips."""
    db, plain = Counting(client), site.plain_client()
    files = RedisFiles(db, keys)
    found = {}
    for name, query in QUERIES.items():
        total = files.page(query).total
        ends = {"first": query, "last": replace(query, offset=max(0, total - query.limit))}
        for end, asked in ends.items():
            spent, there, trips = [], [], 0
            for _ in range(REPEATS):
                plain.config_resetstat()
                db.trips, started = 0, time.perf_counter()
                page = files.page(asked)
                there.append((time.perf_counter() - started) * 1000)
                spent.append(_spent(plain))
                trips = max(trips, db.trips)
                if len(page.items) != min(asked.limit, total):
                    raise RuntimeError(f"the {end} page {name} has {len(page.items)} files")
            found[f"{name}, {end} page"] = (statistics.median(spent), statistics.median(there), trips)
    return found


def _spent(plain: Any) -> float:
    """µs in commands since the figures were reset, apart from the asking itself."""
    stats = plain.info("commandstats")
    own = ("cmdstat_config", "cmdstat_info", "cmdstat_client", "cmdstat_auth", "cmdstat_ping", "cmdstat_hello")
    return float(sum(stat["usec"] for name, stat in stats.items() if not name.startswith(own)))


def _memory(client: Client) -> int:
    info: Any = client.execute_command("INFO", "memory")  # type: ignore[no-untyped-call]
    return int(info["used_memory"])


def _drop_requests(client: Client, keys: Keys) -> None:
    pattern = keys.request("*")
    cursor = 0
    while True:
        cursor, names = client.scan(cursor, match=pattern, count=10_000)
        if names:
            client.unlink(*names)
        if not cursor:
            return
