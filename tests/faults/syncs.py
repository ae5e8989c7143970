"""A disk that says once that it could not sync, and then that it could: what was written before may be lost all the
same, so nobody may be told that it is safe."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.load import under_load
from tests.faults.sites import Running
from tests.faults.tracer import attached
from tests.faults.trial import NotTried, Row, Trial
from tests.support.servers import descendants

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
            row.problems += _ignored(calls.read_text())
            if who == "store" and running.pid("store") in pids:
                row.problems.append("the store goes on, with a log of which it does not know what is safe")
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


def _ignored(calls: str) -> list[str]:
    """Files that were given their name although they could not be synced. What is not safe has none."""
    failed = re.findall(r"sync\(\d+<[^>]*/(tmp/\w+)>.* EIO", calls)
    named = [one for one in failed if f'"{one}", ' in calls]
    if "EIO" not in calls:
        return ["no sync has failed"]
    return [f"{one} was not synced, and got its name" for one in named]


@contextlib.contextmanager
def failing(pids: Sequence[int], place: Path, nth: int) -> Iterator[Path]:
    """The n-th sync of each thread of these processes fails. Yields where each sync is told."""
    calls = place / "syncs"
    options = ["-f", "-y", "-o", str(calls), "-e", "trace=fsync,fdatasync,linkat"]
    options += ["-e", f"inject=fsync,fdatasync:error=EIO:when={nth}"]
    with attached(options, pids, place / "said"):
        yield calls
