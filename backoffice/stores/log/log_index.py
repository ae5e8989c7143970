"""The indexes of the log: for each facet's value the ids of its entries in the order of the log, 8 bytes each.

An entry's 8 bytes are its id, milliseconds * 2^22 + sequence, most significant byte first, so they order as ids do and
are good until the year 2109. `commit.lua` appends them, `log_index.lua` finds them by bisection,
`log_repair.lua` puts right what is wrong. A sorted set would take ten times the memory.

Most indexes are one short string. Of a long one that string has the newest entries; the older ones are in segments
(`segments.py`), which its directory names in their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

WIDTH = 8
"""Bytes of an entry."""
RECORD = 16
"""Bytes of a segment in a directory: its first entry, its number, how many entries it has (4 bytes each)."""

_ID = re.compile(r"(?a:(\d{1,15})-(\d{1,19}))")
_SEQUENCE_BITS = 22


def is_entry_id(text: str) -> bool:
    """Whether `text` has the form of an entry's id."""
    return _ID.fullmatch(text) is not None


def pack(entry_id: str) -> bytes:
    """How an entry stands in its indexes; `_log.lua:pack_entry` makes the same of it.

    Raises ValueError for what is no id.
    """
    found = _ID.fullmatch(entry_id)
    if found is None:
        raise ValueError(f"not the id of an entry: {entry_id[:40]!r}")
    return pack_position((int(found[1]), int(found[2])))


def pack_position(position: tuple[int, int]) -> bytes:
    """The same of milliseconds and sequence."""
    milliseconds, sequence = position
    number = milliseconds << _SEQUENCE_BITS | min(sequence, (1 << _SEQUENCE_BITS) - 1)
    return min(number, (1 << 8 * WIDTH) - 1).to_bytes(WIDTH, "big")


def unpack(text: bytes) -> list[str]:
    """The ids of these entries; a remainder shorter than an entry is left out."""
    numbers = (int.from_bytes(text[at : at + WIDTH], "big") for at in range(0, len(text) - WIDTH + 1, WIDTH))
    return [f"{number >> _SEQUENCE_BITS}-{number & (1 << _SEQUENCE_BITS) - 1}" for number in numbers]


@dataclass(frozen=True, slots=True)
class Segment:
    """Older entries of an index. `number` is a name; the order is that of the directory. `count` says how many entries
    are its own: the string of one that is being split has more."""

    first: bytes
    number: int
    count: int

    def pack(self) -> bytes:
        """As `_log.lua:pack_segment`."""
        return self.first + self.number.to_bytes(4, "big") + self.count.to_bytes(4, "big")


def segments_of(directory: bytes | None) -> list[Segment]:
    """The segments that a directory names, the oldest first."""
    text = directory or b""
    rows = (text[at : at + RECORD] for at in range(0, len(text) - RECORD + 1, RECORD))
    return [Segment(row[:8], int.from_bytes(row[8:12], "big"), int.from_bytes(row[12:], "big")) for row in rows]
