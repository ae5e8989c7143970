"""What was exported of the log and sealed, and trimming it.

Trimming is recorded first, together with what is to go. Then the indexes give up what they name of it, and the log
itself comes last: whoever was stopped anywhere in between begins again at the oldest entry, which still says what names
it. All of it goes on when memory is full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from backoffice.domain.audit import AuditEntry, AuditEvent
from backoffice.domain.log_archive import Archived, Seal, Trimmed, after
from backoffice.errors import Conflict
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import entries_of
from backoffice.stores.log.log_index import RECORD, WIDTH, pack, segments_of
from backoffice.stores.log.segments import cut, split
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import Commit, written_facets

READ: Final = 500
"""Entries that are read together: 2 ms of the store."""
INDEXES: Final = 100
"""Indexes that one script looks at."""
SHORT: Final = 512 * WIDTH
"""Bytes of an index that is written anew at once."""
TOGETHER: Final = 20
"""Segments that one script drops."""
TRIM: Final = 10_000
"""Entries that leave the log at once."""


class RedisArchive:
    """Port `LogArchive`."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def read(self, first: str, last: str) -> Iterator[list[AuditEntry]]:
        """As `LogArchive.read`."""
        start = first or "-"
        while rows := self._db.call("XRANGE", self._keys.audit, start, last or "+", "COUNT", READ):
            entries = entries_of(rows)
            yield entries
            start = f"({entries[-1].id}"

    def state(self) -> Archived:
        """As `LogArchive.state`."""
        row = pairs(self._db.call("HGETALL", self._keys.seals))
        seals = sorted((Seal.load(text) for name, text in row.items() if name.isdigit()), key=lambda one: one.number)
        return Archived(tuple(seals), Trimmed.load(row.get(b"trimmed")), row.get(b"pending", b"").decode())

    def add_seal(self, seal: Seal, event: AuditEvent) -> None:
        """As `LogArchive.add_seal`."""
        taken = Conflict("Somebody else has sealed entries of the log meanwhile.")
        commit = Commit(self._keys, event)
        commit.check("unset", self._keys.seals, str(seal.number), error=taken)
        commit.write("HSET", self._keys.seals, str(seal.number), seal.dump())
        commit.run(self._db, when_full=True)

    def begin_trim(self, before: Trimmed | None, now: Trimmed, event: AuditEvent) -> None:
        """As `LogArchive.begin_trim`."""
        seals, other = self._keys.seals, Conflict("Another trim of the log is under way.")
        commit = Commit(self._keys, event)
        commit.check("unset", seals, "pending", error=other)
        if before is None:
            commit.check("unset", seals, "trimmed", error=other)
        else:
            commit.check("equal", seals, "trimmed", before.dump(), error=other)
        commit.write("HSET", seals, "trimmed", now.dump(), "pending", now.last)
        commit.run(self._db, when_full=True)

    def finish_trim(self, on_progress: Callable[[int], None]) -> None:
        """As `LogArchive.finish_trim`."""
        last = self.state().pending
        if not last:
            return
        long: set[bytes] = set()
        done = 0
        for entries in self.read("", last):
            named = {self._keys.audit_index(*one) for entry in entries for one in written_facets(entry.event)}
            indexes = sorted(named - long)
            for at in range(0, len(indexes), INDEXES):
                long.update(self._cut_short(indexes[at : at + INDEXES], pack(last)))
            done += len(entries)
            on_progress(done)
        for index in sorted(long):
            self._cut_long(index, pack(last))
        self._leave(last)
        self._db.script("log_trim", [self._keys.seals], ["done", last], allow_oom=True)

    def _cut_short(self, indexes: Sequence[bytes], last: bytes) -> list[bytes]:
        """Shorten those of these indexes that are short; the others."""
        pairs = [key for index in indexes for key in (index, self._keys.segments(index))]
        numbers = self._db.script("log_trim", pairs, ["short", last, SHORT], allow_oom=True)
        return [indexes[int(number) - 1] for number in numbers]

    def _cut_long(self, index: bytes, last: bytes) -> None:
        """Whole segments go, and the first one that stays is cut."""
        directory, most = self._keys.segments(index), self._keys.segment_bytes
        cut(self._db, self._keys, index)  # where an earlier version let it grow
        status = b""
        while status != b"done":
            oldest = segments_of(self._db.call("GETRANGE", directory, 0, TOGETHER * RECORD - 1))
            keys = [self._keys.segment(index, one.number) for one in oldest]
            numbers = [one.number for one in oldest]
            named = [index, directory, self._keys.cut(index), *keys]
            status, *rest = self._db.script("log_trim", named, ["long", last, most, *numbers], allow_oom=True)
            if status == b"split":
                [long] = [one for one in oldest if one.number == int(rest[0])]
                split(self._db, self._keys, index, long)

    def _leave(self, last: str) -> None:
        """The entries themselves, whole nodes of the stream first: those are found at once."""
        trim = ("XTRIM", self._keys.audit, "MINID")
        while int(self._db.call(*trim, "~", after(last), "LIMIT", TRIM)):
            pass
        while rows := self._db.call("XRANGE", self._keys.audit, "-", last, "COUNT", READ):
            self._db.call(*trim, after(rows[-1][0].decode()))
