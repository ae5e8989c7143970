"""Stretches of sorted sets: where the members of a page are looked for."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.stores.client import Command


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one sorted set: all of it, a range of scores, or a range of words."""

    key: bytes
    low: str = ""
    high: str = ""
    lexical: bool = False

    def count(self) -> Command:
        if not self.low:
            return ("ZCARD", self.key)
        return ("ZLEXCOUNT" if self.lexical else "ZCOUNT", self.key, self.low, self.high)

    def slice(self, first: int, count: int, descending: bool, *, scores: bool = False) -> Command:
        """Members from rank `first` of this stretch."""
        reverse = ("REV",) if descending else ()
        with_scores = ("WITHSCORES",) if scores else ()
        if not self.low:
            return ("ZRANGE", self.key, first, first + count - 1, *reverse, *with_scores)
        by = "BYLEX" if self.lexical else "BYSCORE"
        ends = (self.high, self.low) if descending else (self.low, self.high)
        return ("ZRANGE", self.key, *ends, by, *reverse, "LIMIT", first, count, *with_scores)

    def beyond(self, member: str, count: int, descending: bool) -> Command:
        """Members after this one in a set ordered by its members."""
        if descending:
            return ("ZRANGE", self.key, f"({member}", self.low or "-", "BYLEX", "REV", "LIMIT", 0, count)
        return ("ZRANGE", self.key, f"({member}", self.high or "+", "BYLEX", "LIMIT", 0, count)


def word_place(key: bytes, beginning: str) -> Place:
    """Members of an index of words that begin so."""
    return Place(key, f"[{beginning}", f"({beginning}\U0010ffff", lexical=True)
