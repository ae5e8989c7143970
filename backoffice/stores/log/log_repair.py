"""Putting right an index of the audit log, and recording that. For `fsck` alone: nothing else ever changes an entry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from secrets import randbelow, token_hex
from typing import Final, Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.log_archive import after
from backoffice.errors import BackofficeError
from backoffice.stores.client import Arg, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import WIDTH, Segment, pack, segments_of
from backoffice.stores.log.segments import Appending, cut
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import DAY_SECONDS, KEEP_SECONDS, facets, written_facets

READ: Final = 500
"""Entries that are read together: 2 ms of the store."""
APART: Final = 1 << 16
"""Numbers between the segments there are and those that are being made: nobody else takes one of these meanwhile."""


class LogChange(Protocol):
    """A repair of the log's indexes."""

    def run(self, db: Db, keys: Keys, event: AuditEvent, *, error: BackofficeError) -> str:
        """Carry it out together with the event that records it; the event's id. Raises `error` when things are not as
        they were: then nothing happens."""


class LogRepairOp(StrEnum):
    """What `log_repair.lua` does to an index that has no segments."""

    INSERT = "insert"
    REMOVE = "remove"
    SORT = "sort"


@dataclass(frozen=True, slots=True)
class LogRepair:
    """A repair of some indexes of the log. `entry_id`: the entry that is inserted or removed."""

    op: LogRepairOp
    indexes: tuple[bytes, ...]
    entry_id: str = ""

    def run(self, db: Db, keys: Keys, event: AuditEvent, *, error: BackofficeError) -> str:
        """As `LogChange.run`."""
        own = [key for index in self.indexes for key in (index, keys.segments(index))]
        return _run(db, keys, self.op.value, event, own, [self.entry_id], error)


@dataclass(frozen=True, slots=True)
class DropSegment:
    """A segment that its index does not know of."""

    index: bytes
    number: int

    def run(self, db: Db, keys: Keys, event: AuditEvent, *, error: BackofficeError) -> str:
        """As `LogChange.run`."""
        own = [keys.segment(self.index, self.number), keys.segments(self.index)]
        return _run(db, keys, "drop", event, own, ["", self.number], error)


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A long index, made anew from the log, which is read as a whole."""

    index: bytes

    def run(self, db: Db, keys: Keys, event: AuditEvent, *, error: BackofficeError) -> str:
        """As `LogChange.run`."""
        directory = keys.segments(self.index)
        cut(db, keys, self.index)
        before = db.call("GET", directory) or b""
        old = segments_of(before)
        last, entries = self._entries(db, keys)
        number = max([0, *(one.number for one in old)]) + APART * (1 + randbelow(15))
        new: list[Segment] = []
        for text in _pieces(entries, keys.segment_bytes):
            segment = Segment(text[:WIDTH], number + len(new), len(text) // WIDTH)
            if db.call("SET", keys.segment(self.index, segment.number), text, "NX", "EX", DAY_SECONDS) is None:
                raise error
            new.append(segment)
        own = [self.index, directory, *(keys.segment(self.index, one.number) for one in new)]
        told = [last, before, b"".join(one.pack() for one in new)]
        written = _run(db, keys, "rebuild", event, own, told, error)
        for one in old:
            db.call("UNLINK", keys.segment(self.index, one.number))
        return written

    def _entries(self, db: Db, keys: Keys) -> tuple[str, Iterator[bytes]]:
        """Up to which entry the log is read, and those that belong to the index, without what is being trimmed."""
        newest = db.call("XREVRANGE", keys.audit, "+", "-", "COUNT", 1)
        pending = db.call("HGET", keys.seals, "pending")
        last = newest[0][0].decode() if newest else "0-0"
        return last, self._read(db, keys, after(pending.decode()) if pending else "-", last)

    def _read(self, db: Db, keys: Keys, start: str, last: str) -> Iterator[bytes]:
        while rows := db.call("XRANGE", keys.audit, start, last, "COUNT", READ):
            for entry_id, fields in rows:
                event = json.loads(pairs(fields)[b"e"])
                if self.index in {keys.audit_index(facet, value) for facet, value in written_facets(event)}:
                    yield pack(entry_id.decode())
            start = f"({rows[-1][0].decode()}"


def _pieces(entries: Iterator[bytes], size: int) -> Iterator[bytes]:
    text = bytearray()
    for entry in entries:
        text += entry
        if len(text) >= size:
            yield bytes(text)
            text.clear()
    if text:
        yield bytes(text)


def _run(
    db: Db, keys: Keys, op: str, event: AuditEvent, own: Sequence[bytes], told: Sequence[Arg], error: BackofficeError
) -> str:
    """`told`: the entry's id, and what an op is told besides."""
    named_by = [keys.audit_index(facet, value) for facet, value in facets(event)]
    where = [keys.request(token_hex(16)), keys.audit, keys.full_indexes, *own, *named_by]
    entry_id, *more = told
    args = [op, entry_id, len(own), event.canonical(), KEEP_SECONDS, keys.segment_bytes, keys.full_bytes, *more]
    status, *last = Appending("log_repair", where, args).run(db, keys)
    if status != b"done":
        raise error
    text: str = last[0].decode()
    return text
