"""What is being done about an archive, in steps: a port gives these out (`services/backup_ports.py`)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from backoffice.domain.backups import BackupCounts, BackupHeader, BackupProgress
from backoffice.domain.maintenance import Report
from backoffice.errors import Conflict


class BegunOtherwise(Conflict):
    """What was begun with another key, or with none, cannot be gone on with."""

    code = "backup_begun_otherwise"


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

    def prepare(self) -> Iterator[BackupProgress]:
        """Look, and have the store for this one alone; nothing is changed. Raises Conflict where it is not empty, or
        another restore is under way, or a base is missing; Invalid, IntegrityError for no archive."""

    def steps(self) -> Iterator[BackupProgress]:
        """Put everything back, piece by piece. Raises IntegrityError, which names what is damaged, StoreFull, and
        Conflict where another restore has the store by now: then `fail`."""

    def proved(self) -> Generator[BackupProgress, None, Report | None]:
        """Read all of it again, piece by piece, and compare it with what was put back: each index, count, quota and
        chunk, and the log. What was compared; None where anything is not as it should be: `fsck` says what. Raises as
        `check`."""

    def check(self) -> None:
        """Raises Conflict where another restore has the store by now."""

    def fail(self) -> None:
        """Empty the store again, unless it is another one's by now."""

    def finish(self) -> None:
        """Let others use the store. Raises as `check`."""


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
