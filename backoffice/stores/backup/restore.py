"""A store made of an archive, and of those on which it stands.

It is refused unless the store is empty. From the first byte on the store says that it is being restored, and nothing
else starts on it; that goes when all is there and proved. What fails in between empties it again; what is killed leaves
it marked, and the next restore begins by emptying it.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any, Final

from backoffice.domain.backups import BackupCounts, BackupHeader, BackupProgress
from backoffice.domain.log_archive import Trimmed
from backoffice.domain.maintenance import Report
from backoffice.domain.uploads import ENTRY_SIZE, Chunk
from backoffice.errors import Conflict, IntegrityError
from backoffice.stores.backup.ahead import Behind, ahead
from backoffice.stores.backup.base import borrowed, header_of
from backoffice.stores.backup.emptying import Emptying
from backoffice.stores.backup.hold import Hold
from backoffice.stores.backup.kinds import Class, kind_of
from backoffice.stores.backup.log_writer import LogWriter
from backoffice.stores.backup.packs import Stretch, stretches_of
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.read_back import ReadBack
from backoffice.stores.backup.rebuild import Rebuild
from backoffice.stores.backup.tallies import Tallies
from backoffice.stores.backup.tar import Member, Part, TarReader
from backoffice.stores.backup.values import Value, writes
from backoffice.stores.client import Command, Db
from backoffice.stores.keys import Keys

LONGEST: Final = 256 * 1024**2
"""Bytes of the lines of a member that are believed; those that are written have some MiB."""
_TOGETHER: Final = 500
READS: Final = 2
"""How often it is read again: a scan may name a key twice."""
NOT_KEPT: Final = (b"barrier", b"account_ends", b"chunks", b"segments")
"""Fields of the installation that are about the store as it was: a worker or the next start says them anew."""


@dataclass(slots=True)
class RestoreRun:
    """One restore. `bases`: archives at hand, by identifier; `where`: what the installation says of where its bytes
    lie; `quota`: of who has none of their own. `prepare` and `steps` do it; then `finish` opens the store to others, or
    `fail` empties it."""

    db: Db
    keys: Keys
    raw: RawChunks
    archive: TarReader
    emptying: Emptying
    hold: Hold
    where: str
    quota: int
    bases: Mapping[str, TarReader] = field(default_factory=dict)
    header: BackupHeader = field(init=False)
    counts: BackupCounts = field(default_factory=BackupCounts)
    lost: dict[str, list[Any]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    _from: int = 0
    """The first member with records that count."""
    _unneeded: set[str] = field(default_factory=set)
    _expected: dict[str, int] = field(default_factory=dict)
    _wanted: dict[str, set[str]] = field(default_factory=dict)
    _total: int = 0
    _names: set[bytes] = field(default_factory=set)
    """Of the records that were put back."""
    _tallies: Tallies = field(default_factory=Tallies)
    _sound: bool = False
    """Whether nothing was found, as far as what was put back tells of it."""

    def prepare(self) -> Iterator[BackupProgress]:
        """As `Restore.prepare`."""
        self._look()
        for _ in self.hold.take():
            yield BackupProgress("waiting", 0, 0)
        self.emptying.begin(self.header.archive, self.where)

    def steps(self) -> Iterator[BackupProgress]:
        """As `Restore.steps`."""
        for step in chain(self.emptying.steps(), self._write()):
            self.hold.check()
            yield step

    def proved(self) -> Generator[BackupProgress, None, Report | None]:
        """As `Restore.proved`."""
        for _ in range(READS if self._sound else 0):
            found = ReadBack(self.db, self.keys, self.raw)
            for _ in found.steps():
                self.hold.check()
                yield self._progress("checks")
            if found.sound and found.tallies.agree(self._tallies):
                return self._tallies.report()
        return None

    def check(self) -> None:
        """Raises Conflict where another restore has the store by now."""
        self.hold.check()

    def fail(self) -> None:
        """What was put back is not sound: empty the store again, unless another restore has it by now."""
        with suppress(Conflict):
            self.hold.check()
            for _ in self.emptying.steps():
                self.hold.check()
            self.emptying.end()

    def finish(self) -> None:
        """From now on the store may be used. Raises Conflict where another restore has it."""
        self.hold.check()
        self.emptying.end()

    # -- before anything is written

    def _look(self) -> None:
        self.header = header_of(self.archive)
        manifest = self.archive.manifest()
        try:
            self.lost = dict(manifest.get("lost", {}))
            self._unneeded = {content for content, _ in manifest.get("unneeded", [])}
            self._from, self._total = int(manifest["from"]), int(manifest.get("bytes", 0))
            self._expected = {one: int(manifest.get(one, 0)) for one in ("records", "entries")}
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError("The manifest of the backup cannot be read.") from error
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for archive, contents in borrowed(self.archive):
            wanted[archive].update(contents)
        for archive, needed in wanted.items():
            if archive not in self.bases:
                raise Conflict(
                    f"The backup stands on another one, {archive}, which has {len(needed)} of its contents: name its"
                    " file, or the directory where it is, with --base."
                )
            header_of(self.bases[archive])
            self.bases[archive].manifest()
        self._wanted = dict(wanted)

    # -- writing

    def _write(self) -> Iterator[BackupProgress]:
        self.emptying.expect_empty()  # of what others have as well, who may have come while a restore was broken off
        self.raw.begin()
        for archive, contents in self._wanted.items():
            yield from self._contents(self.bases[archive], contents, missing=archive)
        yield from self._contents(self.archive, None, unneeded=self._unneeded)
        yield from self._records()
        yield from self._log()
        self._install()
        with Behind() as behind:
            rebuild = Rebuild(self.db, self.keys, self.quota, behind, self._tallies, self._names)
            for _ in rebuild.run():
                yield self._progress("indexes")
        self.unreadable, self._sound = rebuild.unreadable, rebuild.sound and not rebuild.unreadable
        self._names.clear()
        yield self._progress("disk")
        self.raw.settle()

    def _contents(
        self, reader: TarReader, wanted: set[str] | None, *, unneeded: AbstractSet[str] = frozenset(), missing: str = ""
    ) -> Iterator[BackupProgress]:
        """Put back contents of an archive; `wanted`: these alone, all of which have to be there."""
        left = set(wanted or ())
        packs = (member for member in reader.members() if member.part is Part.CHUNKS)
        with Behind() as behind:
            for member, data in ahead((member, reader.read(member)) for member in packs):
                chunks: list[tuple[str, int, memoryview]] = []
                maps: list[Command] = []
                whole = 0
                for one, parts in stretches_of(data, member.name):
                    if (wanted is None or one.content in wanted) and one.content not in unneeded:
                        self._check(member, one, parts)
                        chunks += [(one.content, place, chunk) for place, _, chunk in parts]
                        maps.append(("SETRANGE", self.keys.chunk_map(one.content), one.first * ENTRY_SIZE, one.entries))
                        if one.last:
                            left.discard(one.content)
                            whole += 1
                self._count(whole, chunks)
                behind.do(partial(self._put, chunks, maps))
                yield self._progress("contents")
        if left:
            raise IntegrityError(f"The backup {missing} does not have {len(left)} of its contents, {min(left)} first.")

    def _put(self, chunks: Sequence[tuple[str, int, memoryview]], maps: Sequence[Command]) -> None:
        """The maps first: whoever empties the store finds bytes by them."""
        for start in range(0, len(maps), _TOGETHER):
            self.db.many(maps[start : start + _TOGETHER])
        self.raw.write(chunks)

    def _check(self, member: Member, stretch: Stretch, parts: Sequence[tuple[int, Chunk, memoryview]]) -> None:
        for place, known, chunk in parts:
            if not self.raw.matches(stretch.content, place, known, chunk):
                raise IntegrityError(f"{member.name}: chunk {place} of content {stretch.content} is damaged.")

    def _count(self, whole: int, chunks: Sequence[tuple[str, int, memoryview]]) -> None:
        self.counts = replace(
            self.counts,
            contents=self.counts.contents + whole,
            chunks=self.counts.chunks + len(chunks),
            bytes=self.counts.bytes + sum(len(chunk) for _, _, chunk in chunks),
        )

    def _records(self) -> Iterator[BackupProgress]:
        count = 0
        with Behind() as behind:
            for member, lines in lines_of(self.archive, Part.RECORDS, self._from):
                for start in range(0, len(lines), _TOGETHER):
                    commands = self._writes(lines[start : start + _TOGETHER], member)
                    behind.do(partial(self._put, (), commands))
                count += len(lines)
                yield self._progress("records")
        self._expect("records", count)
        self.counts = replace(self.counts, records=count)

    def _writes(self, lines: Sequence[bytes], member: Member) -> list[Command]:
        commands: list[Command] = []
        for value in _values(lines, member):
            key = self.keys.named(value.name)
            kind = kind_of(self.keys, key)
            if kind is None or kind.of is not Class.RECORD or kind.type != value.type:
                raise IntegrityError(f"{member.name}: {value.name!r} is no record.")
            commands += writes(key, value, new=value.name not in self._names)
            self._names.add(value.name)
        return commands

    def _log(self) -> Iterator[BackupProgress]:
        trimmed = Trimmed.load(self.db.call("HGET", self.keys.seals, "trimmed"))
        with Behind() as behind:
            writer = LogWriter(self.db, self.keys, trimmed, behind, self._tallies)
            for member, lines in lines_of(self.archive, Part.LOG, self._from):
                writer.add(lines, member.name)
                yield self._progress("log")
        # A trim that was under way then is done: what it had yet to take is not put back.
        self.db.call("HDEL", self.keys.seals, "pending")
        self._expect("entries", writer.count + writer.left_out)
        self.counts = replace(self.counts, entries=writer.count)

    def _expect(self, what: str, count: int) -> None:
        if count != self._expected[what]:
            raise IntegrityError(f"The backup has {count} {what}, its manifest says {self._expected[what]}.")

    def _install(self) -> None:
        self.db.call("HDEL", self.keys.install, *NOT_KEPT)
        if self.where:
            self.db.call("HSET", self.keys.install, "chunks", self.where)

    def _progress(self, what: str) -> BackupProgress:
        return BackupProgress(what, self.counts.bytes, max(self._total, self.counts.bytes))


def lines_of(archive: TarReader, part: Part, first: int) -> Iterator[tuple[Member, list[bytes]]]:
    """The lines of these members, from the member `first` on. Raises IntegrityError."""
    members = (one for one in archive.members() if one.part is part and one.number >= first)
    for member, data in ahead((member, archive.read(member)) for member in members):
        yield member, unpacked(data, member)


def unpacked(data: bytes, member: Member) -> list[bytes]:
    """Its lines. Raises IntegrityError."""
    unpacking = zlib.decompressobj(31)
    try:
        text = unpacking.decompress(data, LONGEST)
    except zlib.error as error:
        raise IntegrityError(f"{member.name} cannot be unpacked.") from error
    if not unpacking.eof or unpacking.unused_data:
        raise IntegrityError(
            f"{member.name} cannot be unpacked: it breaks off, or has more lines than any that is written."
        )
    return text.splitlines(keepends=True)


def _values(lines: Sequence[bytes], member: Member) -> Iterator[Value]:
    for line in lines:
        try:
            yield Value.of_line(line)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"{member.name}: a record cannot be read.") from error
