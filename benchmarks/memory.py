"""How much a web worker's memory grows while a lot goes through it, by every door and in every size of chunk."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backoffice.settings import Settings
from benchmarks.doors import CONNECTIONS, Content, Send, download, form, in_json, raw, upload_chunks, upload_whole
from benchmarks.plan import MIB, Bars, Goal, Part, Plan
from benchmarks.site import Site, running
from benchmarks.transfer import settle

MOST = 32
"""MiB that a worker may grow."""

Door = Callable[[Site, Content], tuple[str, int]]
"""Uploads the content; the file's id and its number of chunks."""


@dataclass(frozen=True, slots=True)
class Grown:
    """MiB: what a worker had before, and the most it had meanwhile."""

    before: float
    peak: float


def chunked(size: int, send: Send) -> Door:
    def door(site: Site, content: Content) -> tuple[str, int]:
        return upload_chunks(site, content, size, send=send), content.count(size)

    return door


def doors() -> dict[str, Door]:
    """All forms of chunks in all sizes, up to the largest that the site takes unless told otherwise, and one body."""
    most = Settings().max_chunk_size
    sizes = [size for size in (MIB // 4, MIB, 2 * MIB, 4 * MIB, 8 * MIB) if size < most] + [most]
    found = {f"chunks of {size // 1024:,} KiB, raw": chunked(size, raw) for size in sizes}
    found |= {f"chunks of {size // 1024:,} KiB, form": chunked(size, form) for size in (MIB, most)}
    found["chunks of 1,024 KiB, JSON"] = chunked(MIB, in_json)
    return found | {"one body": one_body}


def measure(plan: Plan) -> list[Part]:
    part = Part(
        "Memory of a web worker",
        f"{plan.grown // MIB} MiB up over {CONNECTIONS} connections (the one body: over one) and down over as many, "
        "with fresh workers for every door. Peak resident memory as the kernel counts it, of the worker that grew "
        "most.",
        ("door", "before", "peak, upload", "peak, download", "growth"),
    )
    growth: dict[str, float] = {}
    for name, door in doors().items():
        plan.say(f"Memory: {name}")
        # Without a log on disk, twice the bytes do not go there for nothing.
        with running(plan.scratch / f"memory-{len(growth)}", "memory") as site:
            up, down = _through(site, door, plan.grown)
        growth[name] = max(up.peak, down.peak) - up.before
        part.rows.append(
            [name, f"{up.before:.0f} MiB", f"{up.peak:.0f} MiB", f"{down.peak:.0f} MiB", f"{growth[name]:.0f} MiB"]
        )
        part.goals.append(Goal(f"growth of a web worker, {name}", growth[name], MOST, at_most=True, unit=" MiB"))
    part.figures = {"growth in MiB": growth}
    part.charts.append(Bars("memory", "Growth of a web worker", "MiB", growth, frozenset(growth)))
    return [part]


def one_body(site: Site, content: Content) -> tuple[str, int]:
    return upload_whole(site, content, MIB)


def warm(site: Site, door: Door = one_body) -> None:
    """Something small: what is loaded on first use is no growth. Often enough that every worker had its turn."""
    for _ in range(8):
        file_id, _ = door(site, Content(memoryview(os.urandom(MIB)), 1000))
        download(site, file_id, CONNECTIONS, CONNECTIONS)


def _through(site: Site, door: Door, total: int) -> tuple[Grown, Grown]:
    pool = memoryview(os.urandom(16 * MIB))
    warm(site, door)
    workers = site.web_workers()
    before = {pid: resident(pid) for pid in workers}
    _forget_peak(workers)
    file_id, chunks = door(site, Content(pool, total))
    up = {pid: Grown(before[pid], _peak(pid)) for pid in workers}
    settle(site, file_id)
    _forget_peak(workers)
    download(site, file_id, CONNECTIONS, CONNECTIONS)
    down = {pid: Grown(before[pid], _peak(pid)) for pid in workers}
    site.free(file_id, chunks)
    worst = max(workers, key=lambda pid: max(up[pid].peak, down[pid].peak) - before[pid])
    return up[worst], down[worst]


class Watched:
    """The web workers of a site, from now on. They should have answered something before."""

    def __init__(self, site: Site) -> None:
        self._before = {pid: resident(pid) for pid in site.web_workers()}
        _forget_peak(list(self._before))

    @property
    def growth(self) -> float:
        """MiB by which the one has grown that grew most, at its peak."""
        return max(_peak(pid) - before for pid, before in self._before.items())


def _forget_peak(pids: list[int]) -> None:
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pid: int) -> float:
    return _status(pid, "VmHWM")


def resident(pid: int) -> float:
    """MiB."""
    return _status(pid, "VmRSS")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"{name} of process {pid}")
