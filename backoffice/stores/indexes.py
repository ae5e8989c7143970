"""The kinds of index that a collection can declare. Each says what a record puts into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from backoffice.domain.text import fold, words

T = TypeVar("T")
SEPARATOR = "\0"
"""Between the folded text and the id in a lexical member; folded names never contain it."""
END = "\1"
"""Just above the separator: `text END` is the end of the range of one exact text."""


@dataclass(frozen=True, slots=True)
class Unique(Generic[T]):
    """At most one record for each folded text; "" takes no place."""

    name: str
    text: Callable[[T], str]

    def folded(self, record: T) -> str:
        return fold(self.text(record))


@dataclass(frozen=True, slots=True)
class Sorted(Generic[T]):
    """Order by a number; None leaves the record out. `within` names facets for whose values it is kept as well."""

    name: str
    number: Callable[[T], float | None]
    within: tuple[str, ...] = ()

    def members(self, record: T, record_id: str) -> list[tuple[str, float]]:
        number = self.number(record)
        return [] if number is None else [(record_id, number)]

    def key(self, record: T) -> float | str:
        return self.number(record) or 0


@dataclass(frozen=True, slots=True)
class Lexical(Generic[T]):
    """Order by folded text, and search by its beginning; None leaves the record out."""

    name: str
    text: Callable[[T], str | None]
    within: tuple[str, ...] = ()

    def members(self, record: T, record_id: str) -> list[tuple[str, float]]:
        text = self.text(record)
        return [] if text is None else [(lexical_member(text, record_id), 0)]

    def key(self, record: T) -> float | str:
        return fold(self.text(record) or "")


@dataclass(frozen=True, slots=True)
class Words(Generic[T]):
    """Search by the beginning of words."""

    name: str
    text: Callable[[T], str | None]
    within: tuple[str, ...] = ()

    def members(self, record: T, record_id: str) -> list[tuple[str, float]]:
        return [(word + SEPARATOR + record_id, 0) for word in words(self.text(record) or "")]


@dataclass(frozen=True, slots=True)
class Facet(Generic[T]):
    """The records of each value, ordered by a number. `listed`: the values themselves can be asked for."""

    name: str
    values: Callable[[T], Iterable[str]]
    number: Callable[[T], float]
    order: str
    """Name of the sorted index with the same number."""
    listed: bool = False


Index = Unique[T] | Sorted[T] | Lexical[T] | Words[T] | Facet[T]


def lexical_member(text: str, record_id: str) -> str:
    """How a text stands in a lexical index."""
    return fold(text).replace(SEPARATOR, "") + SEPARATOR + record_id


def member_id(member: bytes) -> str:
    """The record's id at the end of a member."""
    return member.rpartition(SEPARATOR.encode())[2].decode()


def text_range(text: str) -> tuple[str, str]:
    """Bounds [least, below) of the members of one exact folded text."""
    folded = fold(text).replace(SEPARATOR, "")
    return folded + SEPARATOR, folded + END
