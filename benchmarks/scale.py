"""More processes and more shards: what they bring, how evenly bytes lie, and what one shard of records takes."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import partial

from redis import Redis

from backoffice.settings import Settings
from backoffice.stores.client import Db, connect
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from benchmarks.cost import Cost, of_servers, of_site
from benchmarks.doors import OCTETS, Content, upload_chunks
from benchmarks.fill import chunk_of, file_created, fill
from benchmarks.http import Connection
from benchmarks.load import Load, run
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.records import Crowd
from benchmarks.shards import SHARDS, server, shards
from benchmarks.site import Site, running
from benchmarks.timing import Moved, Series, in_turn

ENOUGH_CORES = 6
"""Two web processes, the store, the worker and the client that measures, each with one."""
CONNECTIONS = 8
ONE, TCP, CLUSTER = "one server, bundled", "one server, TCP", f"cluster of {SHARDS}"
COMMITS = 3000


def measure(plan: Plan) -> list[Part]:
    return [_processes(plan), _spread(plan), _records(plan)]


# -- web processes


def _processes(plan: Plan) -> Part:
    part = Part(
        "Web processes",
        f"GET of 10 kB over {CONNECTIONS} kept connections, in turn on a site with one web process and one with two; "
        f"{plan.turns} turns of {plan.turn_seconds} s, medians. This machine has {os.cpu_count()} cores for all: web, "
        f"store, worker and client. The goal holds from {ENOUGH_CORES} on.",
        ("web processes", "requests/s", ": one"),
    )
    rates: dict[int, list[float]] = {1: [], 2: []}
    with (
        running(plan.scratch / "web-1", "os", {"BACKOFFICE_WEB_WORKERS": "1"}) as one,
        running(plan.scratch / "web-2", "os", {"BACKOFFICE_WEB_WORKERS": "2"}) as two,
    ):
        loads = {1: _small_get(one), 2: _small_get(two)}
        for _ in range(plan.turns):
            for number, load in loads.items():
                rates[number].append(run(load, plan.turn_seconds, CONNECTIONS).rate)
                plan.say(f"  {number} web processes: {rates[number][-1]:,.0f} requests/s")
    ratio = statistics.median(two / one for one, two in zip(rates[1], rates[2], strict=True))
    for number, found in rates.items():
        share = "1.00" if number == 1 else f"{ratio:.2f}"
        part.rows.append([str(number), f"{statistics.median(found):,.0f}", share])
    cores = os.cpu_count() or 1
    part.goals.append(Goal("two web processes : one", ratio, 1.7 if cores >= ENOUGH_CORES else 0))
    part.figures["rates"] = {str(number): found for number, found in rates.items()}
    return part


def _small_get(site: Site) -> Load:
    with Connection(site.host, site.port, site.headers) as connection:
        path = f"/files/{secrets.token_hex(4)}.bin"
        stored = connection.ask("PUT", path, (os.urandom(10_000),), 10_000, Content_Type=OCTETS)
    file_id = json.loads(stored.body)["id"]
    return Load(site.host, site.port, f"/files/{file_id}", headers=site.headers)


# -- shards


def _spread(plan: Plan) -> Part:
    content, size = Content(memoryview(os.urandom(16 * MIB)), plan.sharded), Settings().chunk_size
    part = Part(
        "Shards",
        f"{plan.sharded / 1e9:.1f} GB in chunks of 2 MiB over 4 connections, at level `os`, in turn to a site over the "
        f"bundled server (a Unix socket), to one over a server by TCP and to one over a cluster of {SHARDS} primaries "
        f"(TCP, too) on the same machine; {plan.rounds} rounds, medians. `web`, `servers`: processor seconds a GB, "
        "which do not depend on what else the machine does. `most`, `least`: bytes on a shard, of an even share.",
        ("", "upload", f": {TCP}", "web", "servers", "most", "least"),
    )
    spread: list[tuple[float, float]] = []
    costs: dict[str, list[Cost]] = {ONE: [], TCP: [], CLUSTER: []}
    with shards(plan.scratch / "shards") as ports, server(plan.scratch / "single") as port, ExitStack() as stack:
        cluster = "redis+cluster://" + ",".join(f"127.0.0.1:{one}" for one in ports)
        environs = {ONE: {}, TCP: {"REDIS_URL": f"redis://127.0.0.1:{port}"}, CLUSTER: {"REDIS_URL": cluster}}
        sites = {
            name: stack.enter_context(running(plan.scratch / f"over-{place}", "os", environ))
            for place, (name, environ) in enumerate(environs.items())
        }
        meters = {ONE: of_site(sites[ONE]), TCP: of_servers(sites[TCP], [port])}
        meters[CLUSTER] = of_servers(sites[CLUSTER], ports)

        def on(name: str) -> Moved:
            among = ports if name == CLUSTER else []
            bytes_before, spent = [_used(one) for one in among], meters[name]()
            file_id = upload_chunks(sites[name], content, size)
            costs[name].append(meters[name]().since(spent))
            if among:
                shares = [
                    (_used(one) - was) * SHARDS / plan.sharded for one, was in zip(ports, bytes_before, strict=True)
                ]
                spread.append((max(shares), min(shares)))
            return Moved(plan.sharded, lambda: sites[name].free(file_id, content.count(size)))

        found = in_turn({name: partial(on, name) for name in sites}, plan.rounds, plan.say)
    _add_figures(part, plan.sharded, found, costs, spread)
    return part


def _add_figures(
    part: Part,
    size: int,
    found: Mapping[str, Series],
    costs: Mapping[str, list[Cost]],
    spread: list[tuple[float, float]],
) -> None:
    most, least = max(one for one, _ in spread), min(one for _, one in spread)
    for name, series in found.items():
        web, store = (statistics.median(one.cpu[of] for one in costs[name]) for of in ("web", "store"))
        row = [name, f"{series.median:,.0f} MB/s", f"{series.over(found[TCP]):.2f}"]
        row += [f"{of * 1e9 / size:.2f} s" for of in (web, store)]
        part.rows.append([*row, f"{most:.2f}", f"{least:.2f}"] if name == CLUSTER else [*row, "", ""])
    part.goals += [
        Goal(f"upload, {CLUSTER} : {TCP}", found[CLUSTER].over(found[TCP]), 1.0),
        Goal(f"upload, {CLUSTER} : {ONE}", found[CLUSTER].over(found[ONE]), 0),
        Goal("most bytes on a shard : even", most, 1.1, at_most=True),
        Goal("least bytes on a shard : even", least, 0.9),
    ]
    part.figures |= {name: one.rates for name, one in found.items()}


def _used(port: int) -> int:
    with Redis(port=port) as client:
        return int(client.info("memory")["used_memory"])


# -- the shard of the records


def _records(plan: Plan) -> Part:
    users, files = plan.crowd
    with shards(plan.scratch / "records") as ports:
        address = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)
        crowd = Crowd(users, files)
        empty = [_used(port) for port in ports]
        began = time.perf_counter()
        fill(address, crowd, plan.say)
        took = time.perf_counter() - began
        grown = [_used(port) - was for port, was in zip(ports, empty, strict=True)]
        most = max(range(SHARDS), key=grown.__getitem__)
        each, slowest = _commits(address, ports[most], crowd, files)
    part = Part(
        "The shard of the records",
        f"{files:,} files and {users:,} users on a cluster of {SHARDS}, without the bytes of files: their records, "
        f"indexes and entries of the log lie on one shard. Then {COMMITS:,} files more, one commit each, one after the "
        f"other. Filling took {took:,.0f} s.",
        ("", ""),
    )
    part.rows += [
        ["memory of that shard", f"{grown[most] / MIB:,.0f} MiB"],
        ["of the other two", f"{(sum(grown) - grown[most]) / MIB:,.1f} MiB"],
        ["memory a file, with its share of users", f"{grown[most] / files:,.0f} B"],
        ["a commit of a file, in the store", f"{each:,.0f} µs"],
        ["commits a second that one shard has time for", f"{1e6 / each:,.0f}"],
        ["commits a second of one client, one after the other", f"{slowest:,.0f}"],
    ]
    part.figures |= {"bytes": grown, "us": each, "files": files}
    return part


def _commits(address: str, port: int, crowd: Crowd, first: int) -> tuple[float, float]:
    """µs that the store spends in a commit, and how many a second one client makes."""
    with closing(connect(address)) as client, Redis(port=port) as shard:
        db, keys = Db(client), Keys()
        store = RedisFiles(db, keys)
        shard.config_resetstat()
        began = time.perf_counter()
        for number in range(first, first + COMMITS):
            file = crowd.file(number)
            commit = Commit(keys, file_created(file))
            commit.write("HINCRBY", keys.quota(file.owner), "used", file.size)
            commit.write("SET", keys.chunk_map(file.id), chunk_of(file).pack())
            store.collection.insert(commit, file)
            commit.run(db)
        rate = COMMITS / (time.perf_counter() - began)
        stats = shard.info("commandstats")
        return float(stats["cmdstat_evalsha"]["usec_per_call"]), rate
