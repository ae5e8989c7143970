"""What the services need of backups; see `ports.py`. All methods may raise Unavailable, and OSError of files."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.backup_runs import Backup, Comparison, Restore
from backoffice.domain.backups import ArchiveFile, BackupNote, BackupNotes


class BackupStore(Protocol):
    """Makes and restores archives. `key`: the text of a key file, "" = none."""

    def begin(self, path: Path, key: str, base: Path | None) -> Generator[None, None, Backup]:
        """A backup to this file; the base is read in steps. Raises Conflict where the file is there, Invalid for a bad
        key or base, IntegrityError."""

    def restore(self, path: Path, key: str, bases: Sequence[Path]) -> AbstractContextManager[Restore]:
        """A restore. `bases`: files, or directories, where archives are on which it stands. Raises Invalid,
        IntegrityError, Conflict for one of a later version."""

    def compare(self, path: Path, key: str) -> Comparison: ...
    def under_way(self) -> str:
        """Why nothing may start on this store, because a restore has not come to its end; "" = it may."""

    def archives(self, directory: Path, key: str) -> list[ArchiveFile]:
        """The whole archives of this site in a directory that the key opens, the newest first."""

    def notes(self) -> BackupNotes: ...
    def note_made(self, note: BackupNote, event: AuditEvent) -> None:
        """Remember the last backup."""

    def note_proven(self, note: BackupNote, event: AuditEvent) -> None:
        """Remember the last archive that was restored on trial."""

    def note_failed(self, at: int, why: str) -> None:
        """Remember that the scheduled backup failed, until the next one was made."""

    def lease(self, token: str, milliseconds: int, *, proof: bool = False) -> bool:
        """Whether this worker makes the scheduled backup, or proves one, for so long from now on, and no other one."""

    def release(self, token: str, *, proof: bool = False) -> None:
        """It does not any more."""
