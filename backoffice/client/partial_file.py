"""A file on its way in: first beside its place under another name, then there in one step, whole and on the disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from backoffice.client.errors import ClientError, printable_path
from backoffice.directories import sync_directory
from backoffice.domain.ascii_names import NEUTRAL, defused
from backoffice.domain.files import MAX_SUFFIX
from backoffice.domain.invisible import made_readable, without_invisible

BLOCK: Final = 1024**2
LONGEST: Final = 255
"""Bytes in the name of a file, on nearly every file system."""
SUFFIX: Final = ".part"
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


def safe_name(name: str, instead: str = NEUTRAL) -> str:
    """The last part of a name that somebody else chose, fit for a file in any directory: no path, nothing that steers a
    terminal or is not seen, no device, no place for other data (`a:b` on some file systems), and no dot at the start,
    which would make it a settings file of a shell or of ssh. Cut, it keeps its ending."""
    name = made_readable(re.split(r"[/\\]", name)[-1], "_").replace(":", "_").encode("utf-8", "replace").decode()
    name = name.strip().rstrip(". ")
    if not name:
        name = re.sub(r"[^\w -]", "_", instead) or NEUTRAL
    name = defused(f"_{name}" if name.startswith(".") else name)
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = (dot + suffix).encode() if stem and len(suffix.encode()) <= MAX_SUFFIX else b""
    return without_invisible((name.encode()[: LONGEST - len(tail)]).decode("utf-8", "ignore")) + tail.decode()


def partial_path(target: Path, etag: str) -> Path:
    """Where `target` grows. The name tells which bytes it holds the beginning of, so that no others are added to it."""
    mark = f".{hashlib.sha256(etag.encode()).hexdigest()[:8]}{SUFFIX}"
    stem = os.fsencode(target.name)[: LONGEST - len(mark)].decode("utf-8", "ignore")
    return target.with_name(stem + mark)


@dataclass(slots=True)
class PartialFile:
    """The beginning of a file, locked against other downloads of it. `size`: bytes that are there."""

    path: Path
    _file: IO[bytes]
    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        """Append. Raises ClientError."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise ClientError(f"{printable_path(str(self.path))} cannot be written: {error.strerror}.") from error
        self._digest.update(data)
        self.size += len(data)

    def load(self) -> None:
        """Take what an earlier run left."""
        while data := self._file.read(BLOCK):
            self._digest.update(data)
            self.size += len(data)

    def restart(self) -> None:
        """Throw away what is there."""
        self._file.seek(0)
        self._file.truncate()
        self._digest, self.size = hashlib.sha256(), 0

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is there."""
        return bytes(self._digest.digest())

    def publish(self, target: Path, *, force: bool) -> None:
        """Make it `target`: on the disk, in one step, and over another file only with `force`. Raises ClientError."""
        try:
            os.fsync(self._file.fileno())
            if force:
                self.path.replace(target)
            else:
                self._publish_new(target)
            sync_directory(target.parent)
        except FileExistsError:
            raise already_exists(target) from None
        except OSError as error:
            raise ClientError(f"{printable_path(str(target))} cannot be written: {error.strerror}.") from error

    def _publish_new(self, target: Path) -> None:
        try:
            target.hardlink_to(self.path)  # the one way to name a file that never replaces another
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "exists") from error
            self.path.rename(target)
        else:
            self.path.unlink()

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


@contextmanager
def open_partial(path: Path) -> Iterator[PartialFile]:
    """The partial file at `path`, with what an earlier run left of it. Raises ClientError."""
    with contextlib.ExitStack() as stack:
        try:
            while True:
                file = stack.enter_context(open(path, "a+b", buffering=0, opener=_open_no_follow))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(path, file):
                    break
                # The download that held it has just finished, and its file has another name now.
        except BlockingIOError:
            raise ClientError("another download of it is running.") from None
        except OSError as error:
            raise ClientError(f"{printable_path(str(path))} cannot be written: {error.strerror}.") from error
        partial = PartialFile(path, file)
        file.seek(0)
        partial.load()
        yield partial


def already_exists(target: Path) -> ClientError:
    return ClientError(f"{printable_path(str(target))} exists; --force replaces it.")


def _is_at(path: Path, file: IO[bytes]) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(file.fileno()))


def _open_no_follow(path: str, flags: int) -> int:
    """Not through a link that somebody put there."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
