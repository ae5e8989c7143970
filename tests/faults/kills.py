"""kill -9 of each process of a site, at each step of each kind of act."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

from tests.faults.deeds import DEEDS, Doer
from tests.faults.sites import PROCESSES, Running
from tests.faults.steps import Steps
from tests.faults.trial import Row, Trial

SAMPLE = 8
"""Kills of the bounded form: each process, and each kind of act, once at least."""
DEATHS = 2
"""Of one process under one supervisor: after more of them it would wait longer than we do."""


def kills(trial: Trial) -> Iterator[Row]:
    """After each kill the client asks again until its act is acknowledged. At the end of all everything is looked at;
    meanwhile each round looks at what it did."""
    running = Running.start(trial.place("kills") / "data")
    rows = {who: Row(f"kill -9 of the {who}") for who in PROCESSES}
    deaths = dict.fromkeys(PROCESSES, 0)
    try:
        doer = Doer(running.client, running.oracle, f"k{trial.seed}")
        steps = _lengths(running, doer)
        plan = list(_plan(trial, steps))
        for kind, who, after, pause in plan:
            if not trial.goes_on:
                break
            deaths[who] += 1
            if deaths[who] > DEATHS:
                running.again()
                deaths = dict.fromkeys(PROCESSES, 0)
            before = running.oracle.acknowledged
            recovered = _strike(running, doer, kind, who, after, pause)
            if recovered is not None:
                rows[who].runs += 1
                rows[who].recovered.append(recovered)
                rows[who].acknowledged += running.oracle.acknowledged - before
        running.again()  # all of it is there after another start as well
        verdict = running.judge()
        for row in rows.values():
            row.slowest = running.client.slowest
        rows["store"].lost, rows["store"].problems = verdict.lost, verdict.problems
        rows["store"].note = ", ".join(f"{kind}: {number} steps" for kind, number in steps.items())
    finally:
        running.site.close()
    yield from rows.values()


def _lengths(running: Running, doer: Doer) -> dict[str, int]:
    """How many commands of the store each kind of act takes, once scripts are known."""
    found = {}
    for _ in range(2):
        for kind, (prepare, act) in DEEDS.items():
            prepare(doer)
            with contextlib.closing(_steps(running)) as steps:
                steps.arm(0, None)
                act(doer)
                time.sleep(0.02)
                found[kind] = max(steps.counted, 1)
    return found


def _steps(running: Running) -> Steps:
    password = running.layout.store_password.read_text().strip()
    return Steps(str(running.layout.socket()), password)


def _plan(trial: Trial, steps: dict[str, int]) -> Iterator[tuple[str, str, int, float]]:
    """Kind of act, process, command after which it dies, seconds after that."""
    chance = trial.chance("kills")
    every = [(kind, who, after) for kind in DEEDS for who in PROCESSES for after in range(1, steps[kind] + 1)]
    if not trial.full:
        kinds, whose = list(DEEDS), [*PROCESSES, "store", "web worker", "gunicorn"]
        chance.shuffle(kinds)
        every = [(kind, who, chance.randint(1, steps[kind])) for kind, who in zip(kinds, whose, strict=True)]
        every = every[:SAMPLE]
    chance.shuffle(every)
    for kind, who, after in every:  # shuffled: those for which there is time are a sample
        yield kind, who, after, chance.choice((0.0, 0.0, 0.0005, 0.002))


def _strike(running: Running, doer: Doer, kind: str, who: str, after: int, pause: float) -> float | None:
    """Seconds from the kill until the act is acknowledged and the site is ready; None where the act was over before."""
    prepare, act = DEEDS[kind]
    prepare(doer)
    pid = running.pid(who)
    struck = threading.Event()

    def kill() -> None:
        running.kill(who)
        struck.set()

    steps = _steps(running)
    reviving = threading.Thread(target=_revive, args=(running, struck))
    if who == "supervisor":
        reviving.start()
    try:
        steps.arm(after, kill, pause)
        act(doer)
        struck.wait(0.2)
    finally:
        steps.close()
        if not struck.is_set() and who == "supervisor":  # it is needed for the thread to come to its end
            running.kill(who, signal.SIGKILL)
            struck.set()
        if reviving.ident is not None:
            reviving.join()
    if not struck.is_set():
        return None
    _gone(running, who, pid)
    running.wait_until_ready()
    return time.monotonic() - (steps.struck_at or time.monotonic())


def _revive(running: Running, struck: threading.Event) -> None:
    """Whoever watches over the supervisor starts it again."""
    struck.wait(60)
    running.site.process.wait(30)
    running.again()


def _gone(running: Running, who: str, pid: int) -> None:
    """Until another one is in its place."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(AssertionError, ValueError):
            if running.pid(who) != pid:
                return
        time.sleep(0.05)
    raise AssertionError(f"the {who} did not come back")
