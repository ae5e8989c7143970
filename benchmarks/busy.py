"""How long a small file takes while large ones come in."""

from __future__ import annotations

import json
import statistics

from backoffice.settings import Settings
from benchmarks.doors import CONNECTIONS
from benchmarks.http import Connection
from benchmarks.load import Load, Outcome, run
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import running
from benchmarks.uploader import Uploading

FILE = 10_000
ASKING = 1
"""Connection: with more, a request waits for its own kind as well."""
OWN_CLIENT = ""
"""For wrk's p99 is not that of the requests (`Outcome`); at the rate of one connection our client is no bound."""
SECONDS = 5
TIMES = 10


def measure(plan: Plan) -> list[Part]:
    size = Settings().chunk_size
    quiet, busy, moved = list[Outcome](), list[Outcome](), 0
    with running(plan.scratch / "busy", "os") as site:
        with Connection(site.host, site.port, site.headers) as connection:
            file_id = json.loads(connection.ask("PUT", "/files/small.bin", [b"x" * FILE], FILE).body)["id"]
        load = Load(site.host, site.port, f"/files/{file_id}", headers=site.headers)
        run(load, 1, ASKING, wrk=OWN_CLIENT)
        for number in range(plan.turns):
            quiet.append(run(load, SECONDS, ASKING, wrk=OWN_CLIENT))
            with Uploading(site, plan.moved, size) as uploading:
                busy.append(run(load, SECONDS, ASKING, wrk=OWN_CLIENT))
            moved += uploading.moved
            plan.say(f"  {number + 1}/{plan.turns} p99 {quiet[-1].p99:.1f} ms, while uploading {busy[-1].p99:.1f} ms")
    return [_part(plan, quiet, busy, moved)]


def _part(plan: Plan, quiet: list[Outcome], busy: list[Outcome], moved: int) -> Part:
    part = Part(
        "A small GET while large files come in",
        f"One connection gets 10 kB again and again (our own client), alone and while {CONNECTIONS} connections "
        f"upload files of {plan.moved // MIB} MiB in chunks ({moved / 1024**3:.1f} GiB in all), from a process that "
        f"yields to the client that measures. {plan.turns} turns of {SECONDS} s, medians.",
        ("", "requests/s", "p50", "p99", "longest", "p99 : p50", "p99 : p50 alone"),
    )
    alone = statistics.median(turn.p50 for turn in quiet)
    for name, turns in (("alone", quiet), ("while uploading", busy)):
        rate = statistics.median(turn.rate for turn in turns)
        found = [(turn.p50, turn.p99, turn.worst) for turn in turns]
        p50, p99, worst = (statistics.median(times) for times in zip(*found, strict=True))
        times = [f"{ms:.1f} ms" for ms in (p50, p99, worst)]
        part.rows.append([name, f"{rate:,.0f}", *times, f"{p99 / p50:.1f}", f"{p99 / alone:.1f}"])
        part.figures[name] = [list(turn) for turn in found]
    # Against the median of the same turn: what people meet is how uneven it is.
    uneven = statistics.median(turn.p99 / turn.p50 for turn in busy)
    part.goals += [
        Goal("p99 : median of a GET while uploading", uneven, TIMES, at_most=True),
        Goal("p99 of a GET while uploading : median alone", statistics.median(t.p99 for t in busy) / alone, 0),
    ]
    return part
