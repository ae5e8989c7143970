"""Bytes through HTTP against the same client library writing and reading the same chunks straight."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from typing import Any

from backoffice.settings import Settings
from backoffice.stores.client import Client
from benchmarks.doors import CONNECTIONS, Content, download, upload_chunks
from benchmarks.http import Connection
from benchmarks.plan import MIB, Bars, Goal, Part, Plan
from benchmarks.site import Failed, Site, running
from benchmarks.timing import Moved, Series, in_turn, spread

LEVELS = ("os", "disk")
TTL = 600
UPLOAD, DOWNLOAD = 0.4, 0.5
DIGEST_SECONDS = 120
PLAIN, OWN, HTTP, HTTP_ONE = "redis-py", "redis-py, our options", "HTTP", "HTTP, one connection"


def measure(plan: Plan) -> list[Part]:
    return [_level(plan, level) for level in LEVELS]


def _level(plan: Plan, level: str) -> Part:
    part = Part(
        f"Transfer at level `{level}`",
        f"{plan.moved // MIB} MiB, {CONNECTIONS} connections, every chunk a request of its own with its SHA-256 "
        f"checked, against redis-py setting and getting the same values in {CONNECTIONS} threads. Median of "
        f"{plan.rounds} rounds; ratios are medians of the rounds' ratios.",
        ("chunk", "", PLAIN, OWN, HTTP, HTTP_ONE, "HTTP : redis-py", "HTTP : our options"),
    )
    pool, default = memoryview(os.urandom(16 * MIB)), Settings().chunk_size
    with running(plan.scratch / f"transfer-{level}", level) as site:
        for size in plan.chunk_sizes:
            content = Content(pool, plan.moved)
            label = f"{size // 1024} KiB"
            plan.say(f"Transfer, level {level}, chunks of {label}")
            up = _upload(plan, site, content, size)
            down = _download(plan, site, content, size)
            _note(part, label, "upload", up)
            _note(part, label, "download", down)
            part.charts += [_chart(level, label, "upload", up), _chart(level, label, "download", down)]
            if size == default:
                # At `disk` the same test is only reported beside.
                low = (UPLOAD, DOWNLOAD) if level == "os" else (0.0, 0.0)
                part.goals += [
                    Goal(f"upload : redis-py straight, level {level}, {label}", up[HTTP].over(up[PLAIN]), low[0]),
                    Goal(f"download : redis-py straight, level {level}, {label}", down[HTTP].over(down[PLAIN]), low[1]),
                ]
    return part


def _upload(plan: Plan, site: Site, content: Content, size: int) -> dict[str, Series]:
    digests = content.digests(size)

    def http(connections: int) -> Moved:
        file_id = upload_chunks(site, content, size, digests, connections=connections)
        return Moved(content.total, lambda: _clear(site, file_id, content.count(size)))

    plain, own, count = site.plain_client(), site.own_client(), content.count(size)
    values = [bytes(content.chunk(index, size)) for index in range(min(8, count))]
    return in_turn(
        {
            PLAIN: lambda: _write(plain, values, count),
            OWN: lambda: _write(own, values, count),
            HTTP: lambda: http(CONNECTIONS),
            HTTP_ONE: lambda: http(1),
        },
        plan.rounds,
        plan.say,
    )


def _download(plan: Plan, site: Site, content: Content, size: int) -> dict[str, Series]:
    file_id = upload_chunks(site, content, size, content.digests(size))
    settle(site, file_id)
    plain, own, count = site.plain_client(), site.own_client(), content.count(size)
    written = _write(own, [bytes(content.chunk(0, size))], count)
    found = in_turn(
        {
            PLAIN: lambda: _read(plain, count, size),
            OWN: lambda: _read(own, count, size),
            HTTP: lambda: Moved(download(site, file_id, CONNECTIONS, CONNECTIONS)),
            HTTP_ONE: lambda: Moved(download(site, file_id)),
        },
        plan.rounds,
        plan.say,
    )
    written.clear()
    site.free(file_id, content.count(size))
    return found


def _write(client: Client, values: Sequence[bytes], count: int) -> Moved:
    """redis-py gets `bytes`: anything else it would copy once more."""

    def one(_: int, index: int) -> None:
        client.set(f"straight:{index}", values[index % len(values)], nx=True, ex=TTL)

    spread(one, range(CONNECTIONS), count)
    return Moved(count * len(values[0]), lambda: client.unlink(*(f"straight:{index}" for index in range(count))))


def _read(client: Client, count: int, size: int) -> Moved:
    received = [0] * CONNECTIONS

    def one(hand: int, index: int) -> None:
        value: Any = client.get(f"straight:{index}")
        received[hand] += len(value)

    spread(one, range(CONNECTIONS), count)
    if sum(received) != count * size:
        raise Failed("the store does not hold what was written")
    return Moved(count * size)


def settle(site: Site, file_id: str) -> None:
    """Wait until the worker has worked out the file's SHA-256, so that the next one measured has the machine alone."""
    until = time.monotonic() + DIGEST_SECONDS
    with Connection(site.host, site.port, site.headers) as connection:
        while not json.loads(connection.ask("GET", f"/files/{file_id}/metadata").body)["sha256"]:
            if time.monotonic() > until:
                raise Failed(f"no SHA-256 of {file_id} after {DIGEST_SECONDS} s")
            time.sleep(0.1)


def _clear(site: Site, file_id: str, chunks: int) -> None:
    settle(site, file_id)
    site.free(file_id, chunks)


def _note(part: Part, label: str, way: str, found: dict[str, Series]) -> None:
    rates = [f"{found[name].median:,.0f} MB/s" for name in (PLAIN, OWN, HTTP, HTTP_ONE)]
    ratios = [f"{found[HTTP].over(found[name]):.2f}" for name in (PLAIN, OWN)]
    part.rows.append([label, way, *rates, *ratios])
    part.figures[f"{way}, {label}"] = {name: series.rates for name, series in found.items()}


def _chart(level: str, label: str, way: str, found: dict[str, Series]) -> Bars:
    name = f"{way}-{level}-{label.replace(' ', '')}"
    values = {variant: series.median for variant, series in found.items()}
    return Bars(
        name, f"{way.capitalize()}, chunks of {label}, level {level}", "MB/s", values, frozenset({HTTP, HTTP_ONE})
    )
