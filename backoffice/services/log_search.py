"""Finding entries of the log: what its indexes can say is asked of them, the rest is read, within bounds.

An index names entries by one value of one facet. A range of time is a range of ids, for an entry's id begins with its
time. Several actions are several indexes, merged. Words, and several actions of one person, are compared with the
entries themselves: at most `LOOKED` for a page, which then says how far it looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from backoffice.domain.audit import AuditEntry
from backoffice.domain.log_archive import LogPage, position
from backoffice.domain.log_query import FoundEntries, Histogram, LogQuery, has_words
from backoffice.domain.nouns import all_actions
from backoffice.domain.words import search_fold
from backoffice.services.log_ports import AuditLog

LOOKED: Final = 5_000
"""Entries that are compared for one page."""
BATCH: Final = 250
"""That are read together."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """`sources`: what the store is asked for, each a set of filters; `check`: what else has to hold of an entry, None =
    nothing; `since` ms."""

    sources: tuple[tuple[tuple[str, str], ...], ...]
    check: Callable[[AuditEntry], bool] | None
    since: int | None

    @classmethod
    def of(cls, query: LogQuery) -> _Plan:
        """The indexes that say most, and what is left to compare."""
        filters, actions = query.filters, query.actions
        checks: list[Callable[[AuditEntry], bool]] = []
        sources: tuple[tuple[tuple[str, str], ...], ...] = (filters,)
        if actions is not None and (len(actions) <= 1 or not filters):
            sources = tuple((*filters, ("action", action)) for action in actions)
        elif actions is not None:
            checks.append(partial(_is_one_of, frozenset(actions)))
        if query.outcome:
            checks.append(partial(_has_outcome, query.outcome))
        needles = tuple(search_fold(word) for word in query.words.split())
        if needles:
            checks.append(partial(has_words, needles))
        return cls(sources, partial(_all_hold, checks) if checks else None, query.since)

    @property
    def alone(self) -> bool:
        """Whether one question of the store answers everything."""
        return len(self.sources) == 1 and self.check is None

    def covers(self, entry_id: str) -> bool:
        """Whether an entry is not older than what was asked for."""
        return self.since is None or position(entry_id)[0] >= self.since


def _has_outcome(outcome: str, entry: AuditEntry) -> bool:
    return entry.event.get("outcome") == outcome


def _is_one_of(actions: frozenset[str], entry: AuditEntry) -> bool:
    return entry.event.get("action") in actions


def _all_hold(checks: Sequence[Callable[[AuditEntry], bool]], entry: AuditEntry) -> bool:
    return all(ask(entry) for ask in checks)


def search(log: AuditLog, query: LogQuery) -> FoundEntries[AuditEntry]:
    """A page of what was asked for. The total is exact where no range, no words and one index at most were asked for;
    else it is what the page has."""
    plan, start = _Plan.of(query), _start(query)
    if not plan.sources:
        return FoundEntries((), 0)
    if plan.alone:
        return _from_store(log, plan, start, query)
    return _compared(log, plan, start, query)


def matching(log: AuditLog, query: LogQuery) -> Iterator[AuditEntry]:
    """All of it, newest first, however long that takes; memory does not grow."""
    query = replace(query, limit=BATCH)
    while True:
        page = search(log, query)
        yield from page.items
        if not page.next_cursor:
            return
        query = replace(query, cursor=page.next_cursor)


def histogram(log: AuditLog, query: LogQuery, edges: Sequence[int]) -> Histogram:
    """How many there are between these times (ms), by the indexes alone. One round trip."""
    filters, actions = query.filters, query.actions
    of = filters[0] if filters else None
    if actions is not None and not filters:
        indexes: list[tuple[str, str]] = [("action", action) for action in actions]
    elif of is not None:
        indexes = [of]
    else:
        indexes = [("action", str(action)) for action in all_actions()]
    exact = not query.words and not query.outcome and len(filters) + (actions is not None) <= 1
    rows = log.counts(indexes, edges)
    counts = tuple(map(sum, zip(*rows, strict=True))) if rows else (0,) * (len(edges) - 1)
    return Histogram(tuple(edges), counts, exact, of)


def _start(query: LogQuery) -> str:
    """The id before which the page begins, "" = at the newest."""
    bounds = [query.cursor] if query.cursor else []
    if query.until is not None:
        bounds.append(f"{max(0, query.until)}-0")
    return min(bounds, key=position, default="")


def _from_store(log: AuditLog, plan: _Plan, start: str, query: LogQuery) -> FoundEntries[AuditEntry]:
    page = log.page(plan.sources[0], start, query.limit)
    kept = tuple(entry for entry in page.items if plan.covers(entry.id))
    beyond = len(kept) < len(page.items) or not (page.next_cursor and plan.covers(page.next_cursor))
    following = "" if beyond else page.next_cursor
    ranged = query.since is not None or query.until is not None
    exact = page.exact and not ranged
    total = page.total if exact else len(kept)
    # The store looks through entries within bounds of its own where several facets have to agree.
    short = following if len(kept) < query.limit else ""
    trimmed = page.trimmed if not following else None
    return FoundEntries(kept, total, exact, following, trimmed, short)


def _compared(log: AuditLog, plan: _Plan, start: str, query: LogQuery) -> FoundEntries[AuditEntry]:
    found: list[AuditEntry] = []
    looked, cursor = 0, start
    together = BATCH if plan.check is not None else query.limit + 1
    while True:
        batch = _batch(log, plan.sources, cursor, together)
        for entry in batch.items:
            if not plan.covers(entry.id):
                return FoundEntries(tuple(found), len(found), False)
            if plan.check is None or plan.check(entry):
                if len(found) == query.limit:
                    return FoundEntries(tuple(found), len(found), False, found[-1].id)
                found.append(entry)
        looked, cursor = looked + together, batch.next_cursor
        if not cursor or not plan.covers(cursor):
            return FoundEntries(tuple(found), len(found), False, trimmed=batch.trimmed)
        if looked >= LOOKED:
            return FoundEntries(tuple(found), len(found), False, cursor, looked_to=cursor)


def _batch(
    log: AuditLog, sources: Sequence[tuple[tuple[str, str], ...]], cursor: str, count: int
) -> LogPage[AuditEntry]:
    """The next entries of several sources, newest first."""
    pages = [log.page(filters, cursor, count) for filters in sources]
    if len(pages) == 1:
        return pages[0]
    entries = sorted((entry for page in pages for entry in page.items), key=lambda one: position(one.id), reverse=True)
    # A source that was cut off says nothing of what is older than its last entry.
    sure = max((page.next_cursor for page in pages if page.next_cursor), key=position, default="")
    known = [entry for entry in entries if not sure or position(entry.id) >= position(sure)]
    kept = known[:count]
    cursor = kept[-1].id if len(known) > count else sure
    trimmed = next((page.trimmed for page in pages if page.trimmed), None)
    return LogPage(tuple(kept), len(kept), False, cursor, trimmed)
