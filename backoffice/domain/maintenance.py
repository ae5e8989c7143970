"""What is checked of a whole store, and what a check has found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from backoffice.domain.audit import ObjectRef


class Invariant(StrEnum):
    """What must hold; the value is how it is called in the report."""

    RECORD = "records can be read"
    INDEX = "indexes agree with records"
    UNIQUE = "unique names agree with records"
    FACET = "facet counts agree with indexes"
    QUOTA = "quotas agree with files and uploads"
    CHUNK = "chunks of files are there for good"
    UPLOAD = "uploads agree with their chunks"
    ORPHAN = "no chunks or maps without a record"
    FOLDER = "files and folders lie in folders that are there"
    VERSION = "earlier versions have their file"
    AUDIT = "audit indexes agree with the log"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. `what` is one line of printable text; where it is not `repairable`, only a backup helps,
    or people."""

    invariant: Invariant
    object: ObjectRef
    what: str
    repairable: bool


@dataclass(slots=True)
class Report:
    """How many things were checked, found wrong and repaired, by invariant."""

    checked: Counter[Invariant] = field(default_factory=Counter)
    found: Counter[Invariant] = field(default_factory=Counter)
    repaired: Counter[Invariant] = field(default_factory=Counter)
    lost: Counter[Invariant] = field(default_factory=Counter)
    """Those found that cannot be repaired."""

    @property
    def left(self) -> int:
        """Findings that are still so."""
        return self.found.total() - self.repaired.total()


OnFinding = Callable[[Finding, bool], None]
"""Told of each finding as soon as it is certain, and whether it was repaired."""
OnProgress = Callable[[int, int], None]
"""Told how many keys were looked at, and how many there are about."""


def ignore(_first: object, _second: object) -> None:
    """For who does not want to be told."""
