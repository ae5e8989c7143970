"""A backup: contents first, then records and log as of one moment, then the contents that came meanwhile.

What a content is never changes, so most bytes are read before, at leisure. Where a record of that moment needs a
content that is not there yet, it is read then; where that has gone by then, because its file was purged meanwhile,
there is a later moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from backoffice import __version__
from backoffice.domain.backups import MAX_NAMED, BackupCounts, BackupHeader, BackupProgress
from backoffice.domain.ids import new_id
from backoffice.domain.system import SCHEMA
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, Unavailable
from backoffice.stores.backup.ahead import ahead
from backoffice.stores.backup.base import Base
from backoffice.stores.backup.contents import NEED, Contents, Need, need_of
from backoffice.stores.backup.output import Output
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.snapshot import Lines, Snapshot
from backoffice.stores.backup.tar import Part, json_member
from backoffice.stores.client import Db
from backoffice.stores.collector import seldom
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import pairs
from backoffice.stores.scan import scan

ATTEMPTS: Final = 5
"""How often records are begun again because the connection broke."""
MOMENTS: Final = 20
"""How often there is a later moment, because contents of the one before had gone."""
_BORROWED: Final = 10_000
_FILES: Final = 500
"""Whose records are asked for together."""


@dataclass(slots=True)
class BackupRun:
    """One backup. `steps` makes it; then `header`, `counts` and `damaged` say what came of it: the names of contents of
    which chunks were damaged or missing, with their files and how many."""

    db: Db
    keys: Keys
    raw: RawChunks
    output: Output
    base: Base | None = None
    header: BackupHeader = field(init=False)
    counts: BackupCounts = field(default_factory=BackupCounts)
    damaged: dict[str, tuple[str, int]] = field(default_factory=dict)
    resumed: int = 0
    """Bytes of an interrupted run that were there already."""
    _files: RedisFiles = field(init=False)
    _contents: Contents = field(init=False)
    _total: int = 0
    _from: int = 0
    """The first member with records that count: those before are of an attempt whose connection broke."""

    def steps(self) -> Iterator[BackupProgress]:
        """Piece by piece, each well below a second. Raises Unavailable, StoreFull, Conflict; what was written until
        then stays, and the next run goes on with it."""
        self._files = RedisFiles(self.db, self.keys)
        self._contents = Contents(self.db, self.keys, self._files, self.raw, self.output)
        try:
            with seldom():
                yield from self._begin()
                yield from self._all_contents()
                snapshot = yield from self._moment()
                self._finish(snapshot)
        finally:
            self.output.close()

    # -- the beginning

    def _begin(self) -> Iterator[BackupProgress]:
        install = pairs(self.db.call("HGETALL", self.keys.install))
        site, chunks = int(install.get(b"created_at", b"0")), install.get(b"chunks", b"").decode()
        base = self.base.header.archive if self.base is not None else ""
        if self.base is not None and self.base.header.site != site:
            raise Conflict("The base is a backup of another site.")
        looking = self.output.left()
        while True:
            try:
                next(looking)
            except StopIteration as end:
                left, stretches = end.value
                break
            yield BackupProgress("left", 0, 0)
        new = BackupHeader(new_id(), now_ms(), __version__, SCHEMA, site, chunks, base)
        going_on = left is not None and _is_of(left, new)
        if left is not None and going_on:
            self.header = BackupHeader.load(left)
            self._contents.note(stretches)
            self.resumed = self._contents.moved
        else:
            self.output.forget_left()
            self.header = new
        self.output.start(self.header.created_at)
        if not going_on:
            self.output.add(Part.HEADER, json_member(new.dump()))
        if self.base is not None:
            self._contents.have |= self.base.where.keys()
        yield self._progress("contents")

    # -- contents

    def _all_contents(self) -> Iterator[BackupProgress]:
        for needed in ahead(self._all_needed()):
            yield from self._copy(needed)
        self._contents.flush()

    def _all_needed(self) -> Iterator[list[Need]]:
        prefix, waiting = self.keys.record(FILES, ""), list[str]()
        for batch in scan(self.db, prefix + b"*"):
            ids = [key[len(prefix) :].decode(errors="replace") for key in batch]
            waiting += [one for one in ids if ":" not in one]
            if len(waiting) >= _FILES:
                yield self._needed(waiting)
                waiting = []
        yield self._needed(waiting)

    def _needed(self, ids: Sequence[str]) -> list[Need]:
        """What these files need, without those that are no more."""
        rows = self.db.many([("HMGET", self.keys.record(FILES, one), *NEED) for one in ids])
        return [need for one, row in zip(ids, rows, strict=True) if (need := need_of(one, row)) is not None]

    def _copy(self, needed: Sequence[Need]) -> Iterator[BackupProgress]:
        self._total += sum(one.size for one in needed)
        for _ in self._contents.copy(needed):
            yield self._progress("contents")

    # -- records

    def _moment(self) -> Generator[BackupProgress, None, Snapshot]:
        """Records and log as of one moment, with all contents that they need."""
        for attempt in range(ATTEMPTS):
            self._from = self.output.members
            records, entries = Lines(self.output, Part.RECORDS), Lines(self.output, Part.LOG)
            snapshot = Snapshot(self.db, self.keys, records, entries)
            try:
                yield from self._read(snapshot)
                return snapshot
            except Unavailable:
                if attempt == ATTEMPTS - 1:
                    raise
            finally:
                snapshot.close()
        raise Unavailable

    def _read(self, snapshot: Snapshot) -> Iterator[BackupProgress]:
        for _ in snapshot.begin():
            yield self._progress("records")
        for _ in range(MOMENTS):
            yield from self._missing(snapshot, [])
            for _ in snapshot.catch_up():
                yield self._progress("records")
            snapshot.settle()
            gone: list[str] = []
            yield from self._missing(snapshot, gone)
            if not gone:
                snapshot.flush()
                return
        raise Unavailable("Files are purged too fast for a backup; try again at a quieter time.")

    def _missing(self, snapshot: Snapshot, gone: list[str]) -> Iterator[BackupProgress]:
        """Copy the contents that the records name and that are not there yet. `gone`: files that need theirs no
        more."""
        have = self._contents.have
        ids = [one for one, content in snapshot.named.items() if content not in have]
        for start in range(0, len(ids), _FILES):
            some = ids[start : start + _FILES]
            for step in self._copy(self._needed(some)):
                snapshot.listen()
                yield step
            gone += [one for one in some if snapshot.named[one] not in have]
        self._contents.flush()

    # -- the end

    def _finish(self, snapshot: Snapshot) -> None:
        needed = set(snapshot.named.values())
        contents = self._contents
        borrowed, archives = self._borrow(needed)
        damaged = {one: told for one, told in contents.damaged.items() if one in needed}
        self.damaged = damaged
        self.counts = replace(
            contents.counts,
            borrowed=borrowed,
            records=snapshot.records.count,
            entries=snapshot.entries.count,
            damaged=len(damaged),
        )
        manifest = {
            "archive": self.header.archive,
            "from": self._from,
            "last": snapshot.last,
            "at": now_ms(),
            **self.counts.as_data(),
            "needs": archives,
            "lost": dict(list(damaged.items())[:MAX_NAMED]),
            "unneeded": [[one, total] for one, total in contents.written.items() if one not in needed],
        }
        size = self.output.finish(manifest)
        self.counts = replace(self.counts, size=size)

    def _borrow(self, needed: set[str]) -> tuple[int, list[str]]:
        """Say which contents are in the archives before; how many, and which archives."""
        where: defaultdict[str, list[str]] = defaultdict(list)
        for content in needed - self._contents.written.keys():
            where[self.base.where[content] if self.base is not None else ""].append(content)
        for archive, contents in sorted(where.items()):
            for start in range(0, len(contents), _BORROWED):
                row = {"archive": archive, "contents": contents[start : start + _BORROWED]}
                self.output.add(Part.BORROWED, json_member(row))
        return sum(map(len, where.values())), sorted(where)

    def _progress(self, what: str) -> BackupProgress:
        done = self._contents.moved
        return BackupProgress(what, done, max(done, self._total))


def _is_of(left: Mapping[str, Any], new: BackupHeader) -> bool:
    """Whether what an interrupted run has left is the beginning of that archive. After an update it is not: its header
    says which version may put the records back."""
    return {**left, "archive": new.archive, "created_at": new.created_at} == new.dump()
