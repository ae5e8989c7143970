"""Whom the throttle of sign-ins slows (`services/sign_in/throttle.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BlockedKind(StrEnum):
    """What failures are counted for."""

    ADDRESS = "address"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Counted:
    """One row of a table of the throttle: `failures` so far, nobody gets on before `until` (ms), all is forgotten at
    `forgotten_at` (ms)."""

    who: str
    failures: int
    until: int
    forgotten_at: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """An address (an IPv6 network of 64 bits), or a name that was typed, with more failures than are free. `who` is how
    the throttle calls it: names are hashed, so that `username` is known only where somebody has that name. `until` is
    past for one that would have to wait after its next failure."""

    kind: BlockedKind
    who: str
    user: str
    username: str
    failures: int
    until: int
    forgotten_at: int

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.who}"

    @property
    def until_at(self) -> int:
        """`until`, called as lists and exports call times."""
        return self.until
