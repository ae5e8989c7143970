"""How fast somebody may fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """Free failures, then a wait that doubles from the first to the longest; all forgotten after a while."""

    free: int
    first_ms: int
    longest_ms: int
    forget_s: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted together. `name`: its kind, a colon, and who. `keeps`: a success takes back its own attempt, not
    the failures of others."""

    name: str
    limit: Limit
    keeps: bool = False
