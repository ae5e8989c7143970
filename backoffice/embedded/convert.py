"""A directory copied into another that is encrypted, or no longer is, and put in its place.

Whatever comes between, a kill or a power cut, the directory is whole at its place, the old one or the new one: the copy
is synced, and compared with what was copied, before the two change their names in one step of the file system. What is
done again goes on: files that were copied stay.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from backoffice.directories import sync_directory
from backoffice.embedded import disk
from backoffice.embedded.data_dir import DataDirectoryError
from backoffice.units import filesize

_BLOCK: Final = 1024**2
_PART: Final = ".part"
_TELL_SECONDS: Final = 5.0
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


class Interrupted(DataDirectoryError):
    """It was told to stop, and goes on when it is done again."""


@dataclass(slots=True)
class Watch:
    """Who waits for it. `say` gets a line now and then; `stopping` is asked after each block."""

    say: Callable[[str], None]
    stopping: Callable[[], bool]
    total: int = 0
    done: int = 0
    told: float = field(default_factory=time.monotonic)

    def step(self, count: int) -> None:
        """So many bytes more. Raises Interrupted."""
        self.done += count
        if self.stopping():
            raise Interrupted("told to stop while the data directory was converted: it goes on at the next start")
        if self.total and time.monotonic() - self.told >= _TELL_SECONDS:
            self.told = time.monotonic()
            self.say(f"  {filesize(self.done)} of {filesize(self.total)} ...")


def copy(source: Path, target: Path, watch: Watch) -> None:
    """Make `target`, which is there, hold what `source` holds, on the disk. Sockets stay away. Raises
    DataDirectoryError, OSError."""
    _drop_what_is_gone(source, target)
    files = [path for path in _below(source) if stat.S_ISREG(path.lstat().st_mode)]
    left = [path for path in files if not _same(path, target / path.relative_to(source))]
    watch.total, watch.done = sum(path.stat().st_size for path in left), 0
    room = disk.free_bytes(target) - disk.FULL
    if watch.total > room:
        raise DataDirectoryError(
            f"to encrypt or decrypt {source} a copy of it is made, which needs {filesize(watch.total)}, and there are"
            f" {filesize(max(room, 0))}: free some room on its disk and start again. Nothing was changed"
        )
    for path in left:
        place = target / path.relative_to(source)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy_file(path, place, watch)
    for directory in {target, *(path.parent for path in _below(target))}:
        sync_directory(directory)


def exchange(one: Path, other: Path) -> None:
    """Let the two change their names, in one step, and keep that. Raises OSError, DataDirectoryError."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "renameat2"):
        raise DataDirectoryError(
            f"this system cannot exchange {one} and {other} in one step: make a backup, and restore it into a new data"
            " directory. Nothing was changed"
        )
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))
    sync_directory(one.parent)


def destroy(directory: Path, watch: Watch, *, legible: bool) -> None:
    """Away with all of it. `legible`: overwritten with zeros first, so that a disk that writes in place does not have
    it any more. Raises Interrupted, OSError."""
    if legible:
        for path in _below(directory):
            if stat.S_ISREG(path.lstat().st_mode):
                overwrite(path, watch)
    shutil.rmtree(directory)
    sync_directory(directory.parent)


def _below(directory: Path) -> Iterator[Path]:
    """All there is, of directories what is in them first. Raises OSError for one that cannot be listed."""
    for place, directories, files in os.walk(directory, topdown=False, onerror=_raise):
        for name in (*files, *directories):
            yield Path(place, name)


def _raise(error: OSError) -> NoReturn:
    raise error


def _drop_what_is_gone(source: Path, target: Path) -> None:
    """What was copied in an earlier attempt, and is no more."""
    for path in list(_below(target)):
        if not path.is_dir() and not (source / path.relative_to(target)).is_file():
            path.unlink()


def _same(one: Path, copied: Path) -> bool:
    """Whether it was copied since it was written last: a file gets its name and its time when it is complete."""
    if not copied.is_file():
        return False
    found, wanted = copied.stat(), one.stat()
    return (found.st_size, found.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns)


def _copy_file(path: Path, place: Path, watch: Watch) -> None:
    part = place.with_name(place.name + _PART)
    with path.open("rb") as source, part.open("wb") as target:
        while block := source.read(_BLOCK):
            target.write(block)
            watch.step(len(block))
        target.flush()
        os.fsync(target.fileno())
        if sys.platform == "linux":  # so that the comparison reads what is on the disk
            os.posix_fadvise(target.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    _compare(path, part, watch)
    found = path.stat()
    if found.st_uid != os.geteuid():
        os.chown(part, found.st_uid, found.st_gid)
    shutil.copystat(path, part)
    part.replace(place)


def _compare(path: Path, copied: Path, watch: Watch) -> None:
    with path.open("rb") as one, copied.open("rb") as other:
        while True:
            block = one.read(_BLOCK)
            if block != other.read(_BLOCK):
                raise DataDirectoryError(
                    f"what was copied of {path} is not what was read of it: does its disk fail? Nothing was changed"
                )
            if not block:
                return
            watch.step(0)


def overwrite(path: Path, watch: Watch) -> None:
    """Write zeros where the file lies, and see them on the disk. Raises Interrupted, OSError."""
    with path.open("r+b") as file:
        left = os.fstat(file.fileno()).st_size
        while left:
            left -= file.write(bytes(min(left, _BLOCK)))
            watch.step(0)
        file.flush()
        os.fsync(file.fileno())
