"""How long `manage.py up` takes until it is ready, and how much of the processor."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plan import Goal, Part, Plan
from benchmarks.site import environment, up

MOST_SECONDS = 3.0
"""From the second start on."""


@dataclass(frozen=True, slots=True)
class Start:
    """`processor`: seconds of all its processes, with the end."""

    seconds: float
    processor: float


def measure(plan: Plan) -> list[Part]:
    directory = plan.scratch / "start"
    starts = []
    for number in range(1 + plan.rounds):
        plan.say(f"Start {number + 1}")
        starts.append(_start(directory))
    first, later = starts[0], starts[1:]
    seconds = statistics.median(one.seconds for one in later)
    processor = statistics.median(one.processor for one in later)
    rows = [
        ["the first, which makes everything", f"{first.seconds:.2f} s", f"{first.processor:.2f} s"],
        [f"later ones, median of {len(later)}", f"{seconds:.2f} s", f"{processor:.2f} s"],
    ]
    part = Part(
        "Start",
        "From `manage.py up` to `Ready`; one web worker for each core. Processor time with that of the end.",
        ("start", "ready after", "processor"),
        rows,
        [Goal("a later start", seconds, MOST_SECONDS, at_most=True, unit=" s")],
    )
    part.figures = {"seconds": [one.seconds for one in starts], "processor": [one.processor for one in starts]}
    return [part]


def _start(directory: Path) -> Start:
    before, began = _processor(), time.monotonic()
    with up(directory, environment(directory, "disk")):
        seconds = time.monotonic() - began
    return Start(seconds, _processor() - before)


def _processor() -> float:
    """Of processes that have ended, those below them included."""
    times = os.times()
    return times.children_user + times.children_system
