"""`manage.py mutations [ITEM…]`: whether the tests that docs/security.md names notice that a control is gone.

Each mutation is made in a copy of the project, and the test that it names has to fail there. A failure of something
else (code that cannot be imported, a fixture) is no proof. Before that the same tests pass in the copy as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from xml.etree import ElementTree as ET

from tests.mutations.catalogue import HERE, DoesNotApply, Mutation, load, mutated

ROOT = HERE.parents[1]
LIMIT_SECONDS = 180
"""For one test with all its parameters."""
STUCK_SECONDS = 40
"""For one test with one of them: without what ends a wait it waits for ever, and that is a failure."""
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "var", "build", "dist", "node_modules", "out", "secrets")
NOT_NEEDED = ("-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:anyio")
"""Plugins that no named test wants; loading them takes longer than most of these tests."""

_running: set[subprocess.Popen[bytes]] = set()

KILLED, SURVIVED, BROKEN, STALE, LATE = "killed", "SURVIVED", "NO ANSWER", "DOES NOT APPLY", "TOO SLOW"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`said`: what to show of a run that proves nothing."""

    outcome: str
    seconds: float
    said: str = ""


def main(argv: Sequence[str], root: Path = ROOT, directory: Path = HERE) -> int:
    """The exit status: 0 where every mutation asked for was killed."""
    asked = _arguments(argv)
    wanted = [one for one in load(directory) if not asked.items or set(one.items) & set(asked.items)]
    if unknown := set(asked.items).difference(*(one.items for one in wanted)):
        print(f"No mutation is for {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    began = time.monotonic()
    with copies(root, asked.jobs) as free:
        if not asked.only_mutated and (said := _as_they_are(free, wanted)):
            print(f"{said}\nThese fail without a mutation already: nothing can be shown by them.", file=sys.stderr)
            return 1
        print(f"{'item':18} {'outcome':14} {'seconds':>7}  without")
        outcomes = [_show(mutation, verdict) for mutation, verdict in verdicts(free, wanted)]
    killed, items = outcomes.count(KILLED), {item for one in wanted for item in one.items}
    seconds = time.monotonic() - began
    print(f"{len(outcomes)} mutations for {len(items)} items in {seconds:.0f} s:", end=" ")
    print(f"{killed} killed, {len(outcomes) - killed} not.")
    return 0 if killed == len(outcomes) else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py mutations", description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("items", nargs="*", metavar="ITEM", help="of docs/security.md, as S1; all of them if none")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are tried side by side (2)")
    parser.add_argument("--only-mutated", action="store_true", help="do not run the tests on the copy as it is first")
    return parser.parse_args(list(argv))


@contextlib.contextmanager
def copies(root: Path, count: int) -> Iterator[SimpleQueue[Path]]:
    """So many copies of the project, in a queue from which each run takes one."""
    free: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="mutations-") as directory:
        for number in range(max(1, count)):
            copy = Path(directory, str(number))
            shutil.copytree(root, copy, ignore=LEFT_OUT)
            if (root / ".venv").exists():  # tests start programs with it
                (copy / ".venv").symlink_to((root / ".venv").resolve())
            free.put(copy)
        yield free


def verdicts(free: SimpleQueue[Path], mutations: Iterable[Mutation]) -> Iterator[tuple[Mutation, Verdict]]:
    """One after the other, as they were given."""
    wanted = list(mutations)

    def judged(mutation: Mutation) -> Verdict:
        copy = free.get()
        try:
            return judge(mutation, copy)
        finally:
            free.put(copy)

    pool = ThreadPoolExecutor(free.qsize())
    try:
        yield from zip(wanted, pool.map(judged, wanted), strict=True)
    finally:  # Ctrl-C does not reach what runs in sessions of its own
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list(_running):
            _end(process)
        pool.shutdown()


def judge(mutation: Mutation, copy: Path) -> Verdict:
    """What became of the named test, in the mutated copy; which is then as it was."""
    began = time.monotonic()
    try:
        with mutated(mutation, copy):
            outcome, said = run([mutation.test], copy)
    except DoesNotApply as error:
        return Verdict(STALE, 0.0, str(error))
    return Verdict(outcome, time.monotonic() - began, "" if outcome == KILLED else said)


def run(tests: Sequence[str], copy: Path, limit: float = LIMIT_SECONDS) -> tuple[str, str]:
    """Run `tests` in `copy`: KILLED where one of them failed by itself, and the end of what pytest said."""
    with tempfile.TemporaryDirectory() as directory:
        report, said = Path(directory, "report.xml"), Path(directory, "said")
        options = ["-q", "-x", "-p", "no:cacheprovider", *NOT_NEEDED, f"--timeout={STUCK_SECONDS}"]
        options += ["--tb=short", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in tests)]
        with said.open("wb") as output:
            status = _status(command, copy, output.fileno(), limit)
        text = said.read_text("utf-8", "replace")[-2000:]
        if status is None:
            return LATE, text
        if status == 0:
            return SURVIVED, text
        failed = report.exists() and any(True for _ in ET.parse(report).iter("failure"))  # noqa: S314 -- pytest's own
        return (KILLED if failed else BROKEN), text


def _status(command: Sequence[str], copy: Path, output: int, limit: float) -> int | None:
    """The exit status; None after `limit` seconds, with all that the command has started gone."""
    # Of the caller's Python nothing but the interpreter: the copy has to be what is imported.
    environ = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "CI"}}
    with subprocess.Popen(
        command, cwd=copy, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    ) as process:
        _running.add(process)
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return None
        finally:
            _running.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _as_they_are(free: SimpleQueue[Path], mutations: Iterable[Mutation]) -> str:
    """What pytest says of tests that fail without a mutation, "" where all pass."""
    tests = list(dict.fromkeys(one.test for one in mutations))
    copy = free.get()
    outcome, said = run(tests, copy, LIMIT_SECONDS + 10 * len(tests))
    free.put(copy)
    return "" if outcome == SURVIVED else said


def _show(mutation: Mutation, verdict: Verdict) -> str:
    print(f"{mutation.item:18} {verdict.outcome:14} {verdict.seconds:7.1f}  {mutation.without}", flush=True)
    if verdict.outcome != KILLED:
        print(f"    {mutation.test}\n" + "".join(f"    {line}\n" for line in verdict.said.splitlines()[-12:]), end="")
    return verdict.outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
