"""`manage.py faults`: injects every fault of the table, judges, and tells. With `--write` it makes docs/reliability.md
anew.

The bounded form takes a sample of each; `--full` all of it. The same seed strikes at the same places.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.faults.report import write
from tests.faults.table import FAULTS
from tests.faults.trial import Fault, NotTried, Row, Trial

TARGET = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
SEED = 1


def main(argv: Sequence[str]) -> int:
    """The exit status: 0 where nothing was lost and nothing was found."""
    asked = _arguments(argv)
    unknown = {*asked.only, *(asked.full or ())} - FAULTS.keys()
    if unknown:
        print(f"No fault is called {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}.", file=sys.stderr)
        return 2
    number, parts = asked.part
    wanted = asked.only or list(FAULTS)[number - 1 :: parts]
    began, rows = time.monotonic(), dict[str, list[Row]]()
    for name, fault in FAULTS.items():
        if name not in wanted:
            continue
        full = asked.full is not None and (not asked.full or name in asked.full)
        rows[name] = list(tried(name, fault, seed=asked.seed, full=full))
        for row in rows[name]:
            _tell(row)
    if asked.write:
        write(TARGET, rows, command=" ".join(["python3 manage.py faults", *argv]), seconds=time.monotonic() - began)
    return 0 if all(row.good for found in rows.values() for row in found) else 1


def tried(name: str, fault: Fault, *, seed: int, full: bool) -> list[Row]:
    """The rows of a fault; one that says so where it could not be tried, or broke off."""
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        found: list[Row] = []
        try:
            found += fault(Trial(Path(directory), seed, full))
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
    parser.add_argument("--seed", type=int, default=SEED, help="where the faults strike")
    parser.add_argument("--only", nargs="+", default=[], metavar="FAULT", help="; ".join(FAULTS))
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="N/M", help="the N-th of M parts of them")
    parser.add_argument("--write", action="store_true", help="make docs/reliability.md anew")
    return parser.parse_args(argv)


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not 1 <= int(number) <= int(parts):
        raise ValueError(text)
    return int(number), int(parts)
