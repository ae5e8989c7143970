"""Segments: how an index of the log stays in strings of `Keys.segment_bytes`.

An index is appended to under one key, as long as it is short. A script that makes it full notes that in a set; the next
one that would append to it does nothing and says so. Then what the index has becomes a segment (`log_segment.lua`), and
the script is sent again: three trips more, once in 122,880 entries. The directory of the index names its segments in
their order.

An earlier version let a string grow to 256 MB. Such a one becomes a segment as it is, by being renamed, and is found
like any other; the worker makes short ones of it (`Segments`), the newest entries first, for a string gives up its
end without being written anew: the directory says how much of it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.access import Ground
from backoffice.errors import Unavailable
from backoffice.stores.client import Arg, Command, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import WIDTH, Segment, segments_of
from backoffice.stores.scan import scan

ATTEMPTS: Final = 20
"""How often others may be first to change an index."""
DONE: Final = "segments"
"""Field of the installation that says that no index is longer than a segment."""


@dataclass(frozen=True, slots=True)
class Appending:
    """A script that appends to indexes of the log, and answers `{"full", position in keys …}`."""

    name: str
    keys: Sequence[bytes]
    args: Sequence[Arg]
    allow_oom: bool = False

    def run(self, db: Db, keys: Keys, *, before: Sequence[Command] = (), ground: Ground | None = None) -> Any:
        """What it returns, without `{"full", …}`. Raises Unavailable where others fill an index again and again."""
        for _ in range(ATTEMPTS):
            reply = db.script(self.name, self.keys, self.args, allow_oom=self.allow_oom, before=before, ground=ground)
            if reply[0] != b"full":
                return reply
            before = ()  # that has been carried out
            for position in dict.fromkeys(map(int, reply[1:])):
                cut(db, keys, self.keys[position - 1])
        raise Unavailable


def cut(db: Db, keys: Keys, index: bytes) -> None:
    """Make a segment of what an index has, if it is full."""
    _make(db, keys, index, ["cut", keys.full_bytes])


def split(db: Db, keys: Keys, index: bytes, long: Segment) -> bool:
    """One step of making short segments of this one: 2 ms of the store. Whether something is left to do."""
    return (
        _make(db, keys, index, ["split", keys.segment_bytes, long.number], keys.segment(index, long.number)) == b"more"
    )


def long_segments(keys: Keys, directory: bytes | None) -> list[Segment]:
    """Those that are longer than they should be."""
    return [one for one in segments_of(directory) if one.count * WIDTH > keys.segment_bytes]


def _make(db: Db, keys: Keys, index: bytes, args: Sequence[Arg], *others: bytes) -> bytes:
    op, *rest = args
    number = 1
    for _ in range(ATTEMPTS):
        named = [index, keys.segments(index), keys.full_indexes, keys.segment(index, number), *others]
        reply = db.script("log_segment", named, [op, number, *rest], allow_oom=True)
        if reply[0] != b"number":
            status: bytes = reply[0]
            return status
        number = int(reply[1])
    raise Unavailable


class Segments:
    """Port `LogSegments`: what an earlier version left is cut in steps. Any number of processes may do it at once, and
    it may stop anywhere and begin again."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self._scan: Iterator[list[bytes]] | None = None
        self._long: list[bytes] = []
        self._found = False

    def step(self) -> bool:
        """A step of it; False when it was done, now or before. It is done once all keys were looked at and nothing was
        found: what was renamed meanwhile may have been passed over."""
        if self._long:
            self._split(self._long[-1])
            return True
        if self._scan is None:
            done, full = self._db.many([("HEXISTS", self._keys.install, DONE), ("SMEMBERS", self._keys.full_indexes)])
            for index in full:  # that nothing was added to since, or that was trimmed
                cut(self._db, self._keys, index)
            if done:
                return False
            self._scan, self._found = scan(self._db, self._keys.all_indexes), False
        batch = next(self._scan, None)
        if batch is not None:
            self._look(batch)
            return True
        self._scan = None
        if not self._found:
            self._db.call("HSET", self._keys.install, DONE, 1)
        return self._found

    def _look(self, batch: Sequence[bytes]) -> None:
        """Which of these are long."""
        kinds = {key: self._keys.split(key)[:1] for key in batch}
        strings = [key for key, kind in kinds.items() if kind == ("by",)]
        directories = [key for key, kind in kinds.items() if kind == ("segments",)]
        sizes = self._db.many([("STRLEN", key) for key in strings])
        texts = self._db.many([("GET", key) for key in directories])
        long = {key for key, size in zip(strings, sizes, strict=True) if int(size) > self._keys.segment_bytes}
        pairs = zip(directories, texts, strict=True)
        long.update(self._keys.segmented(key) for key, text in pairs if long_segments(self._keys, text))
        self._long = sorted(long)
        self._found = self._found or bool(long)

    def _split(self, index: bytes) -> None:
        cut(self._db, self._keys, index)
        long = long_segments(self._keys, self._db.call("GET", self._keys.segments(index)))
        if not (long and (split(self._db, self._keys, index, long[0]) or long[1:])):
            self._long.remove(index)
