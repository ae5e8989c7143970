"""`python -m benchmarks`: measures, prints, and writes tables and plots. `manage.py bench` calls it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import (
    admin,
    backup,
    busy,
    encryption,
    hostile,
    identities,
    large,
    listing,
    memory,
    page,
    pages,
    peers,
    report,
    scale,
    small,
    start,
    transfer,
    tus,
    zipped,
)
from benchmarks.http import Refused
from benchmarks.plan import Part, Plan
from benchmarks.site import Failed

PARTS: Mapping[str, Callable[[Plan], list[Part]]] = {
    "transfer": transfer.measure,
    "peers": peers.measure,
    "large": large.measure,
    "memory": memory.measure,
    "listing": listing.measure,
    "small": small.measure,
    "pages": pages.measure,
    "admin": admin.measure,
    "busy": busy.measure,
    "hostile": hostile.measure,
    "identities": identities.measure,
    "start": start.measure,
    "tus": tus.measure,
    "zip": zipped.measure,
    "backup": backup.measure,
    "page": page.measure,
    "encryption": encryption.measure,
    "scale": scale.measure,
}
EARLIER_NAMES = {"slow": "hostile"}
PEERS = {"peers", "large", "small", "admin", "scale"}
"""These install other servers, or take a quarter of an hour, so they are measured only where they are asked for."""


def main(argv: Sequence[str]) -> int:
    """0 when every goal is met, 1 when one is missed, 2 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small amounts: to see that it works")
    parser.add_argument(
        "--peers", action="store_true", help="also the parts that install other servers to compare with"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out"), help="where results go")
    parser.add_argument(
        "--only", type=_parts, action="extend", metavar="PART,…", help=f"only these parts, of {', '.join(PARTS)}"
    )
    asked = parser.parse_args(argv)
    chosen = asked.only or [name for name in PARTS if name not in PEERS or asked.peers]
    out = asked.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    # On the disk that the results go to: a temporary folder may be memory, and then no level means anything.
    scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=out))
    plan = Plan(out, scratch, quick=asked.quick, peers=asked.peers, say=lambda line: print(line, flush=True))
    parts: list[Part] = []
    try:
        for name in chosen:
            parts += PARTS[name](plan)
            # So that a run that is stopped leaves what it has.
            report.write(plan, parts)
    except (Failed, Refused) as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        if parts:
            print(f"\n{report.write(plan, parts).read_text('utf-8')}")
            print(f"Results: {out}")
        shutil.rmtree(scratch, ignore_errors=True)
    return 0 if all(goal.met for part in parts for goal in part.goals) else 1


def _parts(text: str) -> list[str]:
    names = [EARLIER_NAMES.get(name, name) for name in text.split(",")]
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
