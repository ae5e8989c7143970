"""Whether indexes of the log name entries, asked for hundreds of them at once.

A script finds an entry's place by bisection, which takes the server 10 us each. Most indexes are a few entries long and
are read instead; and of a long one, entries that follow each other in the log are a stretch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from backoffice.stores.client import Db
from backoffice.stores.log.index_reader import IndexReader
from backoffice.stores.log.log_index import WIDTH, pack

SHORT: Final = 64 * WIDTH
"""Bytes up to which an index is read at once."""
STRETCH: Final = 8
"""Entries of a long index from which on its stretch is read."""

IndexEntry = tuple[bytes, str]
"""An index, and the id of an entry."""


@dataclass(frozen=True, slots=True)
class LogPlaces:
    """Reads indexes. What is not found so is asked for one by one."""

    db: Db
    index: IndexReader

    def named(self, entries: Sequence[IndexEntry], large: Container[bytes]) -> list[bool]:
        """For each entry, in the order of the log, whether its index names it. `large`: indexes that are long."""
        ids = {one: pack(one) for _, one in entries}
        asked: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for key, one in entries:
            asked[key].append(ids[one])
        found = self._read(asked, large)
        there = [ids[one] in found.get(key, ()) for key, one in entries]
        left = [place for place, known in enumerate(there) if not known]
        questions = [(entries[place][0], ids[entries[place][1]]) for place in left]
        for place, (_, known) in zip(left, self.index.ranks(questions), strict=True):
            there[place] = known
        return there

    def _read(self, asked: dict[bytes, list[bytes]], large: Container[bytes]) -> dict[bytes, set[bytes]]:
        """Entries that these indexes name, as far as that is cheap."""
        short = [key for key in asked if key not in large]
        texts = self.db.many([("GETRANGE", key, 0, SHORT - 1) for key in short])
        found = {key: _entries(text) for key, text in zip(short, texts, strict=True)}
        for key, wanted in asked.items():
            if key in large and len(wanted) >= STRETCH:
                found[key] = _entries(self.index.last(key, wanted[-1], len(wanted)))
        return found


def _entries(text: bytes) -> set[bytes]:
    return {text[at : at + WIDTH] for at in range(0, len(text) - WIDTH + 1, WIDTH)}
