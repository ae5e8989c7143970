"""The indexes of the log: for each facet's value one string, 8 bytes an entry, in the order of the log.

An entry's 8 bytes are its id, milliseconds * 2^22 + sequence, most significant byte first, so they order as ids do and
are good until the year 2109. `commit.lua` appends them, `log_index.lua` finds them by bisection,
`log_repair.lua` puts right what is wrong. A sorted set would take ten times the memory.
"""

from __future__ import annotations

import re

WIDTH = 8
"""Bytes of an entry."""
MOST_BYTES = 256 * 1024 * 1024
"""A string holds 512 MB. At this length an index gives up its older half: a value that has more entries than that keeps
the newest 16 million at least, and the log itself has all."""

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
    sequence = min(int(found[2]), (1 << _SEQUENCE_BITS) - 1)
    return min(int(found[1]) << _SEQUENCE_BITS | sequence, (1 << 8 * WIDTH) - 1).to_bytes(WIDTH, "big")


def unpack(text: bytes) -> list[str]:
    """The ids of these entries; a remainder shorter than an entry is left out."""
    numbers = (int.from_bytes(text[at : at + WIDTH], "big") for at in range(0, len(text) - WIDTH + 1, WIDTH))
    return [f"{number >> _SEQUENCE_BITS}-{number & (1 << _SEQUENCE_BITS) - 1}" for number in numbers]
