"""Segments: how an index of the log stays in strings of `Keys.segment_bytes`.

An index is appended to under one key, as long as it is short. A script that makes it full notes that in a set; the next
one that would append to it does nothing and says so. Then what the index has becomes a segment (`log_segment.lua`), and
the script is sent again: three trips more, once in 122,880 entries. The directory of the index names its segments in
their order.

An earlier version let a string grow to 256 MB. Such a one becomes a segment as it is, by being renamed, and is found
like any other; the worker makes short ones of it (`fsck/long_indexes.py`), the newest entries first: the directory says
how much of a string counts, so it gives up its end without being written anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.access import Ground
from backoffice.errors import Unavailable
from backoffice.stores.client import Arg, Command, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import WIDTH, Segment, segments_of

ATTEMPTS: Final = 20
"""How often others may be first to change an index."""


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
