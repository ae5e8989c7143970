"""How much room the file system has, asked of itself: what programs say of a full disk lies on that very disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from backoffice.domain.limits import MIN_FREE_DISK
from backoffice.units import filesize

MIB: Final = 1024**2
FULL: Final = 64 * MIB
"""Bytes. With less the store's next write may find no room: several of the largest chunks are on their way at once."""


def free_bytes(directory: Path) -> int:
    """Free for programs without privileges, on the disk that holds `directory` or will hold it once it is made.

    Raises OSError.
    """
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free


def is_full(directory: Path) -> bool:
    """Whether the store cannot go on there. What cannot be asked counts as room."""
    try:
        return free_bytes(directory) < FULL
    except OSError:
        return False


def shortage(directory: Path) -> str:
    """A sentence when uploads are refused for want of room there, else ""."""
    try:
        free = free_bytes(directory)
    except OSError:
        return ""
    if free >= MIN_FREE_DISK:
        return ""
    return (
        f"Only {filesize(free)} are free on the disk that holds {directory}: uploads are refused until"
        f" there are {filesize(MIN_FREE_DISK)}. All else works."
    )
