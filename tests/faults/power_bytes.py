"""Power is cut, with the bytes of files in a directory: what had been synced there at that moment, and of the store's
log, is what there is for certain (`durable.py`).

`strace` tells what each thread of web processes, worker and store did with files, and when. At some moments the
directory is made as it may then be, a store is started on its log up to its last sync, and both have to have all that
clients had been told by then.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.durable import CALLS, Call, Durable, read_calls
from tests.faults.load import under_load
from tests.faults.power import TORN, Moment, Remembering, cut
from tests.faults.sites import Running
from tests.faults.tracer import attached
from tests.faults.trial import NotTried, Row, Trial
from tests.support.servers import descendants

KINDS = ("PUT", "chunk upload", "batch", "replace content", "purge", "tus")
SHARES = (0.0, 0.5, 0.0, 1.0)
"""Of the changes that are not certain those that are there all the same, cut by cut."""
GRAVES = """import os
_link, _replace = os.link, os.replace
_graves = os.environ["FAULTS_GRAVES"]
def _too(does):
    def done(source, target, **more):
        if str(source).startswith("tmp/"):
            place = os.path.join(_graves, os.path.basename(source))
            if not os.path.exists(place):
                _link(source, place, src_dir_fd=more.get("src_dir_fd"), follow_symlinks=False)
        return does(source, target, **more)
    return done
os.link, os.replace = _too(_link), _too(_replace)
"""
"""What each Python of the site runs first: each file that gets its name gets one more elsewhere, so that its bytes are
there when it has gone."""


def power_cuts_with_bytes(trial: Trial) -> Iterator[Row]:
    row = Row("Power is cut, bytes in a directory: names and bytes that were not synced are lost, or some are not")
    if shutil.which("strace") is None:
        raise NotTried("there is no strace here (Debian: apt install strace)")
    place = trial.place("power-bytes")
    environ = _prepared(place)
    oracle = Remembering()
    running = Running.start(place / "data", environ, oracle)
    try:
        [log] = (running.layout.store / "appendonlydir").glob("*.incr.aof")
        watched = [running.pid("store"), running.pid("worker"), *descendants(running.pid("gunicorn"))]
        shutil.copytree(place / "bytes", place / "before")
        with traced(watched, place):
            begin = log.stat().st_size
            url, token = running.client.url, running.client.token
            with under_load([url], token, oracle, f"y{trial.seed}", KINDS) as load:
                time.sleep(8.0 if trial.full else 4.0)
            row.problems += load.failures
    finally:
        running.site.close()
    calls = read_calls(place, "calls")
    durable = Durable(place / "bytes", place / "before", place / "graves", calls)
    chance = trial.chance("power-bytes")
    syncs = [moment for moment in moments(calls, log, begin) if oracle.tale and moment.until > oracle.tale[0][0]]
    chosen = sorted(chance.sample(syncs, min(100 if trial.full else 10, len(syncs))), key=lambda one: one.until)
    for number, moment in enumerate(chosen):
        if number and not trial.goes_on:
            break
        durable.go_to(moment.until)
        left = trial.place(f"left-{number}")
        durable.write(left, chance, SHARES[number % len(SHARES)])
        cut(row, trial.place(f"cut-{number}"), log, moment, oracle, token, chance, left)
        shutil.rmtree(left)
    row.note = f"{len(syncs)} syncs of the log, {oracle.acknowledged} acts acknowledged in all; counted before each cut"
    yield row


def _prepared(place: Path) -> dict[str, str]:
    """What the site is given."""
    for name in ("early", "graves", "bytes"):
        (place / name).mkdir()
    (place / "early" / "sitecustomize.py").write_text(GRAVES)
    return {
        "PYTHONPATH": str(place / "early"),
        "FAULTS_GRAVES": str(place / "graves"),
        "BACKOFFICE_CHUNKS": f"file:{place / 'bytes'}",
    }


@contextlib.contextmanager
def traced(pids: Sequence[int], place: Path) -> Iterator[None]:
    """What these processes do with files is written to `calls.*` there."""
    options = ["-ff", "-ttt", "-T", "-y", "-s", "0", "-e", f"trace={CALLS}", "-o", str(place / "calls")]
    with attached(options, pids, place / "said"):
        yield


def moments(calls: Sequence[Call], log: Path, begin: int) -> Iterator[Moment]:
    """When each sync of the log ends, how long it certainly is: until the next one ends."""
    length, synced = begin, 0
    for call in calls:
        if call.paths != (str(log),):
            continue
        if call.name == "write":
            length += call.result
        elif call.name in {"fsync", "fdatasync"}:
            if synced:
                yield Moment(synced, call.began, min(length - synced, TORN))
            synced = length
