"""A schedule of backups over a store and a maker of backups that only remember."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from backoffice.domain.backups import ArchiveFile, BackupHeader, BackupNotes, BackupProgress
from backoffice.services.backup_schedule import BackupSchedule

HOUR = 3600 * 1000
DAY = 24 * HOUR


def archive(name: str, at: int, *needs: str, base: str = "", place: Path = Path()) -> ArchiveFile:
    return ArchiveFile(place / f"{name}.backup", BackupHeader(name, at, "1", 1, 0, base=base), frozenset(needs))


@dataclass
class Store:
    """Remembers what it is told, and has the archives that it is given."""

    found: list[ArchiveFile] = field(default_factory=list)
    noted: BackupNotes = field(default_factory=BackupNotes)
    held: bool = True
    failures: list[str] = field(default_factory=list)
    looked: int = 0
    released: int = 0

    def archives(self, directory: Path, key: str) -> list[ArchiveFile]:
        self.looked += 1
        return self.found

    def notes(self) -> BackupNotes:
        return self.noted

    def lease(self, token: str, milliseconds: int, *, proof: bool = False) -> bool:
        return self.held

    def release(self, token: str, *, proof: bool = False) -> None:
        self.released += 1

    def note_failed(self, at: int, why: str) -> None:
        self.failures.append(why)


@dataclass
class Backups:
    """Makes a file in three steps."""

    store: Store = field(default_factory=Store)
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails: Exception | None = None

    def make(self, actor: Any, path: Path, *, key: str = "", base: Path | None = None) -> Iterator[BackupProgress]:
        self.asked.append((path.name, base.name if base is not None else ""))
        for done in range(3):
            if self.fails is not None:
                raise self.fails
            yield BackupProgress("contents", done, 3)
        path.write_bytes(b"")
        self.store.found = [archive(path.name, int(time.time() * 1000)), *self.store.found]


def schedule_of(backups: Backups, directory: Path) -> BackupSchedule:
    """Of one a day."""
    now = int(time.time() * 1000)
    return BackupSchedule(cast(Any, backups), directory, hours=24, keep=3, full=3, prove=2, now=lambda: now)
