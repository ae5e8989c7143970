"""Entries of the log as lines of a page: by day, each a sentence, what belongs together in one.

    {% from "admin/log_lines.html" import log_lines %}
    {{ log_lines(lines_of(entries)) }}

The page links `css/activity.css`; with `js/activity.js` the days and times are those of the reader's zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol

from flask import url_for
from markupsafe import Markup

from backoffice.domain.actions import Actions
from backoffice.domain.audit import Outcome, short_agent
from backoffice.domain.times import parse_time
from backoffice.web.sentences import Ways, sentence
from backoffice.web.url_pattern import UrlPattern

ENDS: Final = frozenset({Actions.FILE_CREATE, Actions.FILE_REPLACE, Actions.UPLOAD_CANCEL, Actions.UPLOAD_EXPIRE})
"""How an upload ends."""
_TONES: Final = {Outcome.DENIED: ("refused", "warn"), Outcome.ERROR: ("error", "bad")}
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Entry(Protocol):
    """What a line is made of."""

    @property
    def id(self) -> str: ...
    @property
    def event(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """An entry. `stamp` is RFC 3339; `state` a word and a tone where it was not ok; `by` the program, the address;
    `began`: where the beginning of an upload is, how long it took in words."""

    id: str
    url: str
    stamp: str
    clock: str
    text: Markup
    state: tuple[str, str] | None
    by: str
    began: tuple[str, str] | None


class Day(NamedTuple):
    """The lines of a day in UTC. `date` is ISO 8601."""

    date: str
    name: str
    lines: list[Line]


def ways() -> Ways:
    """Who leads to all that they did, what to all that happened to it."""
    by = UrlPattern(lambda key: url_for("audit.index_view", flt0_actor_is=key))
    about = UrlPattern(lambda key: url_for("audit.index_view", flt0_object_is=key))
    return Ways(by, lambda kind, identifier: about(f"{kind}:{identifier}"))


def lines_of(entries: Sequence[Entry], names: Mapping[str, str] | None = None, **there: Any) -> list[Day]:
    """The lines of these entries, newest first, by day. `names`: of users whom the log names by their identifiers;
    `there`: more for the address of an entry's page."""
    leading, page_of = ways(), UrlPattern(lambda key: url_for("audit.details_view", id=key, **there))
    begun = {_about(one): one for one in entries if one.event.get("action") == Actions.UPLOAD_START}
    ended = {_about(one) for one in entries if one.event.get("action") in ENDS}
    found = [
        _line(one, begun.get(_about(one)), leading, page_of, names or {})
        for one in entries
        if not (one.event.get("action") == Actions.UPLOAD_START and _about(one) in ended)
    ]
    return [Day(date, _day_name(date), list(lines)) for date, lines in groupby(found, lambda line: line.stamp[:10])]


def nameless_users(entries: Iterable[Entry]) -> set[str]:
    """The identifiers of users whom entries name by nothing else."""
    found = (one.event.get("object", {}) for one in entries)
    return {one["id"] for one in found if one.get("type") == "user" and not one.get("name") and one.get("id")}


def _line(entry: Entry, beginning: Entry | None, leading: Ways, page_of: UrlPattern, names: Mapping[str, str]) -> Line:
    event = entry.event
    actor, target = event.get("actor", {}), event.get("object", {})
    if not target.get("name") and target.get("id") in names:
        event = {**event, "object": {**target, "name": names[target["id"]]}}
    stamp, began = str(event.get("at", "")), None
    if beginning is not None and event.get("action") in ENDS:
        began = page_of(beginning.id), _duration(parse_time(stamp) - parse_time(beginning.event["at"]))
    program, via = short_agent(str(actor.get("agent", ""))).partition("/")[0], actor.get("via", "")
    by = [program or ("" if via == "web" else via), actor.get("ip", "")]
    return Line(
        id=entry.id,
        url=page_of(entry.id),
        stamp=stamp,
        clock=stamp[11:19],
        text=sentence(event, leading),
        state=_TONES.get(event.get("outcome", ""), None),
        by=" · ".join(filter(None, by)),
        began=began,
    )


def _about(entry: Entry) -> str:
    """What an entry is about; of other content for a file the upload that has brought it."""
    event = entry.event
    if event.get("action") == Actions.FILE_REPLACE:
        return str(event.get("changes", {}).get("content", ["", ""])[1])
    return str(event.get("object", {}).get("id", ""))


def _duration(ms: int) -> str:
    """`340 ms`, `12 s`, `3 min`, `2 h`."""
    for limit, step, unit in ((1000, 1, "ms"), (120_000, 1000, "s"), (7_200_000, 60_000, "min")):
        if ms < limit:
            return f"{max(0, ms) // step} {unit}"
    return f"{ms // 3_600_000} h"


def _day_name(date: str) -> str:
    """`27 November 2026`."""
    if len(date) != 10:
        return "No date"
    return f"{int(date[8:10])} {_MONTHS[int(date[5:7]) - 1]} {date[:4]}"
