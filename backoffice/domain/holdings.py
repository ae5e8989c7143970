"""What belongs to a person, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Of one person: files, those in the trash, and uploads that are not finished."""

    files: int
    trashed: int
    uploads: int

    @property
    def any(self) -> bool:
        return bool(self.files or self.trashed or self.uploads)


@dataclass(frozen=True, slots=True)
class WaysIn:
    """By how many living sessions and working tokens a person gets in now: what ends for good when the account is
    disabled."""

    sessions: int
    tokens: int
