"""docs/reliability.md, as the command that measured writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.faults.results import Found
from tests.faults.trial import Row

HEAD: Final = """# Reliability

What becomes of acts that were acknowledged when something goes wrong, measured: faults are injected into a site
that runs as `manage.py up` starts it (over its own store, Sentinel or a cluster), while clients upload in chunks,
by PUT, tus and batch, replace contents, put folders into the trash, purge, and edit users. One oracle remembers
what every client was told, and judges afterwards:

- what was answered with 201 is there, byte for byte, under its identifier and its name, and once;
- the log has one entry for each act, in order; the quota is the sum of what is there; `fsck` finds nothing.

This page is written by `python3 manage.py faults --write`, and its figures are those of that run. `python3
manage.py faults --only NAME --seed N` strikes at the same steps again; threads and machines differ, so not at the
same instant.
"""
TAIL: Final = """## How to read it

*Lost* counts what had been promised and was not there or was another. *Back after* (median, longest) is the time
from the fault until an act was acknowledged again; of a process that was killed, until the act that it struck is
acknowledged and the site is ready. *Longest answer* includes refusals.

**A primary that hangs and comes back.** With `BACKOFFICE_REPLICAS=k` a 201 means that `k` replicas of the primary
have the file. Where `k` is the number of *all* replicas nothing of that is lost by a fail-over, and nothing is
taken while one of them is away. Where it is less, a primary that hung, was replaced and goes on may still have
replicas that follow it, for the second or two until Sentinel tells them: these confirm what the new primary never
gets. In two trials of some seconds with `k` = 1 of 2, 4 and 18 files were lost so, and with `k` = 2 none
(`--full failover --only failover` repeats them). Who wants neither takes hosts that are not paused and continued.

A barrier counts only where the server that gives it has the commit: a new primary whose replicas would confirm what
the old one alone had is told from one that has it (503, send it again).

**Without a barrier** (renaming, deleting, editing; and everything on a cluster without a level of replicas) an
answer says that the primary has it. What it had acknowledged in the moment before it is lost may be gone; then its
event is, too.

## What was not tried

- Loss of a host with its disk (what a backup is for), file systems other than this machine's, network file systems
  below `BACKOFFICE_CHUNKS=file:`; power cuts with bytes in a directory.
- Disks that lie about a sync, or whose sync fails once and then succeeds.
- A network that loses or delays some packets, network namespaces: servers were stopped, continued and killed.
- The store's own clock running backwards: of a jump only what it leaves was made, a log whose last id is ahead.
- Servers other than the bundled Valkey.
"""


def write(path: Path, every: Sequence[Found]) -> None:
    pairs = [(found, row) for found in every for row in found.rows]
    lines = [
        "| `--only` | fault | runs | acts acknowledged | lost | wrong | back after | longest answer |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_line(found.name, row) for found, row in pairs),
    ]
    notes = [f"- *{row.fault}*: {row.note}." for _, row in pairs if row.note]
    parts = [HEAD.rstrip(), "## Figures", _figures(every), "\n".join(lines), "\n".join(notes)]
    told = [*parts, _untried([row for _, row in pairs]), _runs(every), TAIL.rstrip()]
    path.write_text("\n\n".join(part for part in told if part) + "\n", "utf-8")


def _figures(every: Sequence[Found]) -> str:
    minutes = sum(found.seconds for found in every) / 60
    dates = sorted(found.date for found in every)
    return (
        f"{minutes:.0f} minutes in all, begun between {dates[0]} and {dates[-1]} UTC on {every[0].cores} cores that"
        " others used, too; Linux, the bundled store. When each was tried, with which seed and beside what load, stands"
        " below."
    )


def _runs(every: Sequence[Found]) -> str:
    lines = [
        "## Runs",
        "",
        "| `--only` | form | seed | begun (UTC) | took | load average |",
        "| --- | --- | ---: | --- | ---: | ---: |",
    ]
    for one in every:
        form = "full" if one.full else "a sample"
        lines.append(f"| `{one.name}` | {form} | {one.seed} | {one.date} | {one.seconds:.0f} s | {one.load:.1f} |")
    return "\n".join(lines)


def _line(name: str, row: Row) -> str:
    if row.not_tried:
        return f"| `{name}` | {row.fault} | **not tried** | | | | | |"
    back = sorted(row.recovered)
    after = f"{back[len(back) // 2]:.1f}, {back[-1]:.1f} s" if back else ""
    slowest = f"{row.slowest:.1f} s" if row.slowest is not None else ""
    known = " (known)" if row.expected and (row.lost or row.problems) else ""
    wrong = f"{len(row.problems)}{known}"
    figures = (row.runs, f"{row.acknowledged:,}", f"{row.lost}{known}", wrong, after, slowest)
    return f"| `{name}` | {row.fault} | {' | '.join(map(str, figures))} |"


def _untried(rows: Sequence[Row]) -> str:
    left = [f"- *{row.fault}*: {row.not_tried}." for row in rows if row.not_tried]
    return "\n".join(["Not tried in this run:", "", *left]) if left else ""
