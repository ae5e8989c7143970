"""docs/reliability.md, as the command that measured writes it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.faults.trial import Row

HEAD: Final = """# Reliability

What happens to acts that were acknowledged when something goes wrong, measured: faults are injected into a site that runs as `manage.py up`
starts it (or over a Sentinel or a cluster), while clients upload in chunks, by PUT, tus and batch, replace contents, put folders into the trash, purge,
and edit users. One oracle remembers what every client was told, and judges afterwards:

- what was answered with 201 is there, byte for byte, under its identifier and its name, and once;
- the log has one entry for each act, in order; the quota is the sum of what is there; `fsck` finds nothing.

This page is written by `python3 manage.py faults --write`, and its figures are those of that run. `python3 manage.py faults --only NAME --seed N` strikes at
the same places again (threads and machines differ, so not at the same instant).
"""
TAIL: Final = """## How to read it

*Lost* counts what had been promised and was not there or was another. *Back after* is the time from the fault until an act was acknowledged again, or, of a
process that was killed, until the act that it struck is acknowledged and the site is ready; median and longest. *Longest answer* includes refusals.

**A primary that hangs and comes back.** With `BACKOFFICE_REPLICAS=k` a 201 means that the primary which has the file got word of `k` replicas. Where `k` is the number of
*all* replicas nothing of that can be lost by a fail-over, and nothing is taken while one of them is away. Where it is less, a primary that hung, was replaced and goes on may still
have replicas that follow it, for the second or two until Sentinel tells them: these confirm what the new primary never gets, and it is lost. The row that says *known* shows how much. Who
needs both takes servers that are never stopped and continued (no paused virtual machines), or `k` = all.

A barrier counts only where the server that gives it has the commit: a new primary that confirms for its replicas what only the old one had is
told from one that has it (503, send it again).

## What was not tried

- Loss of a host with its disk (what a backup is for), file systems other than this machine's, network file systems under `BACKOFFICE_CHUNKS=file:`.
- Disks that lie about a sync, or whose sync fails once and then succeeds.
- A network that loses or delays some packets: servers were stopped, continued and killed.
- Servers other than the bundled Valkey.
"""


def write(path: Path, rows: Mapping[str, Sequence[Row]], *, command: str, seconds: float) -> None:
    figures = (
        f"One run of `{command}`: {seconds / 60:.0f} minutes, {os.cpu_count()} cores that others used, too; Linux, the"
        " bundled store. Without `--full` (of all, or of those named) a sample of each was taken."
    )
    every = [row for found in rows.values() for row in found]
    lines = [
        "| `--only` | fault | runs | acts acknowledged | lost | found wrong | back after | longest answer |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_line(name, row) for name, found in rows.items() for row in found),
    ]
    notes = [f"- *{row.fault}*: {row.note}." for row in every if row.note]
    told = "\n\n".join(
        [HEAD.rstrip(), "## Figures", figures, "\n".join(lines), "\n".join(notes), _untried(every), TAIL.rstrip()]
    )
    path.write_text(told.replace("\n\n\n", "\n\n") + "\n", "utf-8")


def _line(name: str, row: Row) -> str:
    if row.not_tried:
        return f"| `{name}` | {row.fault} | **not tried** | | | | | |"
    back = sorted(row.recovered)
    after = f"{back[len(back) // 2]:.1f}, {back[-1]:.1f} s" if back else ""
    slowest = f"{row.slowest:.1f} s" if row.slowest is not None else ""
    known = " (known)" if row.expected and (row.lost or row.problems) else ""
    return (
        f"| `{name}` | {row.fault} | {row.runs} | {row.acknowledged:,} | {row.lost}{known} | {len(row.problems)}{known} |"
        f" {after} | {slowest} |"
    )


def _untried(rows: Sequence[Row]) -> str:
    left = [f"- *{row.fault}*: {row.not_tried}." for row in rows if row.not_tried]
    return "\n".join(["Not tried in this run:", "", *left]) if left else ""
