"""Files of the log on this machine: written whole or not at all, for their owner alone, and read line by line."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from backoffice.directories import sync_directory
from backoffice.domain.log_archive import MAX_LINE, Extent, Measure, id_in, position
from backoffice.errors import IntegrityError, Invalid
from backoffice.services.archive import Export


def write_export(export: Export, extent: Extent, path: Path) -> None:
    """Write an export of this extent. What an interrupted run has left in `<name>.part` is gone on with; the file gets
    its name when all of it is on the disk. Raises IntegrityError, OSError."""
    part = path.with_name(f"{path.name}.part")
    with _locked(part) as out:
        behind = _whole_lines(out, extent)
        found = _go_on(export, out, behind)
        if found != extent and behind:
            # It was begun for other entries, or somebody has changed it.
            found = _go_on(export, out, "")
        if found != extent:
            raise IntegrityError("What was written is not what was exported.")
        out.flush()
        os.fsync(out.fileno())
        part.replace(path)
    sync_directory(path.parent)


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, none longer than a line of the log."""
    with path.open("rb") as source:
        while line := source.readline(MAX_LINE):
            yield line


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600), "r+b") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.UsageError(f"{part} is being written by another process.") from None
        os.fchmod(out.fileno(), 0o600)
        yield out


def _whole_lines(out: BinaryIO, extent: Extent) -> str:
    """The id of the last whole line that may be of these entries, "" for none; what comes behind it is cut off."""
    behind, size = "", 0
    while line := out.readline(MAX_LINE):
        try:
            entry_id = id_in(line)
        except Invalid:
            break
        if (not behind and entry_id != extent.first) or position(entry_id) > position(extent.last):
            break
        behind, size = entry_id, size + len(line)
    out.truncate(size)
    return behind


def _go_on(export: Export, out: BinaryIO, behind: str) -> Extent:
    """Write what comes behind this entry ("" = all of it); the extent of the whole file."""
    if not behind:
        out.truncate(0)
    out.seek(0)
    found = Measure()
    while line := out.readline(MAX_LINE):
        found.add(id_in(line), line)
    for piece in export.lines(behind):
        out.write(piece)
        for line in piece.splitlines(keepends=True):
            found.add(id_in(line), line)
    return found.extent
