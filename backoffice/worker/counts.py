"""What a worker has done, noted in the store with its heartbeat: it is no web server that could be asked."""

from __future__ import annotations

from collections import Counter

from backoffice import measures


class WorkCounts:
    """What has been done since it was noted last, by name: `runs:<job>`, `ms:<job>`, `failures:<job>`; of round trips
    to the store `trips:<kind>`, `trip_us:<kind>` (microseconds), `lost:<kind>`; and `chunks:<what>`. All of it happens
    in the thread of the worker's loop."""

    def __init__(self) -> None:
        self._since: Counter[str] = Counter()

    def took(self, step: str, kind: str, seconds: float, *, failed: bool) -> None:
        """Jobs, and round trips to the store."""
        if step == "job":
            self._since[f"runs:{kind}"] += 1
            self._since[f"ms:{kind}"] += round(seconds * 1000)
            self._since[f"failures:{kind}"] += failed
        elif step == "store":
            self._since[f"trips:{kind}"] += 1
            self._since[f"trip_us:{kind}"] += round(seconds * 1_000_000)
            self._since[f"lost:{kind}"] += failed

    def counted(self, thing: str, kind: str, amount: int) -> None:
        """What it reads in order to take checksums, and what was damaged of it."""
        if thing == "chunks":
            self._since[f"chunks:{kind}"] += amount

    def is_at(self, level: str, value: float) -> None:
        """It has no levels."""

    def since(self) -> dict[str, int]:
        """What is to be noted."""
        return {name: number for name, number in self._since.items() if number}

    def noted(self, numbers: dict[str, int]) -> None:
        """These were noted."""
        self._since.subtract(numbers)

    def listen(self) -> None:
        """Be told from now on."""
        measures.listen("numbers", self)
