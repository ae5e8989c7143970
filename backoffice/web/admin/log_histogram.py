"""The bars above the log: how many entries there are in each step of the time that is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from backoffice.domain.log_query import Histogram, LogQuery
from backoffice.domain.times import rfc3339

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
STEPS: Final = (
    *(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR),
    *(DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY, 10 * 365 * DAY),
)
MOST_BARS: Final = 32
USUAL: Final = 30 * DAY
"""What is shown where nobody asked for a time."""
WIDTH, HEIGHT, GAP = 10, 40, 2
"""Of a bar with its gap, and of the drawing."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Bar(NamedTuple):
    """One step: where it is drawn, what it is called, and the list narrowed to it."""

    x: int
    y: float
    width: int
    height: float
    number: int
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Bars:
    """The drawing. `step`: what a bar is; `of`: a facet and its value, where more is counted than is listed."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    most: int
    step: str
    exact: bool
    of: tuple[str, str] | None
    first: str
    last: str


def edges_of(query: LogQuery, now: int) -> list[int]:
    """The times (ms) that bound the bars: all of what was asked for, in steps of one size that begin where people would
    cut (UTC)."""
    until = query.until if query.until is not None else max(now + 1, query.since or 0)
    since = query.since if query.since is not None else (until - USUAL) // DAY * DAY
    since = min(since, until)
    step = next((one for one in STEPS if (until - since) // one < MOST_BARS - 1), STEPS[-1])
    return [since, *_between(since, until, step), until]


def _between(since: int, until: int, step: int) -> Iterator[int]:
    edge = (since // step + 1) * step
    while edge < until:
        yield edge
        edge += step


def bars_of(found: Histogram, narrowed: Callable[[int, int], str], last: str = "") -> Bars:
    """`narrowed`: the address of the list from one time to another; `last`: what the end is called."""
    edges, most = found.edges, max(found.counts, default=0)
    inner = edges[2] - edges[1] if len(edges) > 3 else edges[-1] - edges[0]
    bars = []
    for at, count in enumerate(found.counts):
        height = max(2.0, HEIGHT * count / most) if count else 0.0
        label = _label(edges[at], inner)
        url = narrowed(edges[at], edges[at + 1])
        bars.append(Bar(at * WIDTH, round(HEIGHT - height, 2), WIDTH - GAP, round(height, 2), count, label, url))
    name = _step_name(inner)
    width = max(1, len(bars)) * WIDTH
    return Bars(
        tuple(bars),
        width,
        HEIGHT,
        most,
        name,
        found.exact,
        found.of,
        _label(edges[0], inner),
        last or _label(edges[-1], inner),
    )


def _label(ms: int, step: int) -> str:
    """`27 Nov`, with the time where steps are shorter than a day; the year where they are long."""
    stamp = rfc3339(ms)
    day = f"{int(stamp[8:10])} {_MONTHS[int(stamp[5:7]) - 1]}"
    if step >= 30 * DAY:
        return f"{day} {stamp[:4]}"
    return day if step >= DAY else f"{day} {stamp[11:16]}"


def _step_name(step: int) -> str:
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if step >= size:
            count = round(step / size)
            return name if count == 1 else f"{count} {name}s"
    return "moment"
