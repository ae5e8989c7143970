"""What was put into a store, and what is read of it again: the same things, in whatever order.

Of each thing its hash is added up, by kind. Sums of 64 bits that agree, of as many things, are sums of the same things:
Python's hash of text is keyed anew in every process, so nobody can make two sets of things that agree by choice. That
takes no memory, however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from backoffice.domain.maintenance import Invariant, Report


@dataclass(slots=True)
class Tally:
    """How many, and the sum of their hashes."""

    count: int = 0
    total: int = 0

    def add(self, count: int, things: Iterable[Hashable]) -> None:
        """So many more."""
        self.count += count
        # One after the other: thousands of pairs at once would be gone through by the garbage collector.
        self.total += sum(map(hash, things))


class Tallies:
    """By what has to hold of them."""

    def __init__(self) -> None:
        self._of: defaultdict[Invariant, Tally] = defaultdict(Tally)

    def add(self, what: Invariant, count: int, things: Iterable[Hashable]) -> None:
        """So many more."""
        self._of[what].add(count, things)

    def agree(self, others: Tallies) -> bool:
        """Whether both are of the same things."""
        return all(self._of[one] == others._of[one] for one in Invariant)

    def report(self) -> Report:
        """How many there were, all of them as they should be."""
        report = Report()
        for one, tally in self._of.items():
            report.checked[one] = tally.count
        return report
