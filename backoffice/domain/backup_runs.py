"""What is being done about an archive, in steps: a port gives these out (`services/backup_ports.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from backoffice.domain.backups import BackupCounts, BackupHeader, BackupProgress


class Backup(Protocol):
    """One that is being made. What it says of itself counts when all steps were taken."""

    @property
    def header(self) -> BackupHeader: ...
    @property
    def counts(self) -> BackupCounts: ...
    @property
    def damaged(self) -> Mapping[str, tuple[str, int]]:
        """Contents of which chunks were damaged or missing: a file that has it, how many."""

    @property
    def resumed(self) -> int:
        """Bytes that an interrupted one had left."""

    def steps(self) -> Iterator[BackupProgress]:
        """Piece by piece, each well below a second. Raises StoreFull, Conflict; what was written stays, and another one
        to the same file goes on with it."""


class Restore(Protocol):
    """One that is under way."""

    @property
    def header(self) -> BackupHeader: ...
    @property
    def counts(self) -> BackupCounts: ...
    @property
    def lost(self) -> Mapping[str, Any]:
        """Contents that were damaged when the backup was made."""

    @property
    def unreadable(self) -> Sequence[str]:
        """Records that nobody can read."""

    def steps(self) -> Iterator[BackupProgress]:
        """Piece by piece. Raises Conflict where the store is not empty, or a base is missing; IntegrityError, which
        names what is damaged, StoreFull: then the store is empty again."""

    def fail(self) -> None:
        """Empty the store again."""

    def finish(self) -> None:
        """Let others use the store."""


class Comparison(Protocol):
    """Of a store with an archive."""

    @property
    def compared(self) -> int:
        """How many records and entries."""

    @property
    def different(self) -> AbstractSet[bytes]:
        """Names of those that differ, in the end."""

    def steps(self) -> Iterator[int]:
        """Piece by piece; how many were compared."""
