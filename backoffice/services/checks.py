"""Checks of the site that are jobs: they take long, and their report is kept. What is checked is said elsewhere
(`maintenance.py`, `domain/diagnosis.py`); nothing here decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from backoffice.domain import diagnosis
from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts
from backoffice.domain.check_reports import Checked, CheckReport
from backoffice.domain.jobs import Job
from backoffice.domain.maintenance import Finding, Invariant, Report
from backoffice.domain.permissions import Permission
from backoffice.errors import Invalid
from backoffice.services.backup_schedule import BackupSchedule
from backoffice.services.maintenance import Maintenance
from backoffice.services.system import System

DOCTOR: Final = "doctor"
FSCK: Final = "fsck"
REPAIR: Final = "fsck.repair"
BYTES: Final = "bytes"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is (`total` is about so many), and what it has found until now."""

    done: int
    total: int
    report: CheckReport


@dataclass(frozen=True, slots=True)
class CheckKind:
    """One kind. `steps`: the check in pieces of well below a second, after any of which it may be left; begun anew it
    does all of it again, and finds repaired what it has repaired. `unit`: what its numbers count."""

    name: str
    text: str
    act: Act
    unit: str
    steps: Callable[[Actor], Iterator[Progress]]

    def needed(self, _job: Job) -> Permission | None:
        """What its starter has to hold all the time."""
        return self.act.takes


@dataclass(frozen=True, slots=True)
class Checks:
    """The table."""

    kinds: Mapping[str, CheckKind] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(
        cls,
        maintenance: Maintenance,
        system: System,
        schedule: BackupSchedule | None = None,
        more: Sequence[CheckKind] = (),
    ) -> Checks:
        """Those of a site. `schedule`: of its backups; `more`: those that not every site has."""
        kinds: tuple[CheckKind, ...] = (
            CheckKind(
                DOCTOR,
                "Examine store and workers",
                Acts.SYSTEM_READ,
                "findings",
                lambda actor: _doctor(system, schedule, actor),
            ),
            CheckKind(
                FSCK,
                "Compare the store with itself",
                Acts.SYSTEM_READ,
                "keys",
                lambda actor: _fsck(maintenance, actor, repair=False),
            ),
            CheckKind(
                REPAIR,
                "Repair the store",
                Acts.SYSTEM_REPAIR,
                "keys",
                lambda actor: _fsck(maintenance, actor, repair=True),
            ),
            *more,
        )
        return cls(MappingProxyType({kind.name: kind for kind in kinds}))

    def kind(self, name: str) -> CheckKind:
        """Raises Invalid."""
        found = self.kinds.get(name)
        if found is None:
            raise Invalid("There is no such check.", field="kind")
        return found


def _doctor(system: System, schedule: BackupSchedule | None, actor: Actor) -> Iterator[Progress]:
    report = CheckReport()
    found = system.findings(actor)
    if schedule is not None:
        found += diagnosis.backups(schedule.backups.notes(actor), schedule.now(), schedule.every)
    for one in diagnosis.worst_first(found):
        report.add(str(one.verdict), one.topic, one.text)
    yield Progress(len(found), len(found), report)


def _fsck(maintenance: Maintenance, actor: Actor, *, repair: bool) -> Iterator[Progress]:
    report, total = CheckReport(), 0

    def tell(finding: Finding, repaired: bool) -> None:
        verdict = "repaired" if repaired else "found" if finding.repairable else "lost"
        report.add(verdict, str(finding.invariant), finding.what)

    walk = maintenance.steps(actor, repair=repair, on_finding=tell)
    while True:
        try:
            done, total = next(walk)
        except StopIteration as end:
            report.checked = _rows(end.value)
            yield Progress(total, total, report)
            return
        yield Progress(done, total, report)


def _rows(report: Report) -> list[Checked]:
    return [Checked(str(one), report.checked[one], report.found[one], report.repaired[one]) for one in Invariant]
