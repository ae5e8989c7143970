"""The job that makes a backup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.check_reports import CheckReport
from backoffice.errors import Conflict, IntegrityError, Invalid, StoreFull
from backoffice.services.backup_schedule import BackupSchedule
from backoffice.services.backups import Made
from backoffice.services.checks import BYTES, CheckKind, Progress

BACKUP: Final = "backup"


def backup_kind(schedule: BackupSchedule) -> CheckKind:
    """For a site that has a directory for backups."""
    return CheckKind(BACKUP, "Back up the store", Acts.SYSTEM_BACKUP, BYTES, lambda actor: _backup(schedule, actor))


def _backup(schedule: BackupSchedule, actor: Actor) -> Iterator[Progress]:
    report, done = CheckReport(), 0
    steps = schedule.make(actor)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            made: Made = end.value
            report.add("ok", "backup", f"{made.path.name}: {made.told}")
            for content, (file, count) in made.damaged.items():
                report.add("lost", "damaged", f"{file or content}: {count} of its chunks are damaged or missing")
            yield Progress(done, done, report)
            return
        except (Conflict, IntegrityError, Invalid, StoreFull, OSError) as error:
            # Another worker would find the same.
            report.add("problem", "backup", str(error))
            yield Progress(done, done, report)
            return
        done = step.done
        yield Progress(done, step.total, report)
