"""Measuring side by side: every variant once a round, in turn, so that a busy moment of the machine meets them all."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

MB = 1_000_000


@dataclass(slots=True)
class Series:
    """Rates (MB/s) of one variant, a figure for each round."""

    name: str
    rates: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    def over(self, other: Series) -> float:
        """Median of the rounds' ratios: what both had to bear in a round falls out."""
        return statistics.median(own / its for own, its in zip(self.rates, other.rates, strict=True))


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Moved:
    """What a variant did: so many bytes, and what is to be cleared away when the clock stands still."""

    size: int
    clear: Callable[[], object] = _nothing


Variant = Callable[[], Moved]


def in_turn(variants: Mapping[str, Variant], rounds: int, say: Callable[[str], None]) -> dict[str, Series]:
    """Run each variant once in each round.

    Before each one, what the others wrote is flushed to the disk, so that none pays for another.
    """
    found = {name: Series(name) for name in variants}
    for number in range(rounds):
        for name, run in variants.items():
            os.sync()
            started = time.perf_counter()
            moved = run()
            rate = moved.size / (time.perf_counter() - started) / MB
            moved.clear()
            found[name].rates.append(rate)
            say(f"  {number + 1}/{rounds} {name}: {rate:,.0f} MB/s")
    return found


def spread(work: Callable[[T, int], None], hands: Iterable[T], total: int) -> None:
    """Do `work(hand, index)` for every index below `total`, each hand in a thread of its own. Raises the
    first error."""
    indexes, lock, errors = iter(range(total)), threading.Lock(), list[BaseException]()

    def run(hand: T) -> None:
        try:
            while not errors:
                with lock:
                    index = next(indexes, None)
                if index is None:
                    return
                work(hand, index)
        except BaseException as error:  # noqa: BLE001 -- raised again below, in the thread that asked
            errors.append(error)

    threads = [threading.Thread(target=run, args=(hand,)) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
