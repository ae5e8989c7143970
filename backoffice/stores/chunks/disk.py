"""A directory on a file system, as the chunk store uses it: every call goes through one place, which
translates errors."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from backoffice.errors import StoreFull, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_NOT_EMPTY: Final = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}
_WHOLE_SYNC: Final = getattr(fcntl, "F_FULLFSYNC", None)
"""macOS: what `fsync` does elsewhere."""
_ADVISE: Final = getattr(os, "posix_fadvise", None)
"""Not on macOS."""


@contextmanager
def disk_errors() -> Iterator[None]:
    """No room becomes `StoreFull`, every other trouble `Unavailable`; that a name is there or is not is no trouble."""
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull from error
        raise Unavailable from error


class Disk:
    """Files and directories below `root`, by relative paths that the caller has checked.

    The root is opened once: should another file system be mounted there or vanish, no call ends up somewhere else.
    """

    def __init__(self, root: Path) -> None:
        self._path = root
        self._lock = threading.Lock()
        self._opened: int | None = None

    def call(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One call of the file system."""
        with disk_errors():
            return operation(*args, **kwargs)

    @property
    def root(self) -> int:
        """A descriptor of the root, opened at the first use. Raises Unavailable where there is no such directory."""
        if self._opened is None:
            with self._lock:
                if self._opened is None:
                    self._opened = self._open_root()
        return self._opened

    def _open_root(self) -> int:
        try:
            opened = self.call(os.open, self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Unavailable from error
        weakref.finalize(self, os.close, opened)
        return opened

    # -- files

    def write(self, path: str, data: bytes | memoryview, modified_ms: int) -> None:
        """A new file, safe on the disk when this returns. Raises FileNotFoundError where its directory is missing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = self.call(os.open, path, flags, FILE_MODE, dir_fd=self.root)
        try:
            with memoryview(data) as whole:
                written = 0
                while written < len(whole):
                    with whole[written:] as rest:
                        written += self.call(os.write, file, rest)
            self.call(os.utime, file, ns=_nanoseconds(modified_ms))
            self.call(_sync, file)
        finally:
            self.call(os.close, file)

    def write_later(self, path: str, data: bytes | memoryview) -> None:
        """A file, in the place of one that may be there; safe on the disk after `sync`. Raises FileNotFoundError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        file = self.call(os.open, path, flags, FILE_MODE, dir_fd=self.root)
        try:
            with memoryview(data) as whole:
                written = 0
                while written < len(whole):
                    with whole[written:] as rest:
                        written += self.call(os.write, file, rest)
        finally:
            self.call(os.close, file)

    def sync(self) -> None:
        """All that was written, here and elsewhere, is safe on the disk when this returns."""
        self.call(os.sync)

    def open(self, path: str) -> int | None:
        """A descriptor to read from, None where there is no such file."""
        try:
            return self.call(os.open, path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.root)
        except FileNotFoundError:
            return None

    def read(self, file: int) -> bytes:
        """All of an open file, which is closed then."""
        try:
            size = self.call(os.fstat, file).st_size
            parts = [self.call(os.read, file, size)]
            while size > sum(map(len, parts)) and (more := self.call(os.read, file, size)):
                parts.append(more)
        finally:
            self.close(file)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_ahead(self, file: int) -> None:
        """Have the system fetch an open file into its own memory, while we do something else."""
        if _ADVISE is not None:
            self.call(_ADVISE, file, 0, 0, os.POSIX_FADV_WILLNEED)

    def close(self, file: int) -> None:
        self.call(os.close, file)

    def stat(self, path: str) -> os.stat_result | None:
        try:
            return self.call(os.stat, path, dir_fd=self.root, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def touch(self, path: str, modified_ms: int) -> None:
        """Raises FileNotFoundError."""
        self.call(os.utime, path, ns=_nanoseconds(modified_ms), dir_fd=self.root, follow_symlinks=False)

    def link(self, source: str, target: str) -> None:
        """Another name for a file. Raises FileExistsError, and FileNotFoundError where file or directory is missing."""
        self.call(os.link, source, target, src_dir_fd=self.root, dst_dir_fd=self.root, follow_symlinks=False)

    def replace(self, source: str, target: str) -> bool:
        """Give a file the name of another, which goes; False where its directory is gone."""
        try:
            self.call(os.replace, source, target, src_dir_fd=self.root, dst_dir_fd=self.root)
        except FileNotFoundError:
            return False
        return True

    def remove(self, path: str) -> bool:
        """Whether there was such a file."""
        try:
            self.call(os.unlink, path, dir_fd=self.root)
        except FileNotFoundError:
            return False
        return True

    # -- directories

    def names(self, path: str) -> list[str]:
        """What is in a directory; nothing where there is none."""
        try:
            directory = self._open_directory(path)
        except FileNotFoundError:
            return []
        try:
            return self.call(os.listdir, directory)
        finally:
            self.close(directory)

    def make_directory(self, path: str) -> None:
        """With those above it. Raises Unavailable where the root itself was removed."""
        parts = path.split("/")
        try:
            for depth in range(1, len(parts) + 1):
                with suppress(FileExistsError):
                    self.call(os.mkdir, "/".join(parts[:depth]), DIRECTORY_MODE, dir_fd=self.root)
        except FileNotFoundError as error:
            raise Unavailable from error

    def remove_directory(self, path: str) -> None:
        """Unless something is in it."""
        self.call(_remove_empty, path, self.root)

    def sync_directory(self, path: str) -> None:
        """The names in it are safe on the disk when this returns."""
        try:
            directory = self._open_directory(path)
        except FileNotFoundError:
            return
        try:
            self.call(_sync, directory)
        finally:
            self.close(directory)

    def _open_directory(self, path: str) -> int:
        return self.call(os.open, path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.root)

    def free(self) -> tuple[int, int | None]:
        """Bytes and files that there is room for; None where the file system sets no limit to files."""
        room = self.call(os.fstatvfs, self.root)
        return room.f_bavail * room.f_frsize, room.f_favail if room.f_files else None


def _nanoseconds(milliseconds: int) -> tuple[int, int]:
    return milliseconds * 1_000_000, milliseconds * 1_000_000


def _sync(file: int) -> None:
    if _WHOLE_SYNC is None:
        os.fsync(file)
    else:
        fcntl.fcntl(file, _WHOLE_SYNC)


def _remove_empty(path: str, root: int) -> None:
    try:
        os.rmdir(path, dir_fd=root)
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
