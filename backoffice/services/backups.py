"""Backups, their restoring, and its proof: who may, what is recorded, what has to hold in the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.backup_runs import Backup, Restore
from backoffice.domain.backups import BackupCounts, BackupHeader, BackupNote, BackupNotes, BackupProgress
from backoffice.domain.maintenance import OnFinding, Report, ignore
from backoffice.domain.times import now_ms
from backoffice.errors import Invalid, Unavailable
from backoffice.services.archive import Archive
from backoffice.services.authorization import authorize
from backoffice.services.backup_ports import BackupStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.maintenance import Maintenance
from backoffice.services.ports import Durability
from backoffice.units import filesize


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made. `damaged`: contents that are not whole in it: by identifier the file that has it, and how
    many chunks are missing."""

    path: Path
    header: BackupHeader
    counts: BackupCounts
    damaged: dict[str, tuple[str, int]]
    resumed: int

    @property
    def told(self) -> str:
        """What is in it, in words."""
        counts, before = self.counts, ""
        if counts.borrowed:
            before = f", {counts.borrowed:,} more in archives before it"
        return (
            f"{counts.contents:,} contents with {filesize(counts.bytes)}{before}, {counts.records:,} records,"
            f" {counts.entries:,} entries of the log"
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """A store that was restored. `report`: what `fsck` says of it; `lost`: contents that were damaged in the store that
    was backed up; `unreadable`: records that nobody can read, which was so there as well."""

    header: BackupHeader
    counts: BackupCounts
    report: Report
    lost: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether there is nothing to be told of it."""
        return not (self.report.left or self.lost or self.unreadable)


SAFE_ATTEMPTS: Final = 20
"""How often the replicas are waited for at the end of a restore: minutes, for they may have gigabytes to take."""
NO_KEY: Final = "The files of this site are encrypted, and so a backup of it has to be: name the file of a key for it."


@dataclass(frozen=True, slots=True)
class Backups:
    """Made and restored in steps, so that whoever carries one out does something else in between."""

    store: BackupStore
    audit: AuditLog
    archive: Archive
    maintenance: Maintenance
    durability: Durability
    encrypts: bool = False
    """Whether the bytes of files are encrypted where they are stored."""
    now: Callable[[], int] = now_ms

    def make(
        self, actor: Actor, path: Path, *, key: str = "", base: Path | None = None
    ) -> Generator[BackupProgress, None, Made]:
        """A backup to this file, which appears when it is whole. `key`: the text of a key file, "" = it is not
        encrypted; `base`: an archive whose contents need not be read again.

        Raises NotAllowed, Conflict where there is such a file, Invalid for a bad key or base, IntegrityError of the
        base, StoreFull, Unavailable, OSError.
        """
        authorize(self.audit, actor, Acts.SYSTEM_BACKUP)
        if self.encrypts and not key:
            raise Invalid(NO_KEY)
        begins = self.store.begin(path, key, base)
        while True:
            try:
                next(begins)
            except StopIteration as end:
                backup: Backup = end.value
                break
            yield BackupProgress("left", 0, 0)
        yield from backup.steps()
        header, counts, damaged = backup.header, backup.counts, dict(backup.damaged)
        based = {"base": header.base} if header.base else {}
        data = {**based, **counts.as_data(), "encrypted": bool(key)}
        event = AuditEvent(Actions.SYSTEM_BACKUP, actor, _ref(header.archive, path), data=data, at=self.now())
        self.store.note_made(BackupNote(event.at, header.archive, path.name, counts.damaged), event)
        return Made(path, header, counts, damaged, backup.resumed)

    def restore(
        self, actor: Actor, path: Path, *, key: str = "", bases: Sequence[Path] = (), on_finding: OnFinding = ignore
    ) -> Generator[BackupProgress, None, Restored]:
        """The store, which has to be empty, made of an archive, and checked: all indexes, counts and chunks (`fsck`),
        and the log with its seals. Until that is done nothing else starts on it.

        Raises NotAllowed, Conflict where the store is not empty, or a base is missing, or a later version has made the
        backup, Invalid for what is none or for a wrong key, IntegrityError which names what is damaged, Unavailable
        where the replicas do not get all of it: then the store is as empty as before.
        """
        authorize(self.audit, actor, Acts.SYSTEM_RESTORE)
        with self.store.restore(path, key, bases) as run:
            yield from run.prepare()
            try:
                yield from run.steps()
                report = yield from self._checked(actor, run, on_finding)
                data = {**run.counts.as_data(), "created": run.header.created_at, "product": run.header.product}
                if report.left:
                    data["found"] = report.left
                about = _ref(run.header.archive, path)
                self.audit.record(AuditEvent(Actions.SYSTEM_RESTORE, actor, about, data=data, at=self.now()))
                yield from self._safe(run)
            except BaseException:
                with suppress(Unavailable):  # then it stays marked, and the next restore empties it
                    run.fail()
                raise
            run.finish()
            return Restored(run.header, run.counts, report, tuple(run.lost), tuple(run.unreadable))

    def _checked(self, actor: Actor, run: Restore, on_finding: OnFinding) -> Generator[BackupProgress, None, Report]:
        """Whether all of it is as it should be; where not, what `fsck` finds of it. Raises IntegrityError where its log
        is not what was sealed."""
        progress = BackupProgress("checks", run.counts.bytes, run.counts.bytes)
        yield progress
        self.archive.verify_seals(actor)
        proved = yield from run.proved()
        if proved is not None:
            return proved
        checking = self.maintenance.steps(actor, on_finding=on_finding)
        while True:
            run.check()
            try:
                next(checking)
            except StopIteration as end:
                report: Report = end.value
                return report
            yield progress

    def _safe(self, run: Restore) -> Iterator[BackupProgress]:
        """Until the replicas have it, which may be far behind after so much. Raises Unavailable, Conflict."""
        for attempt in range(SAFE_ATTEMPTS):
            run.check()
            try:
                self.durability.barrier()
            except Unavailable:
                if attempt + 1 == SAFE_ATTEMPTS:
                    raise
                yield BackupProgress("replicas", run.counts.bytes, run.counts.bytes)
            else:
                return

    def compare(self, actor: Actor, path: Path, *, key: str = "") -> Generator[int, None, Sequence[str]]:
        """Whether the store is what the archive says, which it is right after it was restored: the names of records
        that are not."""
        authorize(self.audit, actor, Acts.SYSTEM_RESTORE)
        found = self.store.compare(path, key)
        yield from found.steps()
        return sorted(name.decode(errors="replace") for name in found.different)

    def note_proven(self, actor: Actor, path: Path, restored: Restored, compared: int) -> None:
        """Remember that this archive was restored on trial, and was what it should be. Raises NotAllowed."""
        authorize(self.audit, actor, Acts.SYSTEM_PROVE)
        data = {**restored.counts.as_data(), "compared": compared, "created": restored.header.created_at}
        about = _ref(restored.header.archive, path)
        event = AuditEvent(Actions.SYSTEM_PROVE, actor, about, data=data, at=self.now())
        self.store.note_proven(BackupNote(event.at, restored.header.archive, path.name), event)

    def notes(self, actor: Actor) -> BackupNotes:
        """What is remembered of the last ones. Raises NotAllowed."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        return self.store.notes()


def _ref(archive: str, path: Path) -> ObjectRef:
    return ObjectRef("backup", archive, path.name)
