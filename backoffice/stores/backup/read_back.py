"""A store that was restored, read again: whether it has what was put into it, all of it and nothing else.

Every entry of every index, every count, every chunk's place and size, and the log with its indexes are read and
compared as sums (`tallies.py`). That holds only as long as nobody else uses the store, and does not say what is wrong:
for that there is `fsck`. A thread asks while what came before is added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any, Final

from backoffice.domain.maintenance import Invariant
from backoffice.stores.backup.ahead import ahead
from backoffice.stores.backup.kinds import LEFT_OUT, NOUNS
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.tallies import Tallies
from backoffice.stores.client import Command, Db
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.fsck.log_places import SHORT
from backoffice.stores.fsck.repair import Repairer
from backoffice.stores.fsck.segments import SegmentCheck, in_order
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import WIDTH
from backoffice.stores.quotas import VERSIONS
from backoffice.stores.records.codec import pairs
from backoffice.stores.scan import scan
from backoffice.stores.users import NOUN as USERS

KEYS: Final = 500
"""That are asked together."""
ENTRIES: Final = 5_000
"""Of indexes, that travel together."""
_PIECE: Final = ENTRIES * WIDTH
_NOUNS: Final = (NOUNS.keys() | {FILES}) - LEFT_OUT
Piece = Callable[[], None]
"""Adds up what was read."""


class ReadBack:
    """Reads it. `tallies`: of what is there; `sound`: whether nothing was found that cannot be."""

    def __init__(self, db: Db, keys: Keys, raw: RawChunks) -> None:
        self._db, self._keys, self._raw = db, keys, raw
        self.tallies, self.sound = Tallies(), True
        self._segments = SegmentCheck(Repairer(db, keys, None, lambda _finding, _repaired: self._not_sound()))

    def steps(self) -> Iterator[None]:
        """All of it, piece by piece."""
        for piece in ahead(self._pieces()):
            piece()
            yield
        self._segments.run()

    def _pieces(self) -> Iterator[Piece]:
        for batch in scan(self._db, self._keys.control_keys):
            for start in range(0, len(batch), KEYS):
                yield from self._deal(batch[start : start + KEYS])
        yield from self._log()
        for some in self._raw.stored():
            yield partial(self._add, Invariant.CHUNK, some)

    def _add(self, what: Invariant, things: Sequence[Any]) -> None:
        self.tallies.add(what, len(things), things)

    def _deal(self, keys: Sequence[bytes]) -> Iterator[Piece]:
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
        yield partial(self._add, Invariant.ORPHAN, kinds["map"])
        yield partial(self._segments.note, kinds["segment"] + kinds["segments"])
        if kinds["quota"]:
            yield self._quotas(kinds["quota"])
        yield from self._log_indexes(kinds["log"])
        for key in kinds["segment"]:
            yield from self._long_index(self._keys.segmented(key), key)
        yield from self._sets(kinds["by"], Invariant.INDEX)
        yield from self._sets(kinds["facet"], Invariant.FACET)
        yield from self._uniques(kinds["one"])

    def _quotas(self, keys: Sequence[bytes]) -> Piece:
        rows = self._db.many([("HMGET", key, "used", "reserved", VERSIONS) for key in keys])
        owners = [key[len(self._keys.quota("")) :].decode() for key in keys]
        found = [(owner, *(int(number or 0) for number in row)) for owner, row in zip(owners, rows, strict=True)]
        return partial(self._add, Invariant.QUOTA, found)

    # -- indexes of records

    def _sets(self, keys: Sequence[bytes], what: Invariant) -> Iterator[Piece]:
        """Small ones together, large ones in pieces."""
        sizes = map(int, self._db.many([("ZCARD", key) for key in keys]))
        asked: list[tuple[bytes, int, int]] = []
        waiting = 0
        for key, size in zip(keys, sizes, strict=True):
            for start in range(0, size, ENTRIES):
                count = min(ENTRIES, size - start)
                if waiting + count > ENTRIES:
                    yield self._members(asked, what)
                    asked, waiting = [], 0
                asked.append((key, start, start + count - 1))
                waiting += count
        if asked:
            yield self._members(asked, what)

    def _members(self, asked: Sequence[tuple[bytes, int, int]], what: Invariant) -> Piece:
        rows = self._db.many([("ZRANGE", key, start, stop, "WITHSCORES") for key, start, stop in asked])
        return partial(self._add_members, what, [key for key, *_ in asked], rows)

    def _add_members(self, what: Invariant, keys: Sequence[bytes], rows: Sequence[Any]) -> None:
        for key, row in zip(keys, rows, strict=True):
            count, found = _members_of(row)
            self.tallies.add(what, count, zip(repeat(key), found))

    def _uniques(self, keys: Sequence[bytes]) -> Iterator[Piece]:
        for key in keys:
            cursor, more = 0, True
            while more:
                position, found = self._db.call("HSCAN", key, cursor, "COUNT", ENTRIES)
                yield partial(self._add, Invariant.UNIQUE, [(key, pair) for pair in pairs(found).items()])
                cursor = int(position)
                more = bool(cursor)

    # -- the log

    def _log_indexes(self, keys: Sequence[bytes]) -> Iterator[Piece]:
        texts = self._db.many([_stretch(key, 0, SHORT) for key in keys])
        short = [(key, text) for key, text in zip(keys, texts, strict=True) if len(text) < SHORT]
        yield partial(self._short_indexes, short)
        for key, text in zip(keys, texts, strict=True):
            if len(text) == SHORT:
                yield from self._long_index(key, key)

    def _short_indexes(self, indexes: Sequence[tuple[bytes, bytes]]) -> None:
        single = [one for one in indexes if len(one[1]) == WIDTH]
        self._add(Invariant.AUDIT, single)
        if len(single) < len(indexes):
            for index, text in indexes:
                if len(text) != WIDTH:
                    self._entries(index, text, b"")

    def _long_index(self, index: bytes, key: bytes) -> Iterator[Piece]:
        """One that is read in pieces, or a segment of it."""
        at, last = 0, b""
        while text := self._db.call(*_stretch(key, at, _PIECE)):
            yield partial(self._entries, index, text, last)
            at, last = at + len(text), text[-WIDTH:]

    def _entries(self, index: bytes, text: bytes, last: bytes) -> None:
        if not in_order(last + text):
            self._not_sound()
        self._add(Invariant.AUDIT, [(index, text[at : at + WIDTH]) for at in range(0, len(text), WIDTH)])

    def _log(self) -> Iterator[Piece]:
        start = b"-"
        while rows := self._db.call("XRANGE", self._keys.audit, start, "+", "COUNT", KEYS):
            yield partial(self._add_entries, rows)
            start = b"(" + rows[-1][0]

    def _add_entries(self, rows: Sequence[Any]) -> None:
        self.tallies.add(Invariant.AUDIT, len(rows), ((one, bytes(pairs(fields)[b"e"])) for one, fields in rows))

    def _not_sound(self) -> None:
        self.sound = False


def _stretch(key: bytes, start: int, count: int) -> Command:
    return ("GETRANGE", key, start, start + count - 1)


def _members_of(row: Any) -> tuple[int, Iterator[tuple[bytes, float]]]:
    """How many members with their numbers, however the client groups them, and they."""
    if row and isinstance(row[0], list | tuple):
        return len(row), ((member, float(number)) for member, number in row)
    return len(row) // 2, zip(row[::2], map(float, row[1::2]), strict=True)
