"""A disk that says once that it could not sync, and then that it could: what was written before may be lost all the
same, so nobody may be told that it is safe."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.load import under_load
from tests.faults.sites import Running
from tests.faults.trial import NotTried, Row, Trial
from tests.support.servers import descendants, wait_for

KINDS = ("PUT", "chunk upload", "batch", "replace content", "tus")


def failing_syncs(trial: Trial) -> Iterator[Row]:
    """Of the store, whose process ends then and is started again on its log; and of web processes that have bytes in a
    directory, which answer 503."""
    if shutil.which("strace") is None:
        raise NotTried("there is no strace here (Debian: apt install strace)")
    yield _failing(trial, "store", "A sync of the store's log fails once (EIO)")
    yield _failing(trial, "web", "A sync of each thread of the web processes fails once, bytes in a directory")


def _failing(trial: Trial, who: str, what: str) -> Row:
    row = Row(what)
    place = trial.place(f"syncs-{who}")
    environ = {"BACKOFFICE_CHUNKS": f"file:{place / 'bytes'}"} if who == "web" else {}
    running = Running.start(place / "data", environ)
    try:
        for number in trial.rounds(5):
            pids = [running.pid("store")] if who == "store" else sorted(descendants(running.pid("gunicorn")))
            seed, nth = f"i{trial.seed}.{who}.{number}", trial.chance(f"{who} {number}").randint(3, 12)
            with under_load([running.client.url], running.client.token, running.oracle, seed, KINDS) as load:
                with failing(pids, place, nth if who == "store" else 2) as calls:
                    time.sleep(3.0)
                failed = time.monotonic()
                time.sleep(3.0)
            row.problems += [] if "EIO" in calls.read_text() else ["no sync has failed"]
            row.recovered.append(load.first_after(failed))
            row.slowest = max(row.slowest or 0, load.slowest)
            row.problems += load.failures
            row.note = f"answers of the last run: {load.answers}"
            row.runs += 1
            running.wait_until_ready()
        running.again()
        row.count(running.judge())
    finally:
        running.site.close()
    return row


@contextlib.contextmanager
def failing(pids: Sequence[int], place: Path, nth: int) -> Iterator[Path]:
    """The n-th sync of each thread of these processes fails. Yields where each sync is told."""
    calls, said = place / "syncs", place / "said"
    command = ["strace", "-f", "-o", str(calls), "-e", "trace=fsync,fdatasync"]
    command += ["-e", f"inject=fsync,fdatasync:error=EIO:when={nth}"]
    with said.open("w+") as output:
        tracer = subprocess.Popen(
            [*command, *(word for pid in pids for word in ("-p", str(pid)))], stderr=output, stdin=subprocess.DEVNULL
        )
        try:
            wait_for(
                lambda: all(f"Process {pid} attached" in said.read_text() for pid in pids) or tracer.poll() is not None,
                "strace",
                20,
            )
            if tracer.poll() is not None:
                raise NotTried(f"strace may not look here: {said.read_text().strip()}")
            yield calls
        finally:
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
                tracer.wait(20)
