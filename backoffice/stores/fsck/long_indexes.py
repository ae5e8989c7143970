"""Indexes of the log that an earlier version left in one piece (`log/segments.py`): the worker cuts them once, in
steps, and notes that in the hash of the installation. They are found and counted all the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.segments import cut, long_segments, split
from backoffice.stores.scan import scan

DONE: Final = "segments"
"""Field of the installation that says that no index is longer than a segment."""


def are_long_indexes_cut(db: Db, keys: Keys) -> bool:
    """Whether all that were in one piece when this version came are cut."""
    return bool(db.call("HEXISTS", keys.install, DONE))


class LongIndexes:
    """Port `LogSegments`. Any number of processes may do it at once, and
    it may stop anywhere and begin again."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys
        self._scan: Iterator[list[bytes]] | None = None
        self._long: list[bytes] = []
        self.found = False
        """Whether any was long, since the keys were looked at from the first on."""

    def cut_some(self) -> bool:
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
            self._scan, self.found = scan(self._db, self._keys.all_indexes), False
        batch = next(self._scan, None)
        if batch is not None:
            self._look(batch)
            return True
        self._scan = None
        if not self.found:
            self._db.call("HSET", self._keys.install, DONE, 1)
        return self.found

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
        self.found = self.found or bool(long)

    def _split(self, index: bytes) -> None:
        cut(self._db, self._keys, index)
        long = long_segments(self._keys, self._db.call("GET", self._keys.segments(index)))
        if not (long and (split(self._db, self._keys, index, long[0]) or long[1:])):
            self._long.remove(index)
