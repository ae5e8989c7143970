"""Ranges of sorted sets: where the members of a page are looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backoffice.stores.client import Arg, Command, Db
from backoffice.stores.records.collection import flat_pairs
from backoffice.stores.records.cursors import Mark


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


def members_after(db: Db, place: ZSetRange, mark: Mark, wanted: int, descending: bool) -> tuple[int, list[Any]]:
    """How many members a range of an index ordered by number has, and those beyond a cursor, with their scores."""
    low, high = place.low or "-inf", place.high or "+inf"
    args: list[Arg] = [mark.number, mark.member, wanted, "desc" if descending else "asc", low, high]
    total, *row = db.script("zset_after", [place.key], args, allow_oom=True)
    least, most = float(low), float(high)
    return int(total), [pair for pair in flat_pairs(row) if least <= float(pair[1]) <= most]
