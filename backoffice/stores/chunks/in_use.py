"""Which back end has the bytes of an installation: the store remembers it, so that a change of the setting, or a
directory that is not mounted, stops the start instead of losing what is stored.

A directory has an identity of its own, in its file `id`; so it may be moved, and another one does not pass for it.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from backoffice.directories import make_directory, sync_directory
from backoffice.domain.ids import is_id, new_id
from backoffice.errors import StoreFull
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.chunks.disk import DIRECTORY_MODE, FILE_MODE, Disk
from backoffice.stores.chunks.files import TEMPORARY, FileChunks
from backoffice.stores.chunks.paths import HELD, KEPT
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys

REDIS: Final = "redis"
FIELD: Final = "chunks"
_IDENTITY: Final = "id"
_RECORDS: Final = (
    (file_store.NOUN, "created"),
    (file_store.NOUN, "purge"),
    (file_store.NOUN, "gc"),
    (upload_store.NOUN, "created"),
    (upload_store.NOUN, "gc"),
)
"""Indexes of which one at least has every file and upload that has bytes."""


def wrong_place_reason(db: Db, keys: Keys, directory: Path | None) -> str:
    """Why the bytes must not be looked for in `directory` (None: in Redis), "" when they may; then it is made ready for
    use and remembered.

    Raises Unavailable, StoreFull.
    """
    recorded = (db.call("HGET", keys.install, FIELD) or b"").decode()
    restored = (db.call("GET", keys.restoring) or b"").decode().partition(" ")[2]
    try:
        wanted = REDIS if directory is None else _named(_identity(directory))
        if restored and restored != wanted:
            return _reason(restored, directory)  # where the restore goes on it takes away what it has left there
        if recorded == wanted:
            return ""
        if restored:
            db.call("HSET", keys.install, FIELD, wanted)
            return ""
        # An installation from before there was a choice has them in Redis.
        if (recorded or REDIS) != wanted and _has_records(db, keys):
            return _reason(recorded or REDIS, directory)
        if directory is not None:
            if _has_bytes(directory):
                return (
                    f"BACKOFFICE_CHUNKS: {directory} has bytes of files of which this store knows nothing, so they are"
                    " another site's: name a directory of its own for each"
                )
            wanted = _named(_prepared(directory))
    except (OSError, ValueError) as error:
        return f"BACKOFFICE_CHUNKS: {directory} cannot be used: {getattr(error, 'strerror', None) or error}"
    # Where another process came first, what it remembered counts.
    return "" if _remember(db, keys, recorded, wanted) else wrong_place_reason(db, keys, directory)


def _remember(db: Db, keys: Keys, recorded: str, wanted: str) -> bool:
    """False where another process remembered something since."""
    if recorded:
        db.call("HSET", keys.install, FIELD, wanted)
        return True
    try:
        return bool(db.call("HSETNX", keys.install, FIELD, wanted))
    except StoreFull:
        if wanted != REDIS:
            raise
        return True  # it is what nothing remembered means, and a full store must start


def _named(identity: str) -> str:
    return f"file:{identity}"


def _reason(recorded: str, directory: Path | None) -> str:
    where = "Redis" if recorded == REDIS else f"a directory whose file `{_IDENTITY}` says {recorded.partition(':')[2]}"
    told = "redis" if directory is None else f"file:{directory}"
    return f"BACKOFFICE_CHUNKS is {told}, but the bytes of the stored files are in {where}; is it mounted?"


def _has_records(db: Db, keys: Keys) -> bool:
    return any(db.many([("ZCARD", keys.index(noun, index)) for noun, index in _RECORDS]))


def _has_bytes(directory: Path) -> bool:
    return directory.is_dir() and next(FileChunks(Disk(directory)).scan(), None) is not None


def _identity(directory: Path) -> str:
    """What the directory says that it is, "" where it was never used."""
    try:
        text = (directory / _IDENTITY).read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    if not is_id(text):
        raise ValueError(f"{directory / _IDENTITY} is not one of ours")
    return text


def _prepared(directory: Path) -> str:
    """Make the directory ready; its identity. Raises OSError."""
    for one in (directory, *(directory / tree for tree in (HELD, KEPT, TEMPORARY))):
        make_directory(one, DIRECTORY_MODE)
    temporary = directory / TEMPORARY / secrets.token_hex(16)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w") as file:
            file.write(new_id())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            (directory / _IDENTITY).hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(directory)
    return _identity(directory)
