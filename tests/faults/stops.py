"""SIGSTOP of the store and of a web worker while clients are at work: nobody waits for long, nothing is done twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from backoffice.domain.waits import REQUEST_SECONDS
from tests.faults.load import under_load
from tests.faults.sites import Running
from tests.faults.trial import Row, Trial

AT_MOST = REQUEST_SECONDS + 3
"""Seconds for an answer while the store hangs: one wait, and what a busy machine takes."""
BEFORE = 1.0
AFTER = 1.0


def stops(trial: Trial) -> Iterator[Row]:
    cases = [("store", 1.0), ("store", 4.0), ("store", 12.0), ("web worker", 4.0)]
    if trial.full:
        cases = [(who, seconds) for _ in range(5) for who in ("store", "web worker") for seconds in (1.0, 4.0, 12.0)]
    running = Running.start(trial.place("stops") / "data")
    rows: dict[str, Row] = {}
    try:
        for number, (who, seconds) in enumerate(cases):
            if len(rows) == len(set(cases)) and not trial.goes_on:
                break
            row = rows.setdefault(f"{who} {seconds}", Row(f"SIGSTOP of the {who} for {seconds:.0f} s"))
            _stop(running, row, who, seconds, f"s{trial.seed}.{number}")
        verdict = running.judge()
        first = next(iter(rows.values()))
        first.lost, first.problems = verdict.lost, [*first.problems, *verdict.problems]
    finally:
        running.site.close()
    yield from rows.values()


def _stop(running: Running, row: Row, who: str, seconds: float, seed: str) -> None:
    pid, before = running.pid(who), running.oracle.acknowledged
    with under_load([running.client.url], running.client.token, running.oracle, seed) as load:
        time.sleep(BEFORE)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
        back = time.monotonic()
        time.sleep(AFTER)
    row.runs += 1
    row.acknowledged += running.oracle.acknowledged - before
    row.recovered.append(load.first_after(back))
    row.slowest = max(row.slowest or 0, load.slowest)
    row.problems += load.failures
    # A request that a stopped process has taken waits for it to go on, as the other processes' do not.
    most = AT_MOST if who == "store" else AT_MOST + seconds
    if load.slowest > most:
        row.problems.append(f"an answer took {load.slowest:.1f} s, more than {most:.0f}")
    row.note = f"answers: {load.answers}"
