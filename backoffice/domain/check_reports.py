"""What a check of the site has found, as it is kept in the record of the job: so much and no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAX_FINDINGS: Final = 50
"""That a report tells one by one; others are counted."""
MAX_FINDING: Final = 200
"""Characters of one."""


class CheckFinding(NamedTuple):
    """`verdict`: `ok`, `warning`, `problem`; of the store `found`, `repaired` or `lost` (only a backup or people
    help)."""

    verdict: str
    topic: str
    text: str


class Checked(NamedTuple):
    """How many things of a kind were compared, wrong and repaired."""

    topic: str
    checked: int
    found: int
    repaired: int


@dataclass(slots=True)
class CheckReport:
    """`more`: findings that are counted only."""

    checked: Sequence[Checked] = ()
    findings: list[CheckFinding] = field(default_factory=list)
    more: int = 0

    def add(self, verdict: str, topic: str, text: str) -> None:
        """One more finding."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(CheckFinding(verdict, topic, text[:MAX_FINDING]))
        else:
            self.more += 1

    @property
    def counts(self) -> dict[str, int]:
        """For the entry in the log."""
        found, repaired = sum(row.found for row in self.checked), sum(row.repaired for row in self.checked)
        bad = sum(one.verdict in {"warning", "problem"} for one in self.findings)
        return {name: count for name, count in (("found", found or bad), ("repaired", repaired)) if count}

    def dump(self) -> str:
        """As it is stored."""
        return json.dumps([self.checked, self.findings, self.more], separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> CheckReport:
        """What `dump` made; "" is an empty one."""
        if not text:
            return cls()
        checked, findings, more = json.loads(text)
        return cls([Checked(*row) for row in checked], [CheckFinding(*one) for one in findings], more)
