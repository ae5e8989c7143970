"""Clocks that jump: that of web and worker, days ahead and back; and that of the store, by the ids of its log and, with
libfaketime, by itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice.domain.times import now_ms, rfc3339
from backoffice.settings import Durability
from tests.faults.damage import do_each
from tests.faults.oracle import entries
from tests.faults.sites import Running
from tests.faults.trial import Row, Trial
from tests.support.servers import Store, run_store

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
        for number, seconds in enumerate([*AHEAD_SECONDS, 0] * len(list(trial.rounds(3)))):
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
    yield from (app, store, _store_clock(trial))


def _store_clock(trial: Trial) -> Row:
    """The store's own clock: an hour ahead, two hours back, and right again, while it runs. It has no more to do with
    what is stored than that entries of the log keep their order, and that what was to end by itself ends too early or
    too late."""
    row = Row("The clock of the running store jumps an hour ahead, two back, and returns")
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        row.not_tried = "there is no libfaketime here (Debian: apt install faketime)"
        return row
    place = trial.place("store-clock")
    clock = place / "clock"
    clock.write_text("+0")
    environ = {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with _store_with(environ, place / "store") as (store, environ):
        running = Running.start(place / "data", environ)
        try:
            do_each(running, f"h{trial.seed}")
            seen = []
            for number, shift in enumerate(["+1h", "-1h", "+0"] * len(list(trial.rounds(3)))):
                clock.write_text(shift)
                with store.client() as client:
                    seen.append(round(client.time()[0] - time.time(), -2))
                do_each(running, f"h{trial.seed}.{number}")
                row.runs += 1
            row.problems += [] if {3600, -3600, 0} == set(seen) else [f"the clock did not jump: {seen}"]
            row.count(running.judge())
        finally:
            running.site.close()
    return row


@contextlib.contextmanager
def _store_with(environ: dict[str, str], place: Path) -> Iterator[tuple[Store, dict[str, str]]]:
    """A store with these variables, and how a site finds it."""
    place.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        stack = contextlib.ExitStack()
        store = stack.enter_context(run_store(place, Durability.DISK))
    with stack:
        yield store, {"REDIS_URL": store.url, "REDIS_PASSWORD": store.password}
