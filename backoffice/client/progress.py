"""What a transfer tells of how far it is. What becomes of that is the caller's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """How far one file is. Called from several threads."""

    def advance(self, count: int) -> object:
        """So many bytes more; a negative number when they have to go again."""

    def start_at(self, done: int) -> object:
        """So many bytes were there before; they do not count for the speed."""

    def compared(self, done: int) -> object:
        """So many bytes that were there before are those of the file; others are still looked at."""


StartProgress = Callable[[str, int | None], Progress]
"""Begins to show a file: its name, and its size in bytes where that is known."""
