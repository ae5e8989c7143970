"""Clocks that jump: that of web and worker, days ahead and back; and that of the store, by the ids of its log."""

from __future__ import annotations

import time
from collections.abc import Iterator

from backoffice.domain.times import now_ms, rfc3339
from tests.faults.damage import do_each
from tests.faults.oracle import entries
from tests.faults.sites import Running
from tests.faults.trial import Row, Trial

AHEAD_SECONDS = (2 * 24 * 3600, -3600)
"""Further than an unfinished upload lives, and than a session; an hour back."""
SHIFTED = """import os, time
_ns, _s = time.time_ns, time.time
_by = int(os.environ.get("FAULTS_CLOCK_SECONDS", "0"))
time.time_ns = lambda: _ns() + _by * 10**9
time.time = lambda: _s() + _by
"""
"""What each Python of the site runs first. The store has the clock of the machine."""


def clock_jumps(trial: Trial) -> Iterator[Row]:
    """Ready files are as before, the log keeps its order, and each change has its entry."""
    place = trial.place("clock")
    (place / "early").mkdir()
    (place / "early" / "sitecustomize.py").write_text(SHIFTED)
    app = Row("The clock of web and worker jumps two days ahead, an hour back, and returns")
    running = Running.start(place / "data", {"PYTHONPATH": str(place / "early")})
    try:
        do_each(running, f"t{trial.seed}")
        for number, seconds in enumerate((*AHEAD_SECONDS, 0) * (3 if trial.full else 1)):
            running.environ = {**running.environ, "FAULTS_CLOCK_SECONDS": str(seconds)}
            began = time.monotonic()
            running.again()
            app.recovered.append(time.monotonic() - began)
            do_each(running, f"t{trial.seed}.{number}")
            app.runs += 1
        app.count(running.judge())
        with running.store() as client:
            latest = max(event["at"] for event in entries(client))
        app.problems += [] if latest > rfc3339(now_ms() + 24 * 3_600_000) else ["the clock did not jump"]
        store = Row("The clock of the store was an hour ahead and has returned")
        with running.store() as client:
            client.execute_command("XSETID", "{bo}:audit", f"{int(time.time() * 1000) + 3_600_000}-0")
        before = running.oracle.acknowledged
        do_each(running, f"t{trial.seed}.store")
        store.runs = 1
        store.count(running.judge())
        store.acknowledged = running.oracle.acknowledged - before
    finally:
        running.site.close()
    yield from (app, store)
