"""Where `fsck` brings what looks wrong: it is looked at again, told, and mended where that is wished and possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.errors import Conflict
from backoffice.stores.client import Command, Db, store_errors
from backoffice.stores.commit import Commit
from backoffice.stores.keys import Keys

T = TypeVar("T")

ATTEMPTS = 5
"""How often something that changes under our eyes is looked at again."""
BATCH = 500
"""Records that are checked together."""


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
    AUDIT = "audit indexes agree with the log"


class Changed(Conflict):
    """What is to be mended is not as it was a moment ago."""

    code = "changed_meanwhile"


Mend = Callable[[Commit], None]
Look = Callable[[], "Finding | None"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. `mend` adds checks (that raise `Changed`) and writes to a commit, `after` does what no
    commit can (chunks are on other shards); neither: it cannot be mended."""

    invariant: Invariant
    object: ObjectRef
    what: str
    mend: Mend | None = None
    after: Callable[[], Any] | None = None

    @property
    def mendable(self) -> bool:
        return self.mend is not None or self.after is not None


@dataclass(slots=True)
class Report:
    """How many things were checked, found wrong and mended, by invariant."""

    checked: Counter[Invariant] = field(default_factory=Counter)
    found: Counter[Invariant] = field(default_factory=Counter)
    mended: Counter[Invariant] = field(default_factory=Counter)
    lost: Counter[Invariant] = field(default_factory=Counter)
    """Those found that nothing but a backup can mend."""

    @property
    def left(self) -> int:
        """Findings that are still so."""
        return self.found.total() - self.mended.total()


Tell = Callable[[Finding, bool], None]
"""Told of each finding, and whether it was mended."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Settles what looks wrong. `actor` stands in the log for what is mended."""

    db: Db
    keys: Keys
    actor: Actor
    fix: bool
    tell: Tell
    report: Report = field(default_factory=Report)

    def count(self, invariant: Invariant, number: int) -> None:
        self.report.checked[invariant] += number

    def examine(self, look: Look) -> None:
        """`look` reads again and says what is wrong, if anything still is: the store is in use meanwhile."""
        finding = None
        for _ in range(ATTEMPTS):
            finding = look()
            if finding is None:
                return
            if not self.fix or not finding.mendable:
                break
            try:
                self._mend(finding)
            except Changed:
                continue
            self._note(finding, mended=True)
            return
        if finding is not None:
            self._note(finding, mended=False)

    def _mend(self, finding: Finding) -> None:
        data = {"invariant": finding.invariant.name.lower(), "what": finding.what[:200]}
        event = AuditEvent(Actions.SYSTEM_REPAIR, self.actor, finding.object, data=data)
        commit = Commit(self.keys, event)
        if finding.mend is not None:
            finding.mend(commit)
        commit.run(self.db)
        if finding.after is not None:
            finding.after()

    def _note(self, finding: Finding, *, mended: bool) -> None:
        self.report.found[finding.invariant] += 1
        if mended:
            self.report.mended[finding.invariant] += 1
        if not finding.mendable:
            self.report.lost[finding.invariant] += 1
        self.tell(finding, mended)

    def together(self, commands: Sequence[Command]) -> list[Any]:
        """The replies of commands on the control plane, all as of one moment."""
        with store_errors(), self.db.client.pipeline(transaction=True) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            replies: list[Any] = pipe.execute()
            return replies


def guard(commit: Commit, key: bytes, row: dict[bytes, bytes], version: str) -> None:
    """The record is still exactly this one; for {} that there is none. `version`: what that field is called; a record
    that was never changed may lack it, and has it after any change."""
    if not row:
        commit.check("absent", key, error=Changed())
    elif version.encode() not in row:
        commit.check("unset", key, version, error=Changed())
    for name, value in row.items():
        commit.check("equal", key, name.decode(), value.decode(), error=Changed())


def batches(items: Sequence[T] | Iterator[T], size: int = BATCH) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def printable(text: str | bytes) -> str:
    """Text of users, fit for a terminal."""
    return ascii(text.decode(errors="replace") if isinstance(text, bytes) else text)[1:-1]
