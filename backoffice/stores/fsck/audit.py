"""Whether the indexes of the audit log name every entry, and nothing else.

Most objects have a handful of entries: their indexes are read whole. Only the large ones are counted while the log
streams by, so memory does not grow with the number of objects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from backoffice.domain.audit import ObjectRef
from backoffice.domain.log_archive import position
from backoffice.domain.maintenance import Invariant
from backoffice.stores.fsck.log_places import IndexEntry, LogPlaces
from backoffice.stores.fsck.repair import BATCH, Fault, Repairer, batches, printable
from backoffice.stores.fsck.segments import SegmentCheck, in_order
from backoffice.stores.log.index_reader import IndexReader
from backoffice.stores.log.log_index import WIDTH, pack, unpack
from backoffice.stores.log.log_repair import LogRepair, LogRepairOp
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import written_facets

SMALL = 64 * WIDTH
"""Bytes up to which an index is read whole."""


class AuditCheck:
    """Compares the stream with its indexes, both ways."""

    def __init__(self, repairer: Repairer) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys
        self._counts: Counter[bytes] = Counter()
        self._large: set[bytes] = set()
        self._disordered: set[bytes] = set()
        """Nothing can be looked up in these."""
        self._incomplete: set[bytes] = set()
        """Long ones of which it was told that an entry is missing."""
        self.segments = SegmentCheck(repairer)
        self._index = IndexReader(self._db, self._keys)
        self._places = LogPlaces(self._db, self._index)

    # -- from the indexes to the log

    def keys(self, keys: Sequence[bytes]) -> None:
        """Keys of indexes, from a scan."""
        sizes = dict(zip(keys, map(int, self._db.many([("STRLEN", key) for key in keys])), strict=True))
        small = [key for key, size in sizes.items() if size <= SMALL]
        self._large.update(sizes.keys() - set(small))
        texts = self._db.many([("GETRANGE", key, 0, -1) for key in small])
        for key, text in zip(small, texts, strict=True):
            if not in_order(text):
                self._repair_order(key)
        for key in self._large.intersection(keys):
            if sizes[key] % WIDTH:
                self._repair_order(key)
        for batch in batches([(key, one) for key, text in zip(small, texts, strict=True) for one in unpack(text)]):
            self._members(batch)

    def _repair_order(self, key: bytes) -> None:
        self._repairer.verify_and_repair(partial(self._recheck_order, key))
        if self._recheck_order(key) is not None:
            self._disordered.add(key)

    def _recheck_order(self, key: bytes) -> Fault | None:
        if self.segments.is_long(key):
            return self.segments.recheck(key)
        if in_order(self._db.call("GETRANGE", key, 0, -1)):
            return None
        what = f"{printable(key)}: the entries are not in their order"
        return Fault(
            Invariant.AUDIT, ObjectRef("audit", printable(key)), what, log_repair=LogRepair(LogRepairOp.SORT, (key,))
        )

    def _members(self, members: Sequence[IndexEntry]) -> None:
        """Entries of indexes: the log says the same."""
        events = self._events([one for _, one in members])
        for key, one in dict.fromkeys(members):
            if not self._right(key, events.get(one)):
                self._repairer.verify_and_repair(partial(self._recheck_member, key, one))

    def _events(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Events by id of entry; those that are there."""
        wanted = list(dict.fromkeys(ids))
        rows = self._db.many([("XRANGE", self._keys.audit, one, one) for one in wanted])
        return {one: _event(row[0]) for one, row in zip(wanted, rows, strict=True) if row}

    def _right(self, key: bytes, event: Mapping[str, Any] | None) -> bool:
        return event is not None and key in self._indexes_of(event)

    def _indexes_of(self, event: Mapping[str, Any]) -> list[bytes]:
        """The indexes that name an event."""
        return [self._keys.audit_index(facet, value) for facet, value in written_facets(event)]

    def _recheck_member(self, key: bytes, one: str) -> Fault | None:
        [(_, there)] = self._ranks([(key, one)])
        there = there or key in self._disordered
        if not there or self._right(key, self._events([one]).get(one)) or self._is_leaving(one):
            return None
        what = f"{printable(key)}: {one} is not such an entry"
        if self.segments.is_long(key):
            return self.segments.fault(key, what)
        return Fault(
            Invariant.AUDIT, ObjectRef("audit", one), what, log_repair=LogRepair(LogRepairOp.REMOVE, (key,), one)
        )

    def _is_leaving(self, one: str) -> bool:
        """Whether this entry is being trimmed just now, or that was interrupted: the log and its indexes give it up one
        after the other."""
        pending = self._db.call("HGET", self._keys.seals, "pending")
        return bool(pending) and position(one) <= position(pending.decode())

    # -- from the log to the indexes

    def log(self) -> Iterator[None]:
        """All entries that the log has now, batch by batch; then the large indexes, where they have more than that."""
        self.segments.run()
        yield
        self._large.update(self.segments.indexes)
        newest = self._db.call("XREVRANGE", self._keys.audit, "+", "-", "COUNT", 1)
        if newest:
            start, last = b"-", newest[0][0]
            while rows := self._db.call("XRANGE", self._keys.audit, start, last, "COUNT", BATCH):
                self._rows(rows)
                yield
                start = b"(" + rows[-1][0]
        for key in sorted(self._large):
            [(below, there)] = self._ranks([(key, newest[0][0].decode())]) if newest else [(1, False)]
            if below + there != self._counts[key]:
                self._walk(key)
            else:
                # What came since is in the log as well.
                self._members_from(key, below + there)
            yield

    def _rows(self, rows: Sequence[Any]) -> None:
        self._repairer.count(Invariant.AUDIT, len(rows))
        entries = [(key, row[0].decode()) for row in rows for key in self._indexes_of(_event(row))]
        wrong = []
        for (key, one), there in zip(entries, self._places.named(entries, self._large), strict=True):
            if there and key in self._large:
                self._counts[key] += 1
            elif not there and key not in self._disordered:
                wrong.append((key, one))
        for one in dict.fromkeys(one for _, one in wrong):
            self._repairer.verify_and_repair(partial(self._recheck_entry, one))
        for key, one in wrong:
            if key not in self._incomplete and self.segments.is_long(key):
                self._incomplete.add(key)
                self._repairer.verify_and_repair(partial(self._recheck_long, key, one))

    def _ranks(self, entries: Sequence[IndexEntry]) -> list[tuple[int, bool]]:
        """For each the number of entries below it in the index, and whether it is there itself."""
        return self._index.ranks([(key, pack(one)) for key, one in entries])

    def _missing_in(self, one: str) -> list[bytes]:
        """The indexes that should name an entry and do not."""
        event = self._events([one]).get(one)
        entries = [(key, one) for key in self._indexes_of(event)] if event is not None else []
        found = zip(entries, self._ranks(entries), strict=True)
        wrong = [key for (key, _), (_, there) in found if not there and key not in self._disordered]
        return wrong if wrong and not self._is_leaving(one) else []

    def _recheck_entry(self, one: str) -> Fault | None:
        wrong = [key for key in self._missing_in(one) if not self.segments.is_long(key)]
        if not wrong:
            return None
        what = f"{one} is missing in {', '.join(map(printable, wrong))}"
        return Fault(
            Invariant.AUDIT, ObjectRef("audit", one), what, log_repair=LogRepair(LogRepairOp.INSERT, tuple(wrong), one)
        )

    def _recheck_long(self, key: bytes, one: str) -> Fault | None:
        """Told once of an index: one that an earlier version shortened lacks millions."""
        if key not in self._missing_in(one):
            return None
        return self.segments.fault(key, f"{one}, and perhaps others, are missing in {printable(key)}")

    def _walk(self, key: bytes) -> None:
        """All entries of a large index."""
        following, ordered = b"", True
        for text in self.segments.backwards(key):
            ordered = ordered and in_order(text + following)
            following = text[:WIDTH]
        if not ordered:
            self._repair_order(key)
        self._members_from(key, 0)

    def _members_from(self, key: bytes, first: int) -> None:
        for text in self.segments.backwards(key, first):
            self._members([(key, one) for one in unpack(text)])


def _event(row: Any) -> Mapping[str, Any]:
    event: Mapping[str, Any] = json.loads(bytes(pairs(row[1])[b"e"]))
    return event
