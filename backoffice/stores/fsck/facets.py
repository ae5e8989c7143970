"""Whether the count of each value of a facet is the size of the value's index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from backoffice.domain.audit import ObjectRef
from backoffice.domain.maintenance import Invariant
from backoffice.stores.client import Command
from backoffice.stores.fsck.repair import Fault, Repairer, batches, printable, scan
from backoffice.stores.records.commit import Commit


@dataclass(frozen=True, slots=True)
class FacetCheck:
    """One facet of one noun. After the indexes were checked, for the counts follow them."""

    repairer: Repairer
    noun: str
    facet: str

    def run(self, index_keys: Iterable[bytes]) -> None:
        """`index_keys`: of the noun, those that there are or should be; some may be another index's."""
        keys = self.repairer.keys
        prefix = keys.index(self.noun, self.facet) + b":"
        values = {key[len(prefix) :].decode() for key in index_keys if key.startswith(prefix)}
        for batch in scan(self.repairer.db, "ZSCAN", keys.facet_values(self.noun, self.facet)):
            values |= {value.decode() for value, _ in batch}
        self.repairer.count(Invariant.FACET, len(values))
        for some in batches(sorted(values)):
            replies = self.repairer.read_atomically([command for value in some for command in self._queries(value)])
            for value, counted, size in zip(some, replies[::2], replies[1::2], strict=True):
                if float(counted or 0) != int(size):
                    self.repairer.verify_and_repair(partial(self._recheck, value))

    def _queries(self, value: str) -> list[Command]:
        keys = self.repairer.keys
        return [
            ("ZSCORE", keys.facet_values(self.noun, self.facet), value),
            ("ZCARD", keys.index(self.noun, self.facet, value)),
        ]

    def _recheck(self, value: str) -> Fault | None:
        counted, size = self.repairer.read_atomically(self._queries(value))
        before = int(float(counted or 0))
        difference = int(size) - before
        if not difference:
            return None

        def repair(commit: Commit) -> None:
            # By the difference, which holds even while records come and go.
            commit.write("ZINCRBY", self.repairer.keys.facet_values(self.noun, self.facet), difference, value)

        what = f"{self.noun}, {self.facet} {printable(value)}: {int(size)} records, counted {before}"
        return Fault(Invariant.FACET, ObjectRef("facet", f"{self.noun}.{self.facet}"), what, repair)
