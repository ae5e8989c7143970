"""Whether the indexes of the audit log name every entry, and nothing else.

Most objects have a handful of entries: their indexes are read whole. Only the large ones are counted while the log
streams by, so memory does not grow with the number of objects.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from backoffice.domain.audit import ObjectRef
from backoffice.stores.audit import index_score
from backoffice.stores.codec import pairs
from backoffice.stores.collection import flat_pairs
from backoffice.stores.commit import Commit, written_facets
from backoffice.stores.fsck_desk import BATCH, Desk, Finding, Invariant, batches, printable

SMALL = 64
"""Entries up to which an index is read whole."""


class AuditCheck:
    """Compares the stream with its indexes, both ways."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._db, self._keys = desk, desk.db, desk.keys
        self._counts: Counter[bytes] = Counter()
        self._large: set[bytes] = set()

    # -- from the indexes to the log

    def keys(self, keys: Sequence[bytes]) -> None:
        """Keys of indexes, from a scan."""
        sizes = self._db.many([("ZCARD", key) for key in keys])
        small = [key for key, size in zip(keys, sizes, strict=True) if int(size) <= SMALL]
        self._large.update(set(keys) - set(small))
        rows = self._db.many([("ZRANGE", key, 0, SMALL, "WITHSCORES") for key in small])
        for batch in batches([(key, *pair) for key, row in zip(small, rows, strict=True) for pair in flat_pairs(row)]):
            self._members(batch)

    def _members(self, members: Sequence[tuple[bytes, bytes, Any]]) -> None:
        """Entries of indexes, each with its index and its score: the log says the same."""
        entries = self._entries([member for _, member, _ in members])
        for key, member, number in members:
            if not self._right(key, member, number, entries.get(member)):
                self._desk.examine(partial(self._look_member, key, member))

    def _entries(self, ids: Sequence[bytes]) -> dict[bytes, Mapping[str, Any]]:
        """Events by id of entry; those that are there and have an id."""
        wanted = [one for one in dict.fromkeys(ids) if _is_id(one)]
        rows = self._db.many([("XRANGE", self._keys.audit, one, one) for one in wanted])
        return {one: _event(row[0]) for one, row in zip(wanted, rows, strict=True) if row}

    def _right(self, key: bytes, member: bytes, number: Any, event: Mapping[str, Any] | None) -> bool:
        return event is not None and key in self._places(event) and float(number) == index_score(member.decode())

    def _places(self, event: Mapping[str, Any]) -> list[bytes]:
        """The indexes that name an event."""
        return [self._keys.audit_index(facet, value) for facet, value in written_facets(event)]

    def _look_member(self, key: bytes, member: bytes) -> Finding | None:
        number = self._db.call("ZSCORE", key, member)
        event = self._entries([member]).get(member)
        if number is None or self._right(key, member, number, event):
            return None
        belongs = event is not None and key in self._places(event)

        def mend(commit: Commit) -> None:
            if belongs:
                commit.write("ZADD", key, index_score(member.decode()), member.decode())
            else:
                commit.write("ZREM", key, member.decode())

        what = f"{printable(key)}: {printable(member)} " + ("has another score" if belongs else "is not such an entry")
        # What is not even text cannot be named in a commit.
        text = member.decode(errors="replace").encode() == member
        return Finding(Invariant.AUDIT, ObjectRef("audit", printable(member)), what, mend if text else None)

    # -- from the log to the indexes

    def log(self) -> None:
        """All entries that the log has now; then the large indexes, where they have more than that."""
        newest = self._db.call("XREVRANGE", self._keys.audit, "+", "-", "COUNT", 1)
        if newest:
            last = newest[0][0]
            start = b"-"
            while rows := self._db.call("XRANGE", self._keys.audit, start, last, "COUNT", BATCH):
                self._rows(rows)
                start = b"(" + rows[-1][0]
        for key in sorted(self._large):
            most = index_score(newest[0][0].decode()) if newest else "-inf"
            if int(self._db.call("ZCOUNT", key, "-inf", most)) != self._counts[key]:
                self._walk(key)

    def _rows(self, rows: Sequence[Any]) -> None:
        self._desk.count(Invariant.AUDIT, len(rows))
        places = [(row[0], key) for row in rows for key in self._places(_event(row))]
        self._counts.update(key for _, key in places if key in self._large)
        scores = self._db.many([("ZSCORE", key, entry) for entry, key in places])
        wrong = [
            entry
            for (entry, _), number in zip(places, scores, strict=True)
            if number is None or float(number) != index_score(entry.decode())
        ]
        for entry in dict.fromkeys(wrong):
            self._desk.examine(partial(self._look_entry, entry))

    def _look_entry(self, entry: bytes) -> Finding | None:
        event = self._entries([entry]).get(entry)
        if event is None:
            return None
        right = index_score(entry.decode())
        places = self._places(event)
        scores = self._db.many([("ZSCORE", key, entry) for key in places])
        wrong = [
            key for key, number in zip(places, scores, strict=True) if number is None or float(number) != right
        ]
        if not wrong:
            return None

        def mend(commit: Commit) -> None:
            for key in wrong:
                commit.write("ZADD", key, right, entry.decode())

        what = f"{entry.decode()} is not as it should be in {', '.join(map(printable, wrong))}"
        return Finding(Invariant.AUDIT, ObjectRef("audit", entry.decode()), what, mend)

    def _walk(self, key: bytes) -> None:
        cursor = 0
        while True:
            position, found = self._db.call("ZSCAN", key, cursor, "COUNT", BATCH)
            self._members([(key, *pair) for pair in flat_pairs(found)])
            cursor = int(position)
            if not cursor:
                return


def _event(row: Any) -> Mapping[str, Any]:
    event: Mapping[str, Any] = json.loads(bytes(pairs(row[1])[b"e"]))
    return event


def _is_id(member: bytes) -> bool:
    try:
        index_score(member.decode())
    except ValueError:
        return False
    return True
