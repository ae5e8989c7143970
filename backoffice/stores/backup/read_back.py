"""A store that was restored, read again: whether it has what was put into it, all of it and nothing else.

Every entry of every index, every count, every chunk's place and size, and the log with its indexes are read and
compared as sums (`tallies.py`). That holds only as long as nobody else uses the store, and does not say what is wrong:
for that there is `fsck`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import Any, Final

from backoffice.domain.maintenance import Invariant
from backoffice.stores.backup.kinds import LEFT_OUT, NOUNS
from backoffice.stores.backup.tallies import Tallies
from backoffice.stores.client import Command, Db
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.fsck.chunks import Chunks
from backoffice.stores.fsck.repair import Repairer
from backoffice.stores.fsck.segments import SegmentCheck, in_order
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import WIDTH
from backoffice.stores.quotas import VERSIONS
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import flat_pairs
from backoffice.stores.scan import scan
from backoffice.stores.users import NOUN as USERS

KEYS: Final = 500
"""That are asked together."""
ENTRIES: Final = 5_000
"""Of indexes, that travel together."""
SHORT: Final = 64 * WIDTH
"""Bytes up to which an index of the log is read at once."""
_PIECE: Final = ENTRIES * WIDTH
_NOUNS: Final = (NOUNS.keys() | {FILES}) - LEFT_OUT


class ReadBack:
    """Reads it. `tallies`: of what is there; `sound`: whether nothing was found that cannot be."""

    def __init__(self, db: Db, keys: Keys, chunks: Chunks) -> None:
        self._db, self._keys, self._chunks = db, keys, chunks
        self.tallies, self.sound = Tallies(), True
        self._segments = SegmentCheck(Repairer(db, keys, None, lambda _finding, _repaired: self._not_sound()))

    def steps(self) -> Iterator[None]:
        """All of it, piece by piece."""
        for batch in scan(self._db, self._keys.control_keys):
            for start in range(0, len(batch), KEYS):
                yield from self._deal(batch[start : start + KEYS])
        self._segments.run()
        yield
        yield from self._log()
        places = ((one, index, stat.size - stat.overhead, stat.kept) for one, index, stat in self._chunks.scan())
        while some := list(islice(places, ENTRIES)):
            self.tallies.add(Invariant.CHUNK, [place[:3] for place in some if place[3]])
            yield

    def _deal(self, keys: Sequence[bytes]) -> Iterator[None]:
        """Each to what reads it; records were read when their indexes were made."""
        kinds: defaultdict[str, list[bytes]] = defaultdict(list)
        for key in keys:
            name, *more = self._keys.split(key)
            if name in _NOUNS:
                name = more[0] if len(more) > 1 else ""
                if name == "one" and key == self._keys.unique(USERS, "reserved"):
                    name = ""  # a record
            elif name == "by":
                name = "log"
            kinds[name].append(key)
        self.tallies.add(Invariant.ORPHAN, kinds["map"])
        self._quotas(kinds["quota"])
        self._segments.note(kinds["segment"] + kinds["segments"])
        yield from self._log_indexes(kinds["log"])
        for key in kinds["segment"]:
            yield from self._long_index(self._keys.segmented(key), key)
        yield from self._sets(kinds["by"], Invariant.INDEX)
        yield from self._sets(kinds["facet"], Invariant.FACET)
        yield from self._uniques(kinds["one"])

    def _quotas(self, keys: Sequence[bytes]) -> None:
        rows = self._db.many([("HMGET", key, "used", "reserved", VERSIONS) for key in keys])
        owners = [key[len(self._keys.quota("")) :].decode() for key in keys]
        found = [(owner, *(int(number or 0) for number in row)) for owner, row in zip(owners, rows, strict=True)]
        self.tallies.add(Invariant.QUOTA, found)

    # -- indexes of records

    def _sets(self, keys: Sequence[bytes], what: Invariant) -> Iterator[None]:
        """Small ones together, large ones in pieces."""
        sizes = map(int, self._db.many([("ZCARD", key) for key in keys]))
        asked: list[tuple[bytes, int, int]] = []
        waiting = 0
        for key, size in zip(keys, sizes, strict=True):
            for start in range(0, size, ENTRIES):
                count = min(ENTRIES, size - start)
                if waiting + count > ENTRIES:
                    self._members(asked, what)
                    yield
                    asked, waiting = [], 0
                asked.append((key, start, start + count - 1))
                waiting += count
        self._members(asked, what)

    def _members(self, asked: Sequence[tuple[bytes, int, int]], what: Invariant) -> None:
        rows = self._db.many([("ZRANGE", key, start, stop, "WITHSCORES") for key, start, stop in asked])
        for (key, _, _), row in zip(asked, rows, strict=True):
            found = flat_pairs(row)
            self.tallies.add(what, list(zip(repeat(key), ((member, float(number)) for member, number in found))))

    def _uniques(self, keys: Sequence[bytes]) -> Iterator[None]:
        for key in keys:
            cursor, more = 0, True
            while more:
                position, found = self._db.call("HSCAN", key, cursor, "COUNT", ENTRIES)
                self.tallies.add(Invariant.UNIQUE, list(zip(repeat(key), pairs(found).items())))
                cursor = int(position)
                more = bool(cursor)
                yield

    # -- the log

    def _log_indexes(self, keys: Sequence[bytes]) -> Iterator[None]:
        for key, text in zip(keys, self._db.many([_stretch(key, 0, SHORT) for key in keys]), strict=True):
            if len(text) == WIDTH:
                self.tallies.add(Invariant.AUDIT, [(key, text)])
            elif len(text) < SHORT:
                self._log_entries(key, text, b"")
            else:
                yield from self._long_index(key, key)

    def _long_index(self, index: bytes, key: bytes) -> Iterator[None]:
        """One that is read in pieces, or a segment of it."""
        at, last = 0, b""
        while text := self._db.call(*_stretch(key, at, _PIECE)):
            last = self._log_entries(index, text, last)
            at += len(text)
            yield

    def _log_entries(self, index: bytes, text: bytes, last: bytes) -> bytes:
        if not in_order(last + text):
            self._not_sound()
        self.tallies.add(Invariant.AUDIT, [(index, text[at : at + WIDTH]) for at in range(0, len(text), WIDTH)])
        return text[-WIDTH:]

    def _log(self) -> Iterator[None]:
        start = b"-"
        while rows := self._db.call("XRANGE", self._keys.audit, start, "+", "COUNT", KEYS):
            self.tallies.add(Invariant.AUDIT, [(one, _event(fields)) for one, fields in rows])
            start = b"(" + rows[-1][0]
            yield

    def _not_sound(self) -> None:
        self.sound = False


def _stretch(key: bytes, start: int, count: int) -> Command:
    return ("GETRANGE", key, start, start + count - 1)


def _event(fields: Any) -> bytes:
    return bytes(pairs(fields)[b"e"])
