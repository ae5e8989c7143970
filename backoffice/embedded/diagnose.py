"""Why the store does not run, read from the end of its log, in words an operator can act on."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Final

from backoffice.embedded import append_only_log, disk
from backoffice.embedded.data_dir import Layout

_TAIL: Final = 16 * 1024


class FailureCause(StrEnum):
    DAMAGED = "damaged"
    DISK_FULL = "disk full"
    OTHER = "other"


_SIGNS: Final = (
    (
        FailureCause.DISK_FULL,
        ("No space left on device", "Disk quota exceeded", "Short write while writing to the AOF file"),
    ),
    (
        FailureCause.DAMAGED,
        (
            "Bad file format reading the append only file",
            "Unrecoverable error reading the append only file",
            "Internal error in RDB reading",
            "Wrong signature trying to load DB",
            "RDB file was saved with checksum disabled",
            "Unexpected end of file reading the append only file",
            "Invalid AOF manifest file format",
            "AOF file doesn't exist",
            "Terminating server after rdb file reading failure",
        ),
    ),
)


def trouble(layout: Layout, since: int) -> FailureCause:
    """What the log from byte `since` on points to, or else the file system: on a full one no log can be written."""
    text = _tail(layout.store_log, since)
    found = next((kind for kind, signs in _SIGNS if any(sign in text for sign in signs)), FailureCause.OTHER)
    return FailureCause.DISK_FULL if found is FailureCause.OTHER and disk.is_full(layout.store) else found


def explain(layout: Layout, kind: FailureCause, since: int, binary: Path) -> str:
    """A paragraph for the terminal."""
    lines = [line for line in _tail(layout.store_log, since).splitlines() if line.strip()]
    said = "\n".join(f"    {line}" for line in lines[-6:]) or "    (nothing)"
    if kind is FailureCause.DISK_FULL:
        return f"The store stopped: the disk that holds {layout.root} is full. Free some room; it is tried again."
    if kind is FailureCause.DAMAGED:
        log = layout.store / append_only_log.DIRECTORY
        return (
            f"The store's log in {log} is damaged, and it does not start on it. Nothing was changed.\n"
            f"Its last words:\n{said}\n"
            f"Copy {layout.store} somewhere safe first. Then restore a backup into an empty directory"
            f"{_way_to_cut(layout, said, binary)}"
        )
    return f"The store stopped. Its last words (in {layout.store_log}):\n{said}"


def _way_to_cut(layout: Layout, said: str, binary: Path) -> str:
    """What else can be done where the damage is in the last file of the log: of others, what comes after it needs what
    would be cut off. The file is named, not the manifest: the program takes a base file of this server for damaged."""
    last = append_only_log.last_part(layout)
    if last is None or last.suffix != ".aof" or last.name not in said:
        return "."
    check = ["bash", "-c", 'exec -a valkey-check-aof "$@"', "_", str(binary)]
    return (
        f", or see how much can be read with\n    {shlex.join([*check, str(last)])}\n"
        f"and drop everything from the damaged place on with\n    {shlex.join([*check, '--fix', str(last)])}"
    )


def _tail(path: Path, since: int) -> str:
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(min(since, end), end - _TAIL))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
