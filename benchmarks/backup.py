"""A backup and a restore beside reading and writing the same chunks straight, as they travel fastest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from backoffice.composition import build_services, store_client
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.uploads import ChunkMap
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.for_a_while import store_running
from backoffice.services.container import Services
from backoffice.settings import ChunkPlace, Durability, Settings
from backoffice.stores.backup.raw_chunks import RawChunks, raw_chunks
from backoffice.stores.backup.sealed import Key
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from benchmarks import many
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.straight import read_all, write_all
from benchmarks.timing import Moved, in_turn

SHELL = system_actor("bench", "shell")
KEYS = Keys()
LEAST = 0.6
READ, WRITE = "chunks straight into a file", "chunks straight out of a file"
TOGETHER = 4 * MIB
"""Bytes of chunks."""
SMALL_TOO = (
    " Of small files the chunks are the lesser part of what is moved: each has a record, a map, an entry of the log and"
    " some fifteen entries of indexes. So all keys are copied straight as well, chunks by GET and SET, the others by"
    " DUMP and RESTORE in the server's own form, which nobody understands or checks."
)
BACKUP, SEALED, LATER = "backup", "backup, encrypted", "backup on one before"
RESTORE, RESTORE_SEALED = "restore", "restore, encrypted"
READ_ALL, WRITE_ALL = "all keys straight into a file", "all keys straight out of a file"
SMALL = 64 * 1024
"""Bytes of a file up to which its record and indexes are a part of what is moved that counts."""
KEY = Key.new_text()


@dataclass(frozen=True, slots=True)
class Place:
    """A store with its services."""

    services: Services
    db: Db
    raw: RawChunks
    chunks: FileChunks | None

    @classmethod
    def over(cls, settings: Settings) -> Place:
        client = store_client(settings)
        services, db = build_services(settings, client), Db(client)
        chunks = services.files.chunks
        if not isinstance(chunks, RedisChunks | FileChunks):
            raise TypeError("nothing is encrypted here")
        return cls(services, db, raw_chunks(db, KEYS, chunks), chunks if isinstance(chunks, FileChunks) else None)

    def empty(self) -> None:
        """Take away everything: it is a store of ours alone, and chunks that were written straight have no map."""
        self.db.call("FLUSHALL")
        if self.chunks is not None:
            for content, places in groupby(self.chunks.scan(), key=itemgetter(0)):
                self.chunks.delete(content, 1 + max(index for _, index, _ in places))


def measure(plan: Plan) -> list[Part]:
    """Large files with both back ends, small ones with their bytes in Redis."""
    count = 2_000 if plan.quick else 10_000
    total = (256 if plan.quick else 1024) * MIB
    large = f"{total // (64 * MIB)} files of 64 MiB"
    return [
        _measure(plan, large, 64 * MIB, total, in_directory=False),
        _measure(plan, f"{large} in a directory", 64 * MIB, total, in_directory=True),
        _measure(plan, f"{count:,} files of 10 kB", 10_000, 10_000 * count, in_directory=False),
        many.measure(plan, Place.over, lambda name: _store(plan, name, in_directory=False), SHELL),
    ]


def _measure(plan: Plan, title: str, size: int, total: int, *, in_directory: bool) -> Part:
    plan.say(f"Backup: {title}")
    part = Part(
        f"Backup of {title}",
        f"{total / 1e6:,.0f} MB in all. The embedded store at level `os`, archive on the same disk; the whole of each: "
        "records, log, indexes and the checks of a restore included. Beside it the same chunks, read in pipelines and "
        f"written into a plain file that is synced, and back, compared with nothing. Medians of {plan.rounds} rounds."
        + (SMALL_TOO if size <= SMALL else ""),
        ("", "MB/s", "of straight", "of all keys straight"),
    )
    with ExitStack() as stack:
        source, target = (
            Place.over(stack.enter_context(_store(plan, f"{size}-{in_directory}-{name}", in_directory=in_directory)))
            for name in ("source", "target")
        )
        _fill(source, size, total)
        found = _rounds(plan, source, target, total, all_keys=size <= SMALL)
    for name in (BACKUP, SEALED, LATER, RESTORE, RESTORE_SEALED):
        straight = (WRITE, WRITE_ALL) if name in {RESTORE, RESTORE_SEALED} else (READ, READ_ALL)
        ratios = [f"{found[name].over(found[other]):.2f}" if other in found else "" for other in straight]
        part.rows.append([name, f"{found[name].median:,.0f}", *ratios])
    for name in (READ, WRITE, READ_ALL, WRITE_ALL):
        if name in found:
            part.rows.append([name, f"{found[name].median:,.0f}", "", ""])
    part.goals += [
        Goal(f"{title}, backup : {READ}", found[BACKUP].over(found[READ]), LEAST),
        Goal(f"{title}, restore : {WRITE}", found[RESTORE].over(found[WRITE]), LEAST),
        Goal(f"{title}, encrypted backup : {READ}", found[SEALED].over(found[READ]), 0),
    ]
    part.figures = {name: series.rates for name, series in found.items()}
    return part


def _store(plan: Plan, name: str, *, in_directory: bool) -> Any:
    place = plan.scratch / f"backup-{name}"
    chunks = ChunkPlace()
    if in_directory:
        chunks = ChunkPlace(place.with_name(f"{place.name}-chunks"))
        place.with_name(f"{place.name}-chunks").mkdir()
    settings = Settings(data_dir=place, durability=Durability.OS, chunks=chunks, quota_bytes=None)
    return store_running(Layout.at(place), settings, plan.say)


def _fill(place: Place, size: int, total: int) -> None:
    services = place.services
    services.system.install("bench")
    user, _ = services.users.create(SHELL, username="bench", roles=("user",))
    owner = Actor(user.id, user.username, roles=SHELL.roles)
    block = os.urandom(min(size, 16 * MIB))
    for number in range(total // size):
        data = (number.to_bytes(8, "big") + block[8:]) * (size // len(block))
        services.uploads.upload_stream(owner, FileSpec(f"{number}.bin"), BytesIO(data).readinto, size)


@dataclass(frozen=True, slots=True)
class _Variants:
    """What is measured, between two stores, with archives in a directory."""

    source: Place
    target: Place
    directory: Path
    total: int
    places: list[tuple[str, int, int]]

    def archive(self, name: str) -> Path:
        return self.directory / f"{name}.backup"

    def backup(self, name: str, **options: Any) -> Callable[[], Moved]:
        def run() -> Moved:
            self.archive(name).unlink(missing_ok=True)
            _all(self.source.services.backups.make(SHELL, self.archive(name), **options))
            return Moved(self.total)

        return run

    def restore(self, name: str, key: str = "") -> Callable[[], Moved]:
        def run() -> Moved:
            _all(self.target.services.backups.restore(SHELL, self.archive(name), key=key))
            return Moved(self.total, self.target.empty)

        return run

    def read(self) -> Moved:
        with self.archive("straight").open("wb") as out:
            for data in self.source.raw.read(self.places):
                out.write(data or b"")
            out.flush()
            os.fsync(out.fileno())
        return Moved(self.total)

    def write(self) -> Moved:
        with self.archive("straight").open("rb") as kept:
            together = max(1, TOGETHER // self.places[0][2])
            for start in range(0, len(self.places), together):
                some = self.places[start : start + together]
                self.target.raw.write([(content, index, kept.read(size)) for content, index, size in some])
        self.target.raw.settle()
        return Moved(self.total, self.target.empty)

    def read_all(self) -> Moved:
        read_all(self.source.db, self.archive("all"))
        return Moved(self.total)

    def write_all(self) -> Moved:
        write_all(self.target.db, self.archive("all"))
        return Moved(self.total, self.target.empty)


def _rounds(plan: Plan, source: Place, target: Place, total: int, *, all_keys: bool) -> dict[str, Any]:
    measured = _Variants(source, target, plan.scratch, total, list(_places(source)))
    _all(source.services.backups.make(SHELL, measured.archive("base")))
    variants = {
        READ: measured.read,
        BACKUP: measured.backup("plain"),
        SEALED: measured.backup("sealed", key=KEY),
        LATER: measured.backup("later", base=measured.archive("base")),
        WRITE: measured.write,
        RESTORE: measured.restore("plain"),
        RESTORE_SEALED: measured.restore("sealed", KEY),
    }
    if all_keys:
        variants |= {READ_ALL: measured.read_all, WRITE_ALL: measured.write_all}
    found = in_turn(variants, plan.rounds, plan.say)
    for path in plan.scratch.glob("*.backup"):
        path.unlink()
    return found


def _places(place: Place) -> Iterator[tuple[str, int, int]]:
    """Every chunk there is, in the order of its file."""
    files, cursor = place.services.files.files, ""
    while True:
        page = files.page(Query(sort="created", cursor=cursor, limit=100))
        for file in page.items:
            packed = place.db.call("GET", KEYS.chunk_map(file.content_id))
            for index, chunk in enumerate(ChunkMap.unpack(packed, file.total_chunks).chunks):
                if chunk is not None:
                    yield file.content_id, index, chunk.size
        cursor = page.next_cursor
        if not cursor:
            return


def _all(steps: Iterator[Any]) -> None:
    for _ in steps:
        pass
