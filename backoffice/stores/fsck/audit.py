"""Whether the indexes of the audit log name every entry, and nothing else.

Most objects have a handful of entries: their indexes are read whole. Only the large ones are counted while the log
streams by, so memory does not grow with the number of objects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from backoffice.domain.audit import ObjectRef
from backoffice.domain.log_archive import position
from backoffice.domain.maintenance import Invariant
from backoffice.stores.fsck.repair import BATCH, Fault, Repairer, batches, printable
from backoffice.stores.log import log_index
from backoffice.stores.log.log_index import WIDTH, pack, unpack
from backoffice.stores.log.log_repair import LogRepair, LogRepairOp
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import written_facets

SMALL = 64 * WIDTH
"""Bytes up to which an index is read whole."""

IndexEntry = tuple[bytes, str]
"""An index, and the id of an entry."""


class AuditCheck:
    """Compares the stream with its indexes, both ways."""

    def __init__(self, repairer: Repairer) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys
        self._counts: Counter[bytes] = Counter()
        self._large: set[bytes] = set()
        self._halved: set[bytes] = set()
        """So long that they may have given up their older half."""
        self._disordered: set[bytes] = set()
        """Nothing can be looked up in these."""

    # -- from the indexes to the log

    def keys(self, keys: Sequence[bytes]) -> None:
        """Keys of indexes, from a scan."""
        sizes = dict(zip(keys, map(int, self._db.many([("STRLEN", key) for key in keys])), strict=True))
        small = [key for key, size in sizes.items() if size <= SMALL]
        self._large.update(sizes.keys() - set(small))
        self._halved.update(key for key, size in sizes.items() if size >= log_index.MOST_BYTES // 2)
        texts = self._db.many([("GETRANGE", key, 0, -1) for key in small])
        for key, text in zip(small, texts, strict=True):
            if not _in_order(text):
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
        if _in_order(self._db.call("GETRANGE", key, 0, -1)):
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
        return Fault(
            Invariant.AUDIT, ObjectRef("audit", one), what, log_repair=LogRepair(LogRepairOp.REMOVE, (key,), one)
        )

    def _is_leaving(self, one: str) -> bool:
        """Whether this entry is being trimmed just now, or that was interrupted: the log and its indexes give it up one
        after the other."""
        pending = self._db.call("HGET", self._keys.seals, "pending")
        return bool(pending) and position(one) <= position(pending.decode())

    # -- from the log to the indexes

    def log(self) -> None:
        """All entries that the log has now; then the large indexes, where they have more than that."""
        newest = self._db.call("XREVRANGE", self._keys.audit, "+", "-", "COUNT", 1)
        if newest:
            start, last = b"-", newest[0][0]
            while rows := self._db.call("XRANGE", self._keys.audit, start, last, "COUNT", BATCH):
                self._rows(rows)
                start = b"(" + rows[-1][0]
        for key in sorted(self._large):
            [(below, there)] = self._ranks([(key, newest[0][0].decode())]) if newest else [(1, False)]
            if below + there != self._counts[key]:
                self._walk(key)
            else:
                # What came since is in the log as well.
                self._members_from(key, below + there)

    def _rows(self, rows: Sequence[Any]) -> None:
        self._repairer.count(Invariant.AUDIT, len(rows))
        entries = [(key, row[0].decode()) for row in rows for key in self._indexes_of(_event(row))]
        wrong = []
        for (key, one), (below, there) in zip(entries, self._ranks(entries), strict=True):
            if there and key in self._large:
                self._counts[key] += 1
            elif not there and not self._may_lack(key, below):
                wrong.append(one)
        for one in dict.fromkeys(wrong):
            self._repairer.verify_and_repair(partial(self._recheck_entry, one))

    def _ranks(self, entries: Sequence[IndexEntry]) -> list[tuple[int, bool]]:
        """For each the number of entries below it in the index, and whether it is there itself. One round trip."""
        numbers = {key: number for number, key in enumerate(dict.fromkeys(key for key, _ in entries), 1)}
        args = [arg for key, one in entries for arg in (numbers[key], pack(one))]
        found = self._db.script("log_index", list(numbers), ["ranks", *args])
        return [(int(below), bool(there)) for below, there in zip(found[::2], found[1::2], strict=True)]

    def _may_lack(self, key: bytes, below: int) -> bool:
        """Whether an index may well lack an entry that has so many below it."""
        return key in self._disordered or (key in self._halved and below == 0)

    def _recheck_entry(self, one: str) -> Fault | None:
        event = self._events([one]).get(one)
        if event is None:
            return None
        entries = [(key, one) for key in self._indexes_of(event)]
        wrong = [
            key
            for (key, _), (below, there) in zip(entries, self._ranks(entries), strict=True)
            if not there and not self._may_lack(key, below)
        ]
        if not wrong or self._is_leaving(one):
            return None
        what = f"{one} is missing in {', '.join(map(printable, wrong))}"
        return Fault(
            Invariant.AUDIT, ObjectRef("audit", one), what, log_repair=LogRepair(LogRepairOp.INSERT, tuple(wrong), one)
        )

    def _walk(self, key: bytes) -> None:
        """All entries of a large index."""
        following, in_order = b"", True
        for text in self._backwards(key):
            in_order = in_order and _in_order(text + following)
            following = text[:WIDTH]
        if not in_order:
            self._repair_order(key)
        self._members_from(key, 0)

    def _members_from(self, key: bytes, first: int) -> None:
        for text in self._backwards(key, first):
            self._members([(key, one) for one in unpack(text)])

    def _backwards(self, key: bytes, first: int = 0) -> Iterator[bytes]:
        """The text of an index from its entry `first` on, in pieces and from its end: what is added or taken out
        meanwhile moves none still to come."""
        stop = int(self._db.call("STRLEN", key))
        while stop > first * WIDTH:
            start = max(first * WIDTH, (stop - 1) // WIDTH * WIDTH - (BATCH - 1) * WIDTH)
            yield self._db.call("GETRANGE", key, start, stop - 1)
            stop = start


def _in_order(text: bytes) -> bool:
    """Whether these are whole entries, each above the one before."""
    entries = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    return len(text) % WIDTH == 0 and all(one < other for one, other in pairwise(entries))


def _event(row: Any) -> Mapping[str, Any]:
    event: Mapping[str, Any] = json.loads(bytes(pairs(row[1])[b"e"]))
    return event
