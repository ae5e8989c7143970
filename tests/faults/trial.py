"""What a fault is given and what it gives back: the rows of docs/reliability.md."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.oracle import Verdict


class NotTried(Exception):
    """This machine cannot do that. The message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Trial:
    """`full`: all of it; otherwise a sample that takes some seconds. `until`: on the monotonic clock, when no further
    run is begun; None: there is no end."""

    directory: Path
    seed: int
    full: bool
    until: float | None = None

    @property
    def goes_on(self) -> bool:
        return self.until is None or time.monotonic() < self.until

    def rounds(self, full: int, sample: int = 1) -> Iterator[int]:
        """Numbers of runs, one at least, as many as there are and as time allows."""
        for number in range(full if self.full else sample):
            if number and not self.goes_on:
                return
            yield number

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")  # noqa: S311 - to be repeated, not to be secret

    def place(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir(parents=True)
        return path


@dataclass(slots=True)
class Row:
    """One line of the report. `runs`: how often the fault came. `recovered`: seconds until the site answered again, of
    each. `slowest`: seconds of the answer that took longest. `note`: what else was seen."""

    fault: str
    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    slowest: float | None = None
    note: str = ""
    not_tried: str = ""
    expected: str = ""
    """Why what was lost is no surprise: it is shown, and judged by people."""

    def count(self, verdict: Verdict) -> None:
        self.acknowledged += verdict.acknowledged
        self.lost += verdict.lost
        self.problems += verdict.problems

    def known(self, why: str) -> None:
        """Losses are what such a site has to expect; they stay in the row."""
        self.expected = why

    @property
    def good(self) -> bool:
        return bool(self.expected) or not (self.lost or self.problems)


Fault = Callable[[Trial], Iterator[Row]]
"""Injects a fault, judges, and yields rows."""
