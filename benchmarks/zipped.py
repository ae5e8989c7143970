"""Many files as one archive, beside the same files one by one."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence

from benchmarks.http import Connection
from benchmarks.memory import MOST, Watched, warm
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import running

LEAST = 0.7
"""Of the speed of the single files."""
SIZES = ((10_000, 1_000), (MIB, 200))
"""Bytes of a file, and how many."""


def measure(plan: Plan) -> list[Part]:
    part = Part(
        "Many files as one ZIP archive",
        f"Over one kept connection: an archive, and its files one after the other. {plan.turns} turns, both in each.",
        ("files", "single files", "archive", "archive : single files"),
    )
    with (
        running(plan.scratch / "zip", "os") as site,
        Connection(site.host, site.port, site.headers) as connection,
    ):
        warm(site)
        watched = Watched(site)
        for size, most in SIZES:
            count, tag = most // 5 if plan.quick else most, f"b{size}"
            ids = [_put(connection, f"{size}-{number}.bin", size, tag) for number in range(count)]
            single, archive = list[float](), list[float]()
            for _ in range(plan.turns):
                single.append(_took(connection, [f"/files/{one}" for one in ids]))
                archive.append(_took(connection, [f"/files.zip?tag={tag}"]))
            ratio = statistics.median(one / other for one, other in zip(single, archive, strict=True))
            speeds = [f"{count * size / statistics.median(times) / 1e6:,.0f} MB/s" for times in (single, archive)]
            part.rows.append([f"{count:,} of {size:,} bytes", *speeds, f"{ratio:.2f}"])
            part.goals.append(Goal(f"archive of files of {size:,} bytes : single files", ratio, LEAST))
            part.figures[tag] = [single, archive]
        part.goals.append(Goal("growth of a web worker, archives", watched.growth, MOST, at_most=True, unit=" MiB"))
    return [part]


def _put(connection: Connection, name: str, size: int, tag: str) -> str:
    answer = connection.ask("PUT", f"/files/{name}?tag={tag}", [b"x" * size], size)
    return str(json.loads(answer.body)["id"])


def _took(connection: Connection, addresses: Sequence[str]) -> float:
    """Seconds until all of it is here."""
    began = time.perf_counter()
    for address in addresses:
        connection.ask("GET", address)
    return time.perf_counter() - began
