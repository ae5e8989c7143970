"""What was found, fault by fault, in a file: a run that is stopped loses none of it, and another one goes on there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.trial import Row


@dataclass(frozen=True, slots=True)
class Found:
    """Of one fault. `full`: all of it, not a sample. `date`: when it began, in UTC, to the minute. `seconds`: how long
    it took. `load`: the machine's load average when it ended, over the last five minutes; of `cores`. `minutes`: after
    which no further run was begun; None: all of them were made."""

    name: str
    full: bool
    seed: int
    date: str
    seconds: float
    load: float
    rows: Sequence[Row]
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    minutes: float | None = None


class Watch:
    """Notes when a fault begins."""

    def __init__(self) -> None:
        self._began, self._date = time.monotonic(), datetime.now(UTC).strftime("%Y-%m-%d %H:%M")

    def found(self, name: str, rows: Sequence[Row], *, full: bool, seed: int, minutes: float | None) -> Found:
        seconds, load = round(time.monotonic() - self._began, 1), round(os.getloadavg()[1], 1)
        return Found(name, full, seed, self._date, seconds, load, rows, minutes=minutes)


def keep(path: Path, found: Found) -> None:
    """One line more. It is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(found)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def kept(path: Path) -> dict[str, Found]:
    """The last of each fault; a sample only where there is nothing more. A line that was torn off counts as none."""
    best: dict[str, Found] = {}
    for line in path.read_text("utf-8").splitlines(keepends=True) if path.exists() else ():
        if not line.endswith("\n"):
            continue
        told = json.loads(line)
        one = Found(**{**told, "rows": [Row(**row) for row in told["rows"]]})
        if one.full or one.name not in best or not best[one.name].full:
            best[one.name] = one
    return best
