"""Asking for entries of the log, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import AuditEntry, Outcome
from backoffice.domain.log_archive import LogPage
from backoffice.domain.words import search_fold

T = TypeVar("T")
U = TypeVar("U")

NOT_OK: Final[Mapping[Outcome, tuple[Action, ...]]] = {
    Outcome.DENIED: (Actions.ACCESS_DENY, Actions.SESSION_REFUSE, Actions.TOKEN_REFUSE, Actions.LINK_REFUSE),
    Outcome.ERROR: (Actions.FILE_DAMAGED, Actions.FILE_VERIFY, Actions.JOB_END),
}
"""The actions that can have an outcome: the log has an index of actions, and none of outcomes."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which entries, newest first.

    filters   (facet, value): all must hold
    actions   any of these; None = all, () = none
    words     each must stand somewhere in the entry
    outcome   as it stands in the entry; "" = any
    since     ms: from then on; until: before then; None = open
    cursor    `next_cursor` of the page before
    """

    filters: tuple[tuple[str, str], ...] = ()
    actions: tuple[str, ...] | None = None
    words: str = ""
    outcome: str = ""
    since: int | None = None
    until: int | None = None
    cursor: str = ""
    limit: int = 50

    def narrowed(self, actions: Sequence[str]) -> LogQuery:
        """Of these actions alone, and of those that were asked for already."""
        kept = tuple(dict.fromkeys(actions))
        return replace(
            self, actions=kept if self.actions is None else tuple(one for one in kept if one in self.actions)
        )

    def as_data(self) -> dict[str, Any]:
        """As it stands in an event: what was asked for, without the page."""
        asked: dict[str, Any] = dict(self.filters)
        if self.actions is not None:
            asked["actions"] = list(self.actions)
        for name in ("words", "outcome", "since", "until"):
            value = getattr(self, name)
            if value not in ("", None):
                asked[name] = value
        return asked


@dataclass(frozen=True, slots=True)
class FoundEntries(LogPage[T], Generic[T]):
    """A page of what was found. `looked_to`: the id of the entry up to which the log was looked at, where that was less
    than all of what was asked for and the page is not full; `next_cursor` goes on there. "" = nothing is left out."""

    looked_to: str = ""

    def map(self, change: Callable[[T], U]) -> FoundEntries[U]:
        """The same page of changed items."""
        items = tuple(change(item) for item in self.items)
        return FoundEntries(items, self.total, self.exact, self.next_cursor, self.trimmed, self.looked_to)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many entries there are from `edges[n]` (ms) up to the next one. `exact`: of exactly what was asked for; else
    of more than that: of a facet with its value, or of all."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    exact: bool
    of: tuple[str, str] | None = None

    @property
    def total(self) -> int:
        return sum(self.counts)


def has_words(needles: Sequence[str], entry: AuditEntry) -> bool:
    """Whether each of these, folded, stands somewhere in what the entry says: in a name, a reason, an address, a value
    before or after."""
    texts = [search_fold(text) for text in _leaves(entry.event)]
    return all(any(needle in text for text in texts) for needle in needles)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not None:
        yield str(value)
