"""Directories that are still there after a power cut: a name is safe when the directory that has it was synced."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sync_directory(path: Path) -> None:
    """What was made, renamed and removed in it survives a power cut from now on. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def make_directory(path: Path, mode: int = 0o777) -> None:
    """Make it, unless it is there, with those above it; when this returns their names are on the disk. `mode`: its own.
    Raises OSError."""
    above = [one for one in path.absolute().parents if not one.exists()]
    path.mkdir(mode, parents=True, exist_ok=True)
    # Its own name also where it was there: whoever made it may have been stopped before this.
    for one in (path, *above):
        with suppress(PermissionError):  # of a directory that this user may not read, nothing can be synced
            sync_directory(one.absolute().parent)
