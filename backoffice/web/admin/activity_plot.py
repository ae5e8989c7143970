"""What happened over time as one drawing: three series on each other, on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from backoffice.services.system import HOUR_MS, Activity

LABELS: Final = {"uploads": "Uploads", "downloads": "Downloads", "refusals": "Refused"}
"""From the axis up."""
WIDTH, HEIGHT, STEP, GAP = 600, 160, 20, 4
"""Of the drawing; of a bar with its gap."""


class Piece(NamedTuple):
    """A part of a bar."""

    series: str
    y: float
    height: float


class Bar(NamedTuple):
    """One step of time: what it is called, and its parts from the axis up."""

    x: int
    label: str
    figures: list[tuple[str, int]]
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Plot:
    """`top`: the number at the upper end of the axis; `totals`: series, label, number of all."""

    bars: tuple[Bar, ...]
    top: int
    width: int
    height: int
    bar_width: int
    totals: tuple[tuple[str, str, int], ...]


def plot_of(activity: Activity) -> Plot:
    """The drawing. What happened at all is seen, if only as a line."""
    totals = [sum(step) for step in zip(*activity.counts.values(), strict=True)]
    top = _round_up(max(totals, default=0))
    bars = []
    for at, start in enumerate(activity.starts):
        figures = [(name, activity.counts[name][at]) for name in LABELS]
        bars.append(Bar(at * STEP, _label(start, activity.step), figures, _stacked(figures, top)))
    sums = tuple((name, label, sum(activity.counts[name])) for name, label in LABELS.items())
    return Plot(tuple(bars), top, len(bars) * STEP, HEIGHT, STEP - GAP, sums)


def _stacked(figures: list[tuple[str, int]], top: int) -> list[Piece]:
    pieces, y = [], float(HEIGHT)
    for name, count in figures:
        if count:
            height = max(2.0, HEIGHT * count / top)
            y -= height
            pieces.append(Piece(name, round(y, 2), round(height, 2)))
    return pieces


def _round_up(number: int) -> int:
    """The least of 2, 4, 10, 20, 40, 100 … that is enough, so that its half is a whole number."""
    step = 1
    while True:
        for first in (2, 4, 10):
            if number <= first * step:
                return first * step
        step *= 10


def _label(start: int, step: int) -> str:
    """What a step of time is called, in UTC."""
    return datetime.fromtimestamp(start / 1000, UTC).strftime("%d %b, %H:00" if step == HOUR_MS else "%d %b")
