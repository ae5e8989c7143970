"""The directory that web processes count into: made when the server starts, and gone when it has ended. What a killed
one has left goes when another one starts."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from backoffice.embedded.data_dir import DataDirectoryError, take_lock

PREFIX: Final = "backoffice-metrics-"
LOCK: Final = "lock"
"""Of the first process and of all that it starts, until the last of them ends."""
BEGUN_SECONDS: Final = 60
"""Between the making of a directory and its lock."""


def counts_directory() -> tuple[Path, IO[str] | None]:
    """A new one, for this user alone, and its lock, which stays through `exec`. Raises OSError, DataDirectoryError."""
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*"):
        _clear(left)
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    lock = take_lock(made / LOCK)
    if lock is not None:
        os.set_inheritable(lock.fileno(), True)
    return made, lock


def _clear(left: Path) -> None:
    """Take it away, unless somebody counts into it, or is about to, or it is not ours."""
    with suppress(OSError, DataDirectoryError):
        found = left.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or time.time() - found.st_mtime < BEGUN_SECONDS or not (left / LOCK).is_file():
            return
        lock = take_lock(left / LOCK)
        if lock is not None:
            with lock:
                shutil.rmtree(left)
