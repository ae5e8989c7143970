"""The audit log in the store: one stream, and an index for each value of a facet."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from backoffice.domain.actions import Action
from backoffice.domain.audit import AuditEntry, AuditEvent, CountedReads, CountedRefusals
from backoffice.domain.log_archive import LogPage, Trimmed, position
from backoffice.errors import Conflict
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import ANSWER_SECONDS, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.index_reader import IndexReader, Window
from backoffice.stores.log.log_index import WIDTH, is_entry_id, pack
from backoffice.stores.log.reads import RedisReads
from backoffice.stores.log.refusals import RedisRefusals
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import Commit, written_facets

WINDOW = 250
"""Entries that one script reads: 2 ms, in which the store does nothing else."""
SCAN = 5_000
"""Entries of the smallest index that are looked at for one page."""
MOST_WAITED = 500
"""Entries that a wait returns."""
LONGEST_WAIT_MS = int(ANSWER_SECONDS * 1000) // 2
"""The client takes a longer silence for an outage."""

_Span = tuple[str, str]
"""The id from which on, and the one below which; "" = no such bound."""
_EDGES: Final = (bytes(WIDTH), b"\xff" * WIDTH)


class _SeenBefore(Conflict):
    """The event was recorded a moment ago."""


class RedisAudit:
    """Reads the log, and writes what changes nothing else; all other events come with their commits."""

    def __init__(self, db: Db, keys: Keys, bounds: Bounds = UNBOUNDED) -> None:
        self._db, self._keys, self._bounds = db, keys, bounds
        self._refusals, self._reads, self._index = RedisRefusals(db, keys), RedisReads(db, keys), IndexReader(db, keys)

    def record(self, event: AuditEvent, once: str = "", seconds: int = 0) -> str:
        """Write an event that changes nothing else. With `once` (a name for what happened), not again for that
        long. The event's id, "" when it was not written again."""
        commit = Commit(self._keys, event)
        if once:
            # Hashed, so that no text of a user becomes part of a key.
            seen = self._keys.seen(hashlib.sha256(once.encode()).hexdigest()[:32])
            commit.check("absent", seen, error=_SeenBefore())
            commit.write("SET", seen, 1, "EX", seconds)
        commit.charge("acts", event, self._bounds.acts)
        try:
            return commit.run(self._db, when_full=True)
        except _SeenBefore:
            return ""

    def refuse(self, event: AuditEvent, alike: str, network: str) -> bool:
        return self._refusals.refuse(event, alike, network)

    def counted_refusals(self, action: Action, now: int) -> CountedRefusals | None:
        return self._refusals.counted(action, now)

    def write_counted_refusals(self, counted: CountedRefusals, event: AuditEvent) -> None:
        self._refusals.write_counted(counted, event)

    def counted_reads(self, now: int, limit: int) -> list[CountedReads]:
        return self._reads.counted(now, limit)

    def write_counted_reads(self, counted: CountedReads, event: AuditEvent) -> None:
        self._reads.write_counted(counted, event)

    def page(
        self,
        filters: Sequence[tuple[str, str]],
        cursor: str,
        limit: int,
        *,
        since: int | None = None,
        until: int | None = None,
    ) -> LogPage[AuditEntry]:
        """As `AuditLog.page`. By one filter it is one round trip, two for old entries of a long index."""
        span = _span(since, until)
        indexes = [self._keys.audit_index(facet, value) for facet, value in filters]
        if not indexes:
            return self._newest(cursor, limit, span)
        if len(indexes) == 1:
            found = self._below(indexes[0], cursor, limit + 1, limit, span)
            following = found.ids[limit - 1] if len(found.ids) > limit else ""
            return LogPage(found.entries, found.total, True, following, found.trimmed)
        return self._filtered(indexes, cursor, limit, span)

    def get(self, entry_id: str) -> AuditEntry | None:
        if not is_entry_id(entry_id):
            return None
        return next(iter(entries_of(self._db.call("XRANGE", self._keys.audit, entry_id, entry_id))), None)

    def trimmed(self) -> Trimmed | None:
        return Trimmed.load(self._db.call("HGET", self._keys.seals, "trimmed"))

    def counts(self, indexes: Sequence[tuple[str, str]], edges: Sequence[int]) -> list[list[int]]:
        """For each (facet, value), how many entries there are from each edge (ms) up to the next. One round trip, two
        where an edge is among the old entries of a long index."""
        marks = [pack(f"{edge}-0") for edge in edges]
        keys = [self._keys.audit_index(facet, value) for facet, value in indexes]
        ranks = [below for below, _ in self._index.ranks([(key, mark) for key in keys for mark in marks])]
        rows = [ranks[at : at + len(marks)] for at in range(0, len(ranks), len(marks))]
        return [[high - low for low, high in pairwise(row)] for row in rows]

    def wait(self, after: str, milliseconds: int) -> list[AuditEntry]:
        """Entries written after this id (`$` = from now on); waits for one up to that long."""
        block = max(1, min(milliseconds, LONGEST_WAIT_MS))
        reply = self._db.call("XREAD", "COUNT", MOST_WAITED, "BLOCK", block, "STREAMS", self._keys.audit, after)
        streams = list(reply.values()) if isinstance(reply, dict) else [stream[1] for stream in reply or ()]
        return [entry for rows in streams for entry in entries_of(rows)]

    def _newest(self, cursor: str, limit: int, span: _Span) -> LogPage[AuditEntry]:
        since, until = span
        top = f"({_earlier(cursor, until)}" if cursor or until else "+"
        total, rows, trimmed = self._db.many(
            [
                ("XLEN", self._keys.audit),
                ("XREVRANGE", self._keys.audit, top, since or "-", "COUNT", limit + 1),
                ("HGET", self._keys.seals, "trimmed"),
            ]
        )
        entries = entries_of(rows)
        more = len(entries) > limit
        following = entries[limit - 1].id if more else ""
        if since or until:
            # A stream does not say how many it has in between.
            exact, total = not (more or cursor), len(entries)
        else:
            exact = True
        return LogPage(tuple(entries[:limit]), int(total), exact, following, Trimmed.load(trimmed))

    def _filtered(self, indexes: list[bytes], cursor: str, limit: int, span: _Span) -> LogPage[AuditEntry]:
        low, high = (pack(bound) if bound else edge for bound, edge in zip(span, _EDGES, strict=True))
        ranks = [below for below, _ in self._index.ranks([(key, edge) for key in indexes for edge in (low, high)])]
        counts = [above - below for below, above in zip(ranks[::2], ranks[1::2], strict=True)]
        driver = indexes[counts.index(min(counts))] if len(counts) == len(indexes) else indexes[0]
        found: list[AuditEntry] = []
        at, scanned, more, trimmed = cursor, 0, True, None
        while more and scanned < SCAN and len(found) <= limit:
            window = self._below(driver, at, WINDOW, WINDOW, span)
            trimmed = window.trimmed
            scanned += len(window.ids)
            more = len(window.ids) == WINDOW
            found += [entry for entry in window.entries if self._places(entry).issuperset(indexes)]
            at = window.ids[-1] if window.ids else at
        if len(found) > limit:
            return LogPage(tuple(found[:limit]), limit + 1, False, found[limit - 1].id, trimmed)
        return LogPage(tuple(found), len(found), not (more or cursor), at if more else "", trimmed)

    def _places(self, entry: AuditEntry) -> set[bytes]:
        """The indexes an entry belongs to."""
        return {self._keys.audit_index(facet, value) for facet, value in written_facets(entry.event)}

    def _below(self, index: bytes, cursor: str, count: int, read: int, span: _Span) -> Window:
        since, until = span
        return self._index.window(index, before=cursor, count=count, read=read, since=since, until=until)


def _span(since: int | None, until: int | None) -> _Span:
    """The least ids of these milliseconds."""
    return "" if since is None else f"{since}-0", "" if until is None else f"{until}-0"


def _earlier(one: str, other: str) -> str:
    """The lower one of two ids, of which one may be ""."""
    return min((text for text in (one, other) if text), key=position)


def entries_of(rows: Any) -> list[AuditEntry]:
    """The entries of a stream's reply."""
    found = []
    for entry_id, fields in rows or ():
        found.append(AuditEntry(entry_id.decode(), bytes(pairs(fields)[b"e"])))
    return found
