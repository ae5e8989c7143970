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

This page is written by `python3 manage.py faults --write` of what its runs have left in `build/faults.jsonl`, and its
figures are those of these runs. `python3 manage.py faults --only NAME --seed N` strikes at the same steps again;
threads and machines differ, so not at the same instant. `--minutes N` ends each fault after about so long, with fewer
runs; `--resume` goes on with what is not there yet, or was not well.
"""
TAIL: Final = """## How to read it

*Lost* counts what had been promised and was not there or was another. *Back after* (median, longest) is the time
from the fault until an act was acknowledged again; of a process that was killed, until the act that it struck is
acknowledged and the site is ready. *Longest answer* includes refusals.

**A primary that hangs and comes back.** With `BACKOFFICE_REPLICAS=k` a 201 means that `k` replicas of the primary
have the file. Where `k` is the number of *all* replicas nothing of that is lost by a fail-over, and nothing is
taken while one of them is away. Where it is less, a primary that hung, was replaced and goes on may still have
replicas that follow it, for the second or two until Sentinel tells them: these confirm what the new primary never
gets. In three trials of some seconds with `k` = 1 of 2, 4, 18 and 64 files were lost so, and with `k` = 2 none
(`--full failover --only failover` repeats them). Who wants neither takes hosts that are not paused and continued.

A barrier counts only where the server that gives it has the commit: a new primary whose replicas would confirm what
the old one alone had is told from one that has it (503, send it again).

**A server of a cluster that does not come back.** The row of `cluster` starts the killed server again after some
seconds, as a replica. Where it stays away, its shard takes no writes until it has a replica: `min-replicas-to-write 1`,
which keeps what was acknowledged, refuses them. So have one replica more than primaries; it goes there by itself, and
has to copy the shard (`docs/scale.md`).

**Without a barrier** (renaming, deleting, editing; and everything on a cluster without a level of replicas) an
answer says that the primary has it. What it had acknowledged in the moment before it is lost may be gone; then its
event is, too.

**Uploads under way** promise less than a 201. After a cut of power a chunk that was answered with 200 may be missing
where bytes lie in a directory, whose names are synced when the upload is completed: who completes it is told which
chunks to send again. Until then `fsck` calls them "noted and not there". Where the web process died while it completed
an upload, the client is told that it is being completed (409, `completing`) until that process's lease has ended, a
minute at most. Where the store hung meanwhile, the lease is given back as soon as the store answers.

**A network that is cut** tells nobody. Each connection to the lost primary waits five seconds for its answer before
the site asks the sentinels anew, so on the side of the majority it takes longer until work goes on than where a server
dies, which closes its connections.

**Rows that begin with …** do what the row above them says: the two ways out of a damaged log. What `--fix` cuts off is
lost; a backup has all up to its moment.

## Whether the judgement can fail

Some of what the rows rest on was taken away by hand, once each, to see that it is noticed:

| taken away | noticed by |
| --- | --- |
| the sync of directories before a 201 (`FileChunks.barrier`) | `power-bytes`: `fsck` misses 89 chunks |
| what becomes of a sync that fails (`Disk.write`) | `sync`: a file was not synced, and got its name |
| waiting for replicas | `failover`: 35 of 206 acts lost, 1 of 17 |
| the note that a restore is under way | `commands`: it would start on half of it |

Not taken away so: what the rows of `memory`, of the store's clock, and of chunks that are encrypted rest on.

Others were found broken as they were, and mended: the commands that `up` printed for a damaged log; a site behind
Sentinel that asked a sentinel on a vanished host again and again; 500 where a primary had lost its replicas; chunks
without a record after the fail-over of a cluster.

## What was not tried

- Loss of a host with its disk (what a backup is for), file systems other than this machine's, network file systems
  below `BACKOFFICE_CHUNKS=file:`. What a file system may do at a power cut with bytes in a directory is taken from
  POSIX, by the calls that were made; no disk was really cut off.
- Disks that lie about a sync: that says it is done, and is not.
- A network that delays (`tc netem`, which the kernel here does not have): a slow line that loses packets was tried.
- Partitions of a cluster by namespaces: there servers were killed and stopped (`cluster`).
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
        if one.minutes is not None and one.seconds > one.minutes * 60:
            form += f", ended after {one.minutes:g} min"
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
