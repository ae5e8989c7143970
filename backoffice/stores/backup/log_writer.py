"""Entries of the log, put back under the ids that they had, with their indexes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import repeat
from typing import Final

from backoffice.domain.log_archive import Trimmed, id_in, position
from backoffice.domain.maintenance import Invariant
from backoffice.errors import IntegrityError, Invalid
from backoffice.stores.backup.ahead import Behind
from backoffice.stores.backup.tallies import Tallies
from backoffice.stores.client import Command, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import pack_position
from backoffice.stores.log.segments import cut
from backoffice.stores.records.commit import written_facets

TOGETHER: Final = 500
_EVENT: Final = b',"event":'
_REMEMBERED: Final = 4_096
"""Keys of indexes: actions, actors and addresses come again and again."""


class LogWriter:
    """Notes in `tallies` what is written."""

    def __init__(self, db: Db, keys: Keys, trimmed: Trimmed | None, behind: Behind, tallies: Tallies) -> None:
        self._db, self._keys, self._trimmed, self._behind, self._tallies = db, keys, trimmed, behind, tallies
        self._last = (0, -1)
        self._index = lru_cache(_REMEMBERED)(keys.audit_index)
        self.count = self.left_out = 0
        """Entries that are there now; that had left the log, or were about to."""

    def add(self, lines: Sequence[bytes], where: str) -> None:
        """Lines of a file of the log, in order. Raises IntegrityError."""
        for start in range(0, len(lines), TOGETHER):
            self._some(lines[start : start + TOGETHER], where)

    def _some(self, lines: Sequence[bytes], where: str) -> None:
        entries: list[tuple[bytes, bytes]] = []
        indexes: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for line in lines:
            try:
                entry_id = id_in(line)
                raw = line[line.index(_EVENT) + len(_EVENT) : -2]
                facets = written_facets(json.loads(raw))
            except (Invalid, ValueError, KeyError, TypeError) as error:
                raise IntegrityError(f"{where}: an entry of the log cannot be read.") from error
            place = position(entry_id)
            if place <= self._last:
                raise IntegrityError(f"{where}: entry {entry_id} is not in its place.")
            self._last = place
            if self._trimmed is not None and self._trimmed.covers(entry_id):
                self.left_out += 1
                continue
            entries.append((entry_id.encode(), raw))
            one = pack_position(place)
            for facet, value in facets:
                indexes[self._index(facet, value)].append(one)
        self.count += len(entries)
        self._tallies.add(Invariant.AUDIT, len(entries), entries)
        for key, packed in indexes.items():
            self._tallies.add(Invariant.AUDIT, len(packed), zip(repeat(key), packed))
        self._behind.do(partial(self._put, entries, indexes))

    def _put(self, entries: Sequence[tuple[bytes, bytes]], indexes: Mapping[bytes, Sequence[bytes]]) -> None:
        commands: list[Command] = [("XADD", self._keys.audit, entry_id, "e", raw) for entry_id, raw in entries]
        commands += [("APPEND", key, b"".join(packed)) for key, packed in indexes.items()]
        lengths = self._db.many(commands)[len(entries) :]
        for key, length in zip(indexes, lengths, strict=True):
            if int(length) >= self._keys.full_bytes:
                cut(self._db, self._keys, key)
