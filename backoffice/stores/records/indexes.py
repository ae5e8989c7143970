"""The kinds of index that a collection can declare. Each says what a record puts into it; `ref` is its id as indexes
hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from backoffice.domain.text import fold
from backoffice.domain.words import index_words
from backoffice.errors import NameTaken

T = TypeVar("T")
SEPARATOR = "\0"
"""Between the folded text and the id in a lexical member; folded names never contain it."""
END = "\1"
"""Just above the separator: `text END` is the end of the range of one exact text."""


@dataclass(frozen=True, slots=True)
class Unique(Generic[T]):
    """At most one record for each folded text; "" takes no place. `taken` is told of a second one, of `field`; by
    itself of the index's name. `asked` False: no commit has to ask whether it is free, for it checks otherwise that
    nobody else has it; so two records can exchange theirs."""

    name: str
    text: Callable[[T], str]
    field: str = ""
    taken: str = ""
    asked: bool = True

    def refusal(self) -> NameTaken:
        """What a second record is refused with."""
        return NameTaken(self.taken or f"This {self.name} is taken.", field=self.field or self.name)

    def folded(self, record: T) -> str:
        return fold(self.text(record))


@dataclass(frozen=True, slots=True)
class Sorted(Generic[T]):
    """Order by a number; None leaves the record out. `within` names facets for whose values it is kept as well."""

    name: str
    number: Callable[[T], float | None]
    within: tuple[str, ...] = ()

    def members(self, record: T, ref: str) -> list[tuple[str, float]]:
        number = self.number(record)
        return [] if number is None else [(ref, number)]


@dataclass(frozen=True, slots=True)
class Lexical(Generic[T]):
    """Order by folded text, and search by its beginning; None leaves the record out."""

    name: str
    text: Callable[[T], str | None]
    within: tuple[str, ...] = ()

    def members(self, record: T, ref: str) -> list[tuple[str, float]]:
        text = self.text(record)
        return [] if text is None else [(lexical_member(text, ref), 0)]


@dataclass(frozen=True, slots=True)
class Words(Generic[T]):
    """Search by the beginning of words. `first`: the order by the same text, or one that begins with it and is kept
    within the same facets. It finds a text by its first word as well, which then needs no entry here. `compared`: the
    text of each record, also of those that the index leaves out; an order that has them can be searched, too. `fields`:
    of which this text is made, with a space between; then a walk reads nothing else of records without the words."""

    name: str
    text: Callable[[T], str | None]
    within: tuple[str, ...] = ()
    first: Lexical[T] | None = None
    compared: Callable[[T], str] | None = None
    fields: tuple[str, ...] = ()

    def searched(self, record: T) -> str:
        """What a question is compared with."""
        return (self.compared or self.text)(record) or ""

    def members(self, record: T, ref: str) -> list[tuple[str, float]]:
        found = index_words(self.text(record) or "")
        if found and self.first is not None:
            for beginning, _ in self.first.members(record, ref):
                if beginning.startswith(found[0]):
                    found = found[1:]
        return [(word + SEPARATOR + ref, 0) for word in found]

    def stretches(self, record: T, ref: str) -> list[list[str]]:
        """All members by which the record is found, index by index in the order of a search: `first`, then this one."""
        indexes: list[Lexical[T] | Words[T]] = [self] if self.first is None else [self.first, self]
        return [[member for member, _ in index.members(record, ref)] for index in indexes]


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


def lexical_member(text: str, ref: str) -> str:
    """How a text stands in a lexical index."""
    return lexical_text(text) + SEPARATOR + ref


def lexical_text(text: str) -> str:
    """A text, or the beginning of one, as lexical indexes hold it."""
    return fold(text).replace(SEPARATOR, "")


def text_range(text: str) -> tuple[str, str]:
    """Bounds [least, below) of the members of one exact folded text."""
    folded = lexical_text(text)
    return folded + SEPARATOR, folded + END
