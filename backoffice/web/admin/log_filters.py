"""Filters of the log: what the address of its list asks for, as a question for the service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from backoffice.domain.acts import Acts
from backoffice.domain.audit import Outcome
from backoffice.domain.limits import MAX_LOG_FILTER_VALUE
from backoffice.domain.log_query import NOT_OK, LogQuery
from backoffice.domain.paging import Query
from backoffice.domain.times import parse_time, rfc3339
from backoffice.web.admin.applied_filters import AppliedFilter
from backoffice.web.admin.filters import InvalidFilter, Op, ServiceFilter, equals, one_of
from backoffice.web.admin.list_state import ListState
from backoffice.web.admin.owners import user_id, user_name
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.sentences import action_choices, actions_of

RANGE: Final = "at"
OBJECT: Final = "object"
CANDIDATES: Final = 8
"""Of each kind that are offered for a name."""


def facet(text: str) -> str:
    """A value as an index of the log has it."""
    if len(text) > MAX_LOG_FILTER_VALUE:
        raise ValueError(text)
    return text


def object_name(text: str) -> str:
    """`type:identifier`. Raises InvalidFilter for anything else, which may be a name."""
    kind, colon, identifier = facet(text).partition(":")
    if not (kind and colon and identifier and kind.isidentifier()):
        raise InvalidFilter(f"Which “{text[:60]}” is meant?")
    return text


def _moment(text: str) -> int:
    """A time in UTC, as of a control for date and time. Raises ValueError."""
    found = parse_time(text)
    if not 0 <= found < 1 << 42:
        raise ValueError(text)
    return found


def _until(text: str) -> int:
    """The last millisecond before that time; of a day, its last one, for people mean the day with it."""
    day = len(text) == len("2026-01-31") and 24 * 60 * 60 * 1000
    return _moment(text) + int(day) - 1


def _shown(text: str) -> str:
    return f"{text.replace('T', ' ').removesuffix('Z')} UTC"


def log_filters() -> tuple[ServiceFilter, ...]:
    """All of them. The names in addresses come from their labels."""
    outcomes = [(str(Outcome.DENIED), "refused"), (str(Outcome.ERROR), "error")]
    return (
        equals("actor", "Actor", user_id, show=user_name, hint="Name, e-mail or identifier"),
        one_of("action", "Action", action_choices),
        equals(OBJECT, "Object", object_name, hint="A name, or file:identifier"),
        equals("ip", "Address", facet, hint="192.0.2.1"),
        one_of("outcome", "Outcome", lambda: outcomes),
        ServiceFilter(RANGE, "When", Op.SINCE, _moment, control="datetime-local", show=_shown),
        ServiceFilter(RANGE, "When", Op.UNTIL, _until, control="datetime-local", show=_shown),
    )


def log_query(query: Query, cursor: str) -> LogQuery:
    """The question for the service that the list's query is."""
    found = LogQuery(words=query.search, cursor=cursor, limit=query.limit)
    for name, value in query.filters:
        if name == "action":
            found = found.narrowed(actions_of(value))
        elif name == "outcome":
            found = replace(found.narrowed(NOT_OK[Outcome(value)]), outcome=value)
        else:
            found = replace(found, filters=(*found.filters, (name, value)))
    for name, least, most in query.ranges:
        if name == RANGE:
            since = int(least) if least is not None else None
            found = replace(found, since=since, until=int(most) + 1 if most is not None else None)
    return found


def narrowed_url(state: ListState, since: int | None, until: int | None) -> str:
    """The list from one time to another (ms, not included), with its other filters."""
    others = tuple(used for used in state.filters if used.filter.column != RANGE)
    bounds = {Op.SINCE: since, Op.UNTIL: until}
    ranged = tuple(
        AppliedFilter(name, index, one, text, one.clean(text))
        for name, (index, one) in state.options.filters.items()
        if one.column == RANGE and (moment := bounds.get(one.op)) is not None
        for text in [written_moment(moment)]
    )
    return state.url(filters=tuple(sorted((*others, *ranged), key=lambda used: used.index)), page=0)


def written_moment(ms: int) -> str:
    """A time as a control for date and time has it: no more than is needed."""
    stamp = rfc3339(ms).removesuffix("Z")
    return stamp[:16] if ms % 60_000 == 0 else stamp


def quick_ranges(state: ListState, now: int) -> list[tuple[str, str, bool]]:
    """Name, address and whether it is in use, of the times that are asked for most. Whole minutes, so that a link that
    is sent on keeps what it showed."""
    minute = now // 60_000 * 60_000
    hour = 3_600_000
    found = [
        (name, narrowed_url(state, minute - span, None), False)
        for name, span in (("Hour", hour), ("24 hours", 24 * hour), ("7 days", 168 * hour), ("30 days", 720 * hour))
    ]
    ranged = any(used.filter.column == RANGE for used in state.filters)
    return [*found, ("Any time", narrowed_url(state, None, None), not ranged)]


class Candidate(NamedTuple):
    """An object of the name that was entered: what it is, what it is called, and the list of all about it."""

    kind: str
    name: str
    url: str


def asked_name(state: ListState) -> str:
    """What was entered as an object and is not one, "" = nothing."""
    return next((used.text for used in state.filters if used.filter.column == OBJECT and used.problem), "")


def candidates(state: ListState, text: str) -> list[Candidate]:
    """What there is of that name now, as far as the person asking may see it; the trash has no index of words."""
    query = Query(search=text, limit=CANDIDATES)
    reads: list[tuple[str, str, Any]] = []
    if may(Acts.FILES_LIST_ALL):
        files, uploads = services().files, services().uploads
        reads += [
            ("file", "name", lambda: files.page(actor(), query, everybody=True).items),
            ("file", "name", lambda: uploads.page(actor(), query).items),
        ]
    if may(Acts.USER_READ):
        reads.append(("user", "username", lambda: services().users.page(actor(), query).items))
    if may(Acts.ROLE_READ):
        reads.append(("role", "name", lambda: services().roles.page(actor(), query).items))
    if not reads:
        return []
    found = services().together(*(read for _, _, read in reads))
    return [
        Candidate(kind, str(getattr(one, name)), _about(state, kind, one.id))
        for (kind, name, _), items in zip(reads, found, strict=True)
        for one in items
    ]


def _about(state: ListState, kind: str, identifier: str) -> str:
    text = f"{kind}:{identifier}"
    kept = tuple(
        replace(used, text=text, value=text, problem="") if used.filter.column == OBJECT else used
        for used in state.filters
    )
    return state.url(filters=kept, page=0)


def words_url(state: ListState, text: str) -> str:
    """The list of entries in which the words of a name stand, also of what is gone."""
    others = tuple(used for used in state.filters if used.filter.column != OBJECT)
    return state.url(filters=others, search=text, page=0)
