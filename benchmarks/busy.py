"""How long a small file takes while large ones come in."""

from __future__ import annotations

import json
import os
import statistics
import threading
from typing import Self

from backoffice.settings import Settings
from benchmarks.doors import CONNECTIONS, Content, upload_chunks
from benchmarks.http import Connection
from benchmarks.load import Load, Outcome, client_name, run
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import Site, running

FILE = 10_000
ASKING = 1
"""Connection: with more, a request waits for its own kind as well."""
SECONDS = 5
TIMES = 10


class Uploading:
    """Uploads one file after the other, over several connections, until told to stop."""

    def __init__(self, site: Site, content: Content, size: int) -> None:
        self.moved = 0
        self._site, self._content, self._size = site, content, size
        self._digests = content.digests(size)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._errors = list[BaseException]()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                file_id = upload_chunks(self._site, self._content, self._size, self._digests)
                self.moved += self._content.total
                self._site.free(file_id, self._content.count(self._size))
        except BaseException as error:  # noqa: BLE001 -- raised again in the thread that waits for it
            self._errors.append(error)


def measure(plan: Plan) -> list[Part]:
    size = Settings().chunk_size
    content = Content(memoryview(os.urandom(16 * MIB)), plan.moved)
    quiet, busy, moved = list[Outcome](), list[Outcome](), 0
    with running(plan.scratch / "busy", "os") as site:
        with Connection(site.host, site.port, site.headers) as connection:
            file_id = json.loads(connection.ask("PUT", "/files/small.bin", [b"x" * FILE], FILE).body)["id"]
        load = Load(site.host, site.port, f"/files/{file_id}", headers=site.headers)
        run(load, 1, ASKING)
        for number in range(plan.turns):
            quiet.append(run(load, SECONDS, ASKING))
            with Uploading(site, content, size) as uploading:
                busy.append(run(load, SECONDS, ASKING))
            moved += uploading.moved
            plan.say(f"  {number + 1}/{plan.turns} p99 {quiet[-1].p99:.1f} ms, while uploading {busy[-1].p99:.1f} ms")
    return [_part(plan, quiet, busy, moved)]


def _part(plan: Plan, quiet: list[Outcome], busy: list[Outcome], moved: int) -> Part:
    part = Part(
        "A small GET while large files come in",
        f"One connection gets 10 kB again and again ({client_name()}), alone and while {CONNECTIONS} connections "
        f"upload files of {plan.moved // MIB} MiB in chunks ({moved / 1024**3:.1f} GiB in all). {plan.turns} turns of "
        f"{SECONDS} s, medians.",
        ("", "requests/s", "p50", "p99", "p99 : p50", "p99 : p50 alone"),
    )
    alone = statistics.median(turn.p50 for turn in quiet)
    for name, turns in (("alone", quiet), ("while uploading", busy)):
        rate = statistics.median(turn.rate for turn in turns)
        p50, p99 = (statistics.median(times) for times in zip(*((turn.p50, turn.p99) for turn in turns), strict=True))
        part.rows.append(
            [name, f"{rate:,.0f}", f"{p50:.1f} ms", f"{p99:.1f} ms", f"{p99 / p50:.1f}", f"{p99 / alone:.1f}"]
        )
        part.figures[name] = [[turn.p50, turn.p99] for turn in turns]
    # Against the median of the same turn: what people meet is how uneven it is.
    worst = statistics.median(turn.p99 / turn.p50 for turn in busy)
    part.goals += [
        Goal("p99 : median of a GET while uploading", worst, TIMES, at_most=True),
        Goal("p99 of a GET while uploading : median alone", statistics.median(t.p99 for t in busy) / alone, 0),
    ]
    return part
