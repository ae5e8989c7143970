"""How much is measured, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backoffice.settings import Settings

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. Sizes in bytes. `out` receives the results, `scratch` everything that is thrown away."""

    out: Path
    scratch: Path
    quick: bool
    peers: bool
    say: Callable[[str], None]

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 5

    @property
    def moved(self) -> int:
        """Bytes of one upload or download."""
        return (64 if self.quick else 256) * MIB

    @property
    def sharded(self) -> int:
        """Bytes of a file whose spread over shards is looked at: so many that it has groups of chunks to be dealt."""
        return 2 * 10**9 if not self.quick else 1_250_000_000

    @property
    def chunk_sizes(self) -> Sequence[int]:
        """With the default among them: the goals are about that one."""
        default = Settings().chunk_size
        return (default,) if self.quick else tuple(sorted({MIB // 2, MIB, 2 * MIB, 4 * MIB, default}))

    @property
    def peer_file(self) -> int:
        return (256 if self.quick else 1024) * MIB

    @property
    def peer_rounds(self) -> int:
        return 2 if self.quick else 3

    @property
    def grown(self) -> int:
        """Bytes that go through while memory is watched."""
        return (256 if self.quick else 2048) * MIB

    @property
    def listed(self) -> tuple[int, int]:
        """Files in the small and in the large list."""
        return (10_000, 50_000 if self.quick else 1_000_000)

    @property
    def turns(self) -> int:
        """How often each of the variants that alternate has its turn."""
        return 2 if self.quick else 5

    @property
    def turn_seconds(self) -> int:
        return 1 if self.quick else 3

    @property
    def loads(self) -> int:
        """Of a page in a turn; processor time is counted in hundredths of a second."""
        return 50 if self.quick else 100

    @property
    def many(self) -> tuple[int, int]:
        """Users and small files of one backup and one restore."""
        return (1_000, 20_000) if self.quick else (25_000, 250_000)

    @property
    def crowd(self) -> tuple[int, int]:
        """Users and files of the lists that are measured beside stock Flask-Admin."""
        return (5_000, 50_000) if self.quick else (100_000, 1_000_000)

    @property
    def pairs(self) -> int:
        """How often a page is loaded from each of two servers, one after the other, in a turn."""
        return 10

    @property
    def identities(self) -> int:
        """That one worker sees once each."""
        return 1_000 if self.quick else 10_000


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure with what it should be: at least `bound`, or at most."""

    name: str
    value: float
    bound: float
    at_most: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of horizontal bars: label -> value. `bound`: what no value should be over."""

    name: str
    title: str
    unit: str
    values: dict[str, float]
    own: frozenset[str]
    bound: float | None = None


@dataclass(slots=True)
class Part:
    """The results of one part: a table, what is plotted of it, the goals, and the bare figures."""

    title: str
    about: str
    header: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    charts: list[Bars] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
