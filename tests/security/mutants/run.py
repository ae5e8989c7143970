"""`manage.py mutations [ITEM…]`: whether the tests that docs/security.md names notice that a control is gone.

Each mutation is made in a copy of the project, and the test that it names has to fail there. A failure of something
else (code that cannot be imported, a fixture) is no proof. Of controls that stand in for each other all are taken away
at once, and then each alone, which nobody must notice. Before that the same tests pass in the copy as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.security.mutants import forked
from tests.security.mutants.catalogue import HERE, DoesNotApply, Mutation, load, mutated, part_of

ROOT = HERE.parents[2]
LIMIT_SECONDS = 180
"""For one test with all its parameters."""
BETWEEN_LOOKS_SECONDS = 0.02
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "var", "build", "dist", "node_modules", "out", "secrets")

KILLED, SURVIVED, BROKEN, STALE, LATE = "killed", "SURVIVED", "NO ANSWER", "DOES NOT APPLY", "TOO SLOW"
ENOUGH, NEEDED = "redundant", "NOT REDUNDANT"
GOOD = {KILLED, ENOUGH}


@dataclass(frozen=True, slots=True)
class Trial:
    """`alone`: one of several redundant controls is away, and the test has to pass."""

    mutation: Mutation
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`said`: what to show of a run that proves nothing."""

    outcome: str
    seconds: float
    said: str = ""


def main(argv: Sequence[str], root: Path = ROOT, directory: Path = HERE) -> int:
    """The exit status: 0 where every mutation asked for was killed, and what is called redundant is so."""
    asked = _arguments(argv)
    every = load(directory)
    wanted = [one for one in part_of(every, *asked.part) if not asked.items or set(one.items) & set(asked.items)]
    if unknown := set(asked.items).difference(*(one.items for one in every)):
        print(f"No mutation is for {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    began = time.monotonic()
    if asked.part != (1, 1):
        number, of = asked.part
        print(
            f"Part {number} of {of}: {len(wanted)} of {len(every)} mutations (manage.py mutations --part {number}/{of})"
        )
    forked.import_libraries()
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        copies = _copies(root, Path(scratch), asked.jobs)
        if not asked.only_mutated and (said := _as_they_are(copies, wanted)):
            print(f"{said}\nThese fail without a mutation already: nothing can be shown by them.", file=sys.stderr)
            return 1
        print(f"{'item':18} {'outcome':14} {'seconds':>7}  without")
        trials = [trial for one in wanted for trial in (Trial(one), *(Trial(each, alone=True) for each in one.alone()))]
        outcomes = [(trial, _show(trial, verdict)) for trial, verdict in verdicts(copies, trials)]
    killed = sum(outcome == KILLED for _, outcome in outcomes)
    items = {item for one in wanted for item in one.items}
    print(f"{len(wanted)} mutations for {len(items)} items in {time.monotonic() - began:.0f} s:", end=" ")
    print(f"{killed} killed, {len(wanted) - killed} not.")
    return 0 if all(outcome in GOOD for _, outcome in outcomes) else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py mutations", description=(__doc__ or "").partition("\n")[2])
    parser.add_argument("items", nargs="*", metavar="ITEM", help="of docs/security.md, as S1; all of them if none")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="N/M", help="only the Nth of M parts, as 3/10")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are tried side by side (2)")
    parser.add_argument("--only-mutated", action="store_true", help="do not run the tests on the copy as it is first")
    return parser.parse_args(list(argv))


def _part(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no part, as 3/10 is")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True)
class Copy:
    """Of the project, with a directory for what a run writes. The path is short: sockets are made below it."""

    root: Path
    scratch: Path


def _copies(root: Path, directory: Path, count: int) -> list[Copy]:
    made = [Copy(directory / f"{number}", directory / f"s{number}") for number in range(max(1, count))]
    for copy in made:
        shutil.copytree(root, copy.root, ignore=LEFT_OUT)
        copy.scratch.mkdir()
        if (root / ".venv").exists():  # tests start programs with it
            (copy.root / ".venv").symlink_to((root / ".venv").resolve())
    return made


@dataclass(frozen=True, slots=True)
class _Going:
    """A trial in a copy; `undo` puts the copy's files back."""

    trial: Trial
    copy: Copy
    run: forked.Run
    undo: contextlib.ExitStack


def verdicts(copies: Sequence[Copy], trials: Sequence[Trial]) -> Iterator[tuple[Trial, Verdict]]:
    """As they come, in as many copies at once as there are."""
    waiting, free = deque(trials), list(copies)
    going: list[_Going] = []
    try:
        while waiting or going:
            while waiting and free:
                trial = waiting.popleft()
                try:
                    going.append(_begin(trial, free[-1]))
                    free.pop()
                except DoesNotApply as error:
                    yield trial, Verdict(STALE, 0.0, str(error))
            time.sleep(BETWEEN_LOOKS_SECONDS)
            for one, status in [(one, status) for one in going if (status := forked.status(one.run)) is not None]:
                going.remove(one)
                one.undo.close()
                free.append(one.copy)
                yield one.trial, _verdict(one, status)
    finally:
        for one in going:
            forked.stop(one.run)


def _begin(trial: Trial, copy: Copy) -> _Going:
    with contextlib.ExitStack() as undo:
        undo.enter_context(mutated(trial.mutation, copy.root))
        test, only = trial.mutation.test, trial.mutation.only
        run = forked.start([test], copy.root, copy.scratch, LIMIT_SECONDS, only)
        return _Going(trial, copy, run, undo.pop_all())


def _verdict(one: _Going, status: int) -> Verdict:
    outcome = {forked.PASSED: SURVIVED, forked.FAILED: KILLED, forked.LATE: LATE}.get(status, BROKEN)
    if one.trial.alone:
        outcome = {SURVIVED: ENOUGH, KILLED: NEEDED}.get(outcome, outcome)
    return Verdict(outcome, time.monotonic() - one.run.began, "" if outcome in GOOD else one.run.said)


def _as_they_are(copies: Sequence[Copy], mutations: Sequence[Mutation]) -> str:
    """What pytest says of tests that fail without a mutation, "" where all pass. Those of a file run together."""
    shares: dict[tuple[str, str], set[str]] = {}
    for one in mutations:
        shares.setdefault((one.test.partition("::")[0], one.only), set()).add(one.test)
    waiting, free, said = deque(shares.items()), list(copies), ""
    going: list[tuple[Copy, forked.Run]] = []
    try:
        while waiting or going:
            while waiting and free:
                (_, only), tests = waiting.popleft()
                copy, limit = free.pop(), LIMIT_SECONDS + 10 * len(tests)
                going.append((copy, forked.start(sorted(tests), copy.root, copy.scratch, limit, only)))
            time.sleep(BETWEEN_LOOKS_SECONDS)
            for pair, status in [(pair, status) for pair in going if (status := forked.status(pair[1])) is not None]:
                going.remove(pair)
                free.append(pair[0])
                said += "" if status == forked.PASSED else pair[1].said
    finally:
        for _, run in going:
            forked.stop(run)
    return said


def _show(trial: Trial, verdict: Verdict) -> str:
    without = f"only {trial.mutation.without}" if trial.alone else trial.mutation.without
    print(f"{trial.mutation.item:18} {verdict.outcome:14} {verdict.seconds:7.1f}  {without}", flush=True)
    if verdict.outcome not in GOOD:
        said = "".join(f"    {line}\n" for line in verdict.said.splitlines()[-12:])
        print(f"    {trial.mutation.test}\n{said}", end="")
    return verdict.outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
