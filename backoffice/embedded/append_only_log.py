"""Whether the store's log, the only copy of the data on disk, is where the server will look for it.

The server takes a directory without a log for a new one, and starts empty. So who has lost the log, or a part of it,
would find a site without people and files, and write the next one over what is left.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from backoffice.directories import sync_directory
from backoffice.embedded.data_dir import Layout

DIRECTORY: Final = "appendonlydir"
_MANIFEST: Final = "appendonly.aof.manifest"
_HISTORY: Final = "h"
_EMPTY: Final = 256
"""Bytes. A base file of nothing has some 90."""
_READY: Final = b"Ready to accept connections"


def refusal(layout: Layout, *, durable: bool) -> str:
    """Why the store must not be started here, and what to do; "" when it may."""
    directory = layout.store / DIRECTORY
    if durable:
        lost = _lost(layout, directory)
        advice = (
            f"Nothing was changed. Copy {layout.root} somewhere safe, then put back what is missing from a backup.\n"
            f"Only to begin anew, with an empty site, move {layout.root} out of the way."
        )
    else:
        lost = f"BACKOFFICE_DURABILITY is memory, but {directory} holds data, which would not be seen."
        lost = lost if _holds_data(directory) else ""
        advice = "Set it to disk or os, or choose another data directory with BACKOFFICE_DATA_DIR or `up --data DIR`."
    return f"{lost}\n{advice}" if lost else ""


def remember(layout: Layout) -> None:
    """From now on the store is not started here without its log."""
    layout.used.touch(mode=0o600)
    sync_directory(layout.root)


def last_part(layout: Layout) -> Path | None:
    """The file of the log that is written now, and read last; None where there is none."""
    manifest = layout.store / DIRECTORY / _MANIFEST
    names = _named(manifest) if manifest.is_file() else []
    return manifest.parent / names[-1] if names else None


def _lost(layout: Layout, directory: Path) -> str:
    manifest = directory / _MANIFEST
    names = _named(manifest) if manifest.is_file() else []
    if not names:
        if _was_used(layout) or _holds_data(directory):
            return f"The store ran here before, but its data is not there: {manifest} is missing or empty."
        return ""
    missing = [name for name in names if not (directory / name).is_file()]
    if missing:
        return f"A part of the store's data is not there: {directory / missing[0]} is missing."
    return ""


def _was_used(layout: Layout) -> bool:
    """Whether the store was ready here with a log. Directories of earlier versions have no mark: there the last
    configuration and the server's own words tell."""
    if layout.used.exists():
        return True
    if not layout.store_config.is_file() or b"\nappendonly yes\n" not in layout.store_config.read_bytes():
        return False
    logs = (layout.store_log, layout.store_log.with_suffix(".log.1"))
    return any(_READY in path.read_bytes() for path in logs if path.is_file())


def _holds_data(directory: Path) -> bool:
    """Whether changes were written there. The server makes the base file first, and may have died before the rest."""
    commands = any(path.stat().st_size for path in directory.glob("*.incr.aof"))
    return commands or any(path.stat().st_size > _EMPTY for path in directory.glob("*.base.*"))


def _named(manifest: Path) -> list[str]:
    """The files that make up the log: lines of `file NAME seq N type b|i|h`, `h` being history to be deleted."""
    words = [line.split() for line in manifest.read_text("utf-8", "replace").splitlines()]
    pairs = [dict(zip(line[::2], line[1::2], strict=False)) for line in words if line[:1] == ["file"]]
    return [pair["file"] for pair in pairs if "file" in pair and pair.get("type") != _HISTORY]
