"""`manage.py faults`: injects every fault of the table, judges, and tells. What it finds of each goes into a file at
once (`results.py`); with `--resume` those that are in there are left out, and with `--write` docs/reliability.md is
made of it.

The bounded form takes a sample of each; `--full` all of it. The same seed strikes at the same places.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.report import write
from tests.faults.results import Found, Watch, keep, kept
from tests.faults.table import FAULTS, part
from tests.faults.trial import Fault, NotTried, Row, Trial

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "reliability.md"
RESULTS = ROOT / "build" / "faults.jsonl"
SEED = 1


def main(argv: Sequence[str]) -> int:
    """The exit status: 0 where nothing was lost and nothing was found."""
    asked = _arguments(argv)
    unknown = {*asked.only, *(asked.full or ())} - FAULTS.keys()
    if unknown:
        print(f"No fault is called {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}.", file=sys.stderr)
        return 2
    failed = [name for name in _wanted(asked) if not _try(name, asked)]
    if asked.write:
        found = kept(asked.results)
        write(TARGET, [found[name] for name in FAULTS if name in found])
    return 1 if failed else 0


def _wanted(asked: argparse.Namespace) -> Iterator[str]:
    wanted = asked.only or part(*asked.part)
    there = kept(asked.results) if asked.resume else {}
    for name in FAULTS:
        if name not in wanted:
            continue
        before = there.get(name)
        same = before is not None and (before.full, before.seed) == (_full(name, asked), asked.seed)
        if before is not None and same and all(row.good for row in before.rows):
            print(f"as before  {name}: of {before.date}", flush=True)
            continue
        yield name


def _full(name: str, asked: argparse.Namespace) -> bool:
    return asked.full is not None and (not asked.full or name in asked.full)


def _try(name: str, asked: argparse.Namespace) -> bool:
    """Whether all is well."""
    watch, full = Watch(), _full(name, asked)
    rows = tried(name, FAULTS[name], seed=asked.seed, full=full, minutes=asked.minutes)
    for row in rows:
        _tell(row)
    found: Found = watch.found(name, rows, full=full, seed=asked.seed, minutes=asked.minutes)
    keep(asked.results, found)
    print(f"           {name} took {found.seconds:.0f} s", flush=True)
    return all(row.good for row in rows)


def tried(name: str, fault: Fault, *, seed: int, full: bool, minutes: float | None = None) -> list[Row]:
    """The rows of a fault; one that says so where it could not be tried, or broke off. `minutes`: after which no
    further run of it is begun."""
    until = time.monotonic() + minutes * 60 if minutes is not None else None
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        found: list[Row] = []
        try:
            for row in fault(Trial(Path(directory), seed, full, until)):
                found.append(row)  # noqa: PERF402 - those before one that breaks off count
        except NotTried as reason:
            print(f"!!!! NOT TRIED !!!! {name}: {reason}", file=sys.stderr, flush=True)
            found.append(Row(name, not_tried=str(reason)))
        except Exception:  # noqa: BLE001 - the others are worth knowing
            found.append(Row(name, problems=[traceback.format_exc()]))
        return found


def _tell(row: Row) -> None:
    if row.not_tried:
        print(f"NOT TRIED  {row.fault}: {row.not_tried}", flush=True)
        return
    word = "ok" if row.good else "FAILED"
    worst = f", back after {max(row.recovered):.1f} s at most" if row.recovered else ""
    print(f"{word:<9}  {row.fault}: {row.runs} runs, {row.acknowledged} acts, {row.lost} lost{worst}", flush=True)
    for problem in () if row.good else row.problems[:20]:
        print(f"           {problem}", flush=True)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py faults", description="Inject faults and judge what is left.")
    parser.add_argument(
        "--full", nargs="*", metavar="FAULT", help="all of each fault, or of these, not a sample (all: an hour or more)"
    )
    parser.add_argument(
        "--minutes", type=float, metavar="N", help="no further run of a fault is begun when it has taken so long"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="FILE", help="where what is found goes  [build/faults.jsonl]"
    )
    parser.add_argument("--resume", action="store_true", help="leave out what is well in there, of this form and seed")
    parser.add_argument("--seed", type=int, default=SEED, help="where the faults strike")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAULT", help="; ".join(FAULTS))
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="N/M", help="the N-th of M parts of them")
    parser.add_argument("--write", action="store_true", help="make docs/reliability.md of what is in there")
    return parser.parse_args(argv)


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not 1 <= int(number) <= int(parts):
        raise ValueError(text)
    return int(number), int(parts)
