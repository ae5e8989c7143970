"""A backup and a restore of very many small files, once: how long they take, and how much memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import xxhash

from backoffice.domain.files import File
from backoffice.domain.uploads import Chunk
from backoffice.settings import Settings
from backoffice.stores.client import Command, Db
from backoffice.stores.keys import Keys
from benchmarks.fill import fill
from benchmarks.plan import MIB, Part, Plan
from benchmarks.records import Crowd

SIZE: Final = 1_000
"""Bytes of a file: so there is room in memory for two stores with hundreds of thousands."""
BATCH: Final = 2_000
KEYS: Final = Keys()


@dataclass(frozen=True, slots=True)
class SmallFiles(Crowd):
    """The files of a large site, all of them small."""

    def file(self, number: int) -> File:
        # No `super()`: a class with slots is made twice.
        return replace(Crowd.file(self, number), size=SIZE)


def address(settings: Settings) -> str:
    """Of a store that runs, with its password."""
    scheme, _, rest = settings.redis_url.partition("://")
    return f"{scheme}://:{settings.redis_password.reveal()}@{rest}" if settings.redis_password else settings.redis_url


def put_files(settings: Settings, db: Db, crowd: Crowd, say: Callable[[str], None]) -> None:
    """All users and files of the crowd, with the bytes of these."""
    fill(address(settings), crowd, say)
    numbers = iter(range(crowd.files))
    while some := list(islice(numbers, BATCH)):
        db.many([command for number in some for command in _content(crowd.file(number), number)])


def _content(file: File, number: int) -> Iterator[Command]:
    data = number.to_bytes(8, "big") * (SIZE // 8)
    yield "SET", KEYS.chunk(file.id, 0), data
    yield "SET", KEYS.chunk_map(file.id), Chunk(SIZE, xxhash.xxh3_128_digest(data), file.digest).pack()


@dataclass(frozen=True, slots=True)
class Run:
    """What one of them took: seconds, and MiB of memory at most beyond what the process had before."""

    seconds: float
    memory: float

    @classmethod
    def of(cls, steps: Iterator[Any]) -> Run:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak begins anew
        before, began = _memory("VmRSS"), time.perf_counter()
        for _ in steps:
            pass
        return cls(time.perf_counter() - began, _memory("VmHWM") - before)


def _memory(name: str) -> float:
    """MiB that this process has, or had at most."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def part_of(crowd: Crowd, runs: Sequence[tuple[str, Run]], archive: Path) -> Part:
    """What is told of them."""
    files = crowd.files
    part = Part(
        f"{files:,} small files",
        f"{files:,} files of {SIZE:,} bytes and {crowd.users:,} users in the embedded store at level `os`, once each, "
        f"on {os.cpu_count()} cores for all. The archive has {archive.stat().st_size / MIB:,.0f} MiB.",
        ("", "s", "µs a file", "files/s", "memory, MiB", "kB a file"),
    )
    for name, run in runs:
        each = run.seconds / files * 1e6
        row = [f"{run.seconds:,.1f}", f"{each:,.0f}", f"{1e6 / each:,.0f}"]
        part.rows.append([name, *row, f"{run.memory:,.0f}", f"{run.memory * 1024 / files:.2f}"])
    part.figures = {name: [run.seconds, run.memory] for name, run in runs}
    return part


def measure(plan: Plan, place: Callable[[Settings], Any], store: Callable[[str], Any], actor: Any) -> Part:
    """`place`: a store with its services; `store`: runs one of this name."""
    users, files = plan.many
    plan.say(f"Backup: {files:,} files")
    crowd, archive = SmallFiles(users, files), plan.scratch / "many.backup"
    with ExitStack() as stack:
        settings = stack.enter_context(store("many-source"))
        source = place(settings)
        source.services.system.install("bench")
        put_files(settings, source.db, crowd, plan.say)
        runs = [("backup", Run.of(source.services.backups.make(actor, archive)))]
    with ExitStack() as stack:
        target = place(stack.enter_context(store("many-target")))
        runs.append(("restore", Run.of(target.services.backups.restore(actor, archive))))
        runs.append(("fsck", Run.of(target.services.maintenance.steps(actor, on_finding=_told(plan)))))
    part = part_of(crowd, runs, archive)
    archive.unlink()
    return part


def _told(plan: Plan) -> Callable[[Any, bool], None]:
    return lambda finding, _repaired: plan.say(f"found: {finding.what}")
