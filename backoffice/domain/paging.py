"""Asking for a page of records, and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Query:
    """Which records, in what order, which part.

    sort        name of an index of the collection; "" = the collection's own order
    filters     (facet, value): all must hold
    ranges      (sorted index, least, most), both ends included; None = open
    search      words, each the beginning of a word of the record; all must match. Where no record has them: parts of
                its text
    parts       whether `search` looks for words alone (False) or for parts alone (True): a job must not go from one to
                the other when its records run out
    offset      first record by rank; or
    cursor      `next_cursor` of the page before (then `offset` is not looked at)
    """

    sort: str = ""
    descending: bool = False
    filters: tuple[tuple[str, str], ...] = ()
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    search: str = ""
    parts: bool | None = None
    limit: int = 50
    offset: int = 0
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`total` counts all that match; where `exact` is false there are at least so many."""

    items: tuple[T, ...]
    total: int
    exact: bool = True
    next_cursor: str = ""

    def map(self, change: Callable[[T], U]) -> Page[U]:
        """The same page of changed items."""
        return Page(tuple(change(item) for item in self.items), self.total, self.exact, self.next_cursor)
