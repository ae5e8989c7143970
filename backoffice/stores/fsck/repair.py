"""Where `fsck` brings what looks wrong: it is looked at again, told, and repaired where that is wished and possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.maintenance import Finding, Invariant, OnFinding, Report
from backoffice.errors import Conflict
from backoffice.stores.bounds import UNBOUNDED
from backoffice.stores.client import Command, Db, store_errors
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_repair import LogChange
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import flat_pairs
from backoffice.stores.records.commit import Commit
from backoffice.stores.users import NOUN as USERS

T = TypeVar("T")

ATTEMPTS = 5
"""How often something that changes under our eyes is looked at again."""
BATCH = 500
"""Records that are checked together."""


class Changed(Conflict):
    """What is to be repaired is not as it was a moment ago."""

    code = "changed_meanwhile"


Repair = Callable[[Commit], None]
Recheck = Callable[[], "Fault | None"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, and how to repair it.

    `repair` adds checks (that raise `Changed`) and writes to a commit; `log_repair` is for indexes of the log, which no
    commit changes; `after` does what neither can (chunks are on other shards). None of them: it cannot be repaired.
    """

    invariant: Invariant
    object: ObjectRef
    what: str
    repair: Repair | None = None
    after: Callable[[], Any] | None = None
    log_repair: LogChange | None = None

    @property
    def repairable(self) -> bool:
        return not (self.repair is None and self.after is None and self.log_repair is None)

    @property
    def finding(self) -> Finding:
        """What is told of it."""
        return Finding(self.invariant, self.object, self.what, self.repairable)


@dataclass(frozen=True, slots=True)
class Repairer:
    """Settles what looks wrong. `actor`: who repairs, as it will stand in the log; None: nothing is repaired. `quota`:
    bytes of an owner who has none of their own."""

    db: Db
    keys: Keys
    actor: Actor | None
    on_finding: OnFinding
    quota: int = UNBOUNDED.default_quota
    report: Report = field(default_factory=Report)

    def count(self, invariant: Invariant, number: int) -> None:
        """So many more things were checked."""
        self.report.checked[invariant] += number

    def verify_and_repair(self, recheck: Recheck) -> bool:
        """`recheck` reads again and says what is wrong, if anything still is: the store is in use meanwhile. False
        where something is left wrong."""
        fault = None
        for _ in range(ATTEMPTS):
            fault = recheck()
            if fault is None:
                return True
            if self.actor is None or not fault.repairable:
                break
            try:
                self._repair(fault, self.actor)
            except Changed:
                continue
            self._note(fault, repaired=True)
            return True
        if fault is not None:
            self._note(fault, repaired=False)
        return fault is None

    def _repair(self, fault: Fault, actor: Actor) -> None:
        data = {"invariant": fault.invariant.name.lower(), "what": fault.what[:200]}
        event = AuditEvent(Actions.SYSTEM_REPAIR, actor, fault.object, data=data)
        if fault.log_repair is not None:
            fault.log_repair.run(self.db, self.keys, event, error=Changed())
            return
        commit = Commit(self.keys, event)
        if fault.repair is not None:
            fault.repair(commit)
        commit.run(self.db)
        if fault.after is not None:
            fault.after()

    def _note(self, fault: Fault, *, repaired: bool) -> None:
        self.report.found[fault.invariant] += 1
        if repaired:
            self.report.repaired[fault.invariant] += 1
        if not fault.repairable:
            self.report.lost[fault.invariant] += 1
        self.on_finding(fault.finding, repaired)

    def note_quota(self, commit: Commit, owner: str) -> None:
        """Let the commit note whether the owner's quota is nearly used up, by what it has written before."""
        user = self.keys.record(USERS, owner)
        commit.note_quota(self.keys.quota(owner), user, self.keys.quota_near, owner, self.quota)

    def read_atomically(self, commands: Sequence[Command]) -> list[Any]:
        """The replies of commands on the control plane, all as of one moment."""
        with store_errors(), self.db.client.pipeline(transaction=True) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            replies: list[Any] = pipe.execute()
            return replies


def expect_unchanged(commit: Commit, key: bytes, row: dict[bytes, bytes], version: str) -> None:
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


def scan(db: Db, command: str, key: bytes) -> Iterator[list[tuple[bytes, Any]]]:
    """All pairs of a hash (`HSCAN`: field and value) or a sorted set (`ZSCAN`: member and score), in batches. One that
    comes or goes meanwhile may be left out, any may come twice."""
    cursor = 0
    while True:
        position, found = db.call(command, key, cursor, "COUNT", BATCH)
        yield list(pairs(found).items()) if command == "HSCAN" else flat_pairs(found)
        cursor = int(position)
        if not cursor:
            return


def printable(text: str | bytes) -> str:
    """Text of users, fit for a terminal."""
    return ascii(text.decode(errors="replace") if isinstance(text, bytes) else text)[1:-1]
