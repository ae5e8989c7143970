"""Backups: what an archive says of itself, and what is noted of the last ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

FORMAT: Final = 1
"""Number of the form of archives. A version that writes them otherwise has a higher one."""
MAX_NAMED: Final = 1000
"""Damaged contents that an archive names; others are counted."""


@dataclass(frozen=True, slots=True)
class BackupHeader:
    """The beginning of an archive. `site`: when the store was set up (ms), which tells one from another; `chunks`:
    where the bytes lay; `base`: the archive it stands on, "" = none. Times in ms."""

    archive: str
    created_at: int
    product: str
    schema: int
    site: int
    chunks: str = ""
    base: str = ""
    format: int = FORMAT

    def dump(self) -> dict[str, Any]:
        """As it is written."""
        return {"about": "a backup of backoffice", **asdict(self)}

    @classmethod
    def load(cls, row: Mapping[str, Any]) -> Self:
        """What `dump` made, with whatever a later version adds. Raises TypeError, ValueError, KeyError."""
        return cls(
            archive=str(row["archive"]),
            created_at=int(row["created_at"]),
            product=str(row["product"]),
            schema=int(row["schema"]),
            site=int(row["site"]),
            chunks=str(row["chunks"]),
            base=str(row["base"]),
            format=int(row["format"]),
        )


@dataclass(frozen=True, slots=True)
class BackupCounts:
    """What is in an archive, or was put back. `contents`, `chunks`, `bytes`: written into this one; `borrowed`:
    contents that are in those it stands on; `records`: lines; `entries`: of the log; `damaged`: contents of which
    chunks were damaged or missing; `size`: bytes of the file."""

    contents: int = 0
    chunks: int = 0
    bytes: int = 0
    borrowed: int = 0
    records: int = 0
    entries: int = 0
    damaged: int = 0
    size: int = 0

    def as_data(self) -> dict[str, int]:
        """As it stands in an event: what is not 0."""
        return {name: count for name, count in asdict(self).items() if count}


@dataclass(frozen=True, slots=True)
class BackupNote:
    """What the store remembers of its last backup, and of the last archive that was restored on trial: when (ms), which
    archive, where it lies, and how many contents are not whole in it."""

    at: int
    archive: str
    file: str = ""
    damaged: int = 0

    def dump(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def load(cls, text: bytes | None) -> Self | None:
        """What `dump` made, with whatever a later version adds; None for none."""
        if not text:
            return None
        row = json.loads(text)
        return cls(row["at"], row["archive"], row["file"], row["damaged"])


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An archive in a directory. `needs`: the archives that have contents of it."""

    path: Path
    header: BackupHeader
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BackupNotes:
    """The last backup that was made, the last one that was proven, and why the last scheduled one failed ("": it did
    not)."""

    made: BackupNote | None = None
    proven: BackupNote | None = None
    failed: str = ""
    failed_at: int = 0


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """How far a backup or a restore is: in words, and bytes of about so many."""

    what: str
    done: int
    total: int
