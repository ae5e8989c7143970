"""Ranges of sorted sets: where the members of a page are looked for."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.stores.client import Command


@dataclass(frozen=True, slots=True)
class ZSetRange:
    """A part of one sorted set: all of it, a range of scores, or (`lexical`) a range of members.

    `low` and `high` as ZRANGE takes them with BYSCORE or BYLEX; "" = the whole set.
    """

    key: bytes
    low: str = ""
    high: str = ""
    lexical: bool = False

    def count(self) -> Command:
        """The command that counts its members."""
        if not self.low:
            return ("ZCARD", self.key)
        return ("ZLEXCOUNT" if self.lexical else "ZCOUNT", self.key, self.low, self.high)

    def slice(self, first: int, count: int, descending: bool, *, scores: bool = False) -> Command:
        """The command that reads members from rank `first` of this range."""
        reverse = ("REV",) if descending else ()
        with_scores = ("WITHSCORES",) if scores else ()
        if not self.low:
            return ("ZRANGE", self.key, first, first + count - 1, *reverse, *with_scores)
        by = "BYLEX" if self.lexical else "BYSCORE"
        ends = (self.high, self.low) if descending else (self.low, self.high)
        return ("ZRANGE", self.key, *ends, by, *reverse, "LIMIT", first, count, *with_scores)

    def after(self, member: str, count: int, descending: bool) -> Command:
        """The command that reads the members after this one, in a set ordered by its members."""
        if descending:
            return ("ZRANGE", self.key, f"({member}", self.low or "-", "BYLEX", "REV", "LIMIT", 0, count)
        return ("ZRANGE", self.key, f"({member}", self.high or "+", "BYLEX", "LIMIT", 0, count)


def word_range(key: bytes, prefix: str) -> ZSetRange:
    """Members of an index of words that begin with `prefix`."""
    return ZSetRange(key, f"[{prefix}", f"({prefix}\U0010ffff", lexical=True)
