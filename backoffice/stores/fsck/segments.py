"""Whether the segments of long indexes of the log are what their directories say, and in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

from backoffice.domain.audit import ObjectRef
from backoffice.domain.maintenance import Invariant
from backoffice.stores.fsck.repair import ATTEMPTS, BATCH, Fault, Repairer, printable
from backoffice.stores.log.log_index import RECORD, WIDTH, Segment, segments_of
from backoffice.stores.log.log_repair import DropSegment, Rebuild


class SegmentCheck:
    """Looks at segments and directories; a long index that is wrong in any way is made anew from the log."""

    def __init__(self, repairer: Repairer) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys
        self.indexes: set[bytes] = set()
        """Those that have segments, or should have."""
        self._strays: set[tuple[bytes, int]] = set()

    def note(self, keys: Sequence[bytes]) -> None:
        """Keys of segments and directories, from a scan."""
        for key in keys:
            index = self._keys.segmented(key)
            self.indexes.add(index)
            kind, number = self._keys.split(key)[:2]
            if kind == "segment":
                self._strays.add((index, int(number) if number.isdigit() else 0))

    def is_long(self, index: bytes) -> bool:
        """Whether an index has segments, or is so long that it should have."""
        directory, size = self._db.many([("EXISTS", self._keys.segments(index)), ("STRLEN", index)])
        return bool(directory) or int(size) >= self._keys.full_bytes

    def run(self) -> None:
        """Everything that was noted."""
        for index in sorted(self.indexes):
            self._repairer.verify_and_repair(partial(self.recheck, index))
        for index, number in sorted(self._strays):
            if self._is_stray(index, number):
                self._repairer.verify_and_repair(partial(self._recheck_stray, index, number))

    def recheck(self, index: bytes) -> Fault | None:
        """What is wrong with the segments of an index, or the order of its entries."""
        directory = self._keys.segments(index)
        for _ in range(ATTEMPTS):
            before = self._db.call("GET", directory) or b""
            what = self._wrong(index, before)
            if not what:
                return None
            if before == (self._db.call("GET", directory) or b""):
                return self.fault(index, f"{printable(index)}: {what}")
        return None

    def fault(self, index: bytes, what: str) -> Fault:
        """That something is wrong with a long index."""
        target = ObjectRef("audit", printable(index))
        return Fault(Invariant.AUDIT, target, what, log_repair=Rebuild(index))

    def backwards(self, index: bytes, first: int = 0) -> Iterator[bytes]:
        """The text of an index from its entry `first` on, in pieces and from its end: what is added meanwhile
        moves none still to come."""
        directory, size = self._db.many([("GET", self._keys.segments(index)), ("STRLEN", index)])
        segments = segments_of(directory)
        below = sum(one.count for one in segments)
        yield from self._pieces(index, max(0, first - below) * WIDTH, int(size))
        for one in reversed(segments):
            below -= one.count
            key = self._keys.segment(index, one.number)
            yield from self._pieces(key, max(0, first - below) * WIDTH, one.count * WIDTH)

    def _pieces(self, key: bytes, low: int, stop: int) -> Iterator[bytes]:
        while stop > low:
            start = max(low, (stop - 1) // WIDTH * WIDTH - (BATCH - 1) * WIDTH)
            yield self._db.call("GETRANGE", key, start, stop - 1)
            stop = start

    def _wrong(self, index: bytes, directory: bytes) -> str:
        """What is wrong, "" where nothing is."""
        if len(directory) % RECORD:
            return "its directory is not whole"
        last = b""
        for one in segments_of(directory):
            what = self._wrong_segment(index, one)
            if what:
                return what
            in_order, last = self._in_order(self._keys.segment(index, one.number), one.count * WIDTH, last)
            if not in_order:
                return f"the entries of segment {one.number} are not in their order"
        size = int(self._db.call("STRLEN", index))
        return "" if self._in_order(index, size, last)[0] else "the entries are not in their order"

    def _wrong_segment(self, index: bytes, one: Segment) -> str:
        key, size = self._keys.segment(index, one.number), one.count * WIDTH
        length, first = self._db.many([("STRLEN", key), ("GETRANGE", key, 0, WIDTH - 1)])
        # One that is being split has more than counts.
        if int(length) < size or (int(length) > size and size <= self._keys.segment_bytes):
            return f"segment {one.number} does not have {one.count} entries"
        return "" if one.count and first == one.first else f"segment {one.number} begins with another entry"

    def _in_order(self, key: bytes, size: int, last: bytes) -> tuple[bool, bytes]:
        """Whether a string has whole entries, each above the one before, of which the first comes after `last`; and the
        last one of it."""
        for start in range(0, size, self._keys.segment_bytes):
            text = self._db.call("GETRANGE", key, start, min(size, start + self._keys.segment_bytes) - 1)
            if not in_order(last + text):
                return False, last
            last = text[-WIDTH:]
        return True, last

    def _is_stray(self, index: bytes, number: int) -> bool:
        directory = segments_of(self._db.call("GET", self._keys.segments(index)))
        # One that is about to expire is being made (`log_repair.py:Rebuild`).
        left = int(self._db.call("PTTL", self._keys.segment(index, number)))
        return left == -1 and all(one.number != number for one in directory)

    def _recheck_stray(self, index: bytes, number: int) -> Fault | None:
        if not self._is_stray(index, number):
            return None
        key = printable(self._keys.segment(index, number))
        what = f"{key}: its index does not know of it"
        return Fault(Invariant.AUDIT, ObjectRef("audit", key), what, log_repair=DropSegment(index, number))


def in_order(text: bytes) -> bool:
    """Whether these are whole entries, each above the one before."""
    entries = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    return len(text) % WIDTH == 0 and all(one < other for one, other in pairwise(entries))
