"""Disks whose file system encrypts directories: an image of one, mounted, and an imitation of what the kernel does."""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from backoffice.embedded import fscrypt
from tests.support.servers import need, wait_for

MIB: Final = 1024**2
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - each disk gets a directory of its own there
"""Where a small image lies: what is written to it is there for all to see, and need not wait for a busy disk."""
LARGEST_IN_MEMORY: Final = 64 * MIB
_MARK: Final = "user.backoffice.policy"
CHANGING: Final = frozenset(
    {"mkdir", "open", "write", "fsync", "replace", "unlink", "rmdir", "ioctl", "utime", "chmod", "link", "setxattr"}
)
"""Calls before which a process may die: what it did up to there is another state each time."""


@dataclass(frozen=True, slots=True)
class Disk:
    """`root`: where it is mounted. `image`: what is on it, byte by byte; of an imitation there is none."""

    root: Path
    image: Path | None = None

    def has(self, *texts: bytes) -> list[bytes]:
        """Those of `texts` that stand on it anywhere, when all is written."""
        assert self.image is not None
        subprocess.run(["sync", "--file-system", str(self.root)], check=True)
        # The image's own pages are what the disk has: the file system's are above them.
        held = self.image.read_bytes()
        return [text for text in texts if text in held]


@contextlib.contextmanager
def mounted(image: Path, root: Path) -> Iterator[Disk]:
    """An image that is there, as it was left: also in the middle of something."""
    root.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop", str(image), str(root)], check=False, capture_output=True)
    need(done.returncode == 0, "the right to mount an image of a disk, and a free loop device")
    try:
        yield Disk(root, image)
    finally:
        wait_for(lambda: _unmounted(root), "the image is no longer in use")


def _unmounted(root: Path) -> bool:
    return subprocess.run(["umount", str(root)], check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def encrypting_disk(place: Path, size: int = 16 * MIB, *options: str) -> Iterator[Disk]:
    """A new disk with ext4 that encrypts, or that has other `options` of mkfs.ext4."""
    need(sys.platform == "linux" and os.geteuid() == 0, "the right to mount an image of a disk")
    need(shutil.which("mkfs.ext4") and shutil.which("mount"), "mkfs.ext4 and mount")
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() and size <= LARGEST_IN_MEMORY else place) as name:
        image = Path(name, "image")
        with image.open("wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", *(options or ("-O", "encrypt")), str(image)], check=True)
        with mounted(image, place / "disk") as disk:
            yield disk


@dataclass(slots=True)
class Imitation:
    """What the kernel does, as far as it shows while the key is there: a directory has a policy, which all that comes
    into it has, too, and goes with it when it is renamed."""

    keys: set[bytes] = field(default_factory=set)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """In the place of the calls of the kernel."""
        for function in (self.policy_of, self.add_key, self.remove_key, self.has_key, self.encrypt):
            patch.setattr(fscrypt, function.__name__, function)

    def policy_of(self, directory: Path) -> bytes | None:
        for place in (directory, *directory.parents):
            with contextlib.suppress(OSError):
                return os.getxattr(place, _MARK)
        return None

    def add_key(self, _directory: Path, key: bytes) -> bytes:
        identifier = hashlib.sha512(key).digest()[: fscrypt.IDENTIFIER_BYTES]
        self.keys.add(identifier)
        return identifier

    def remove_key(self, _directory: Path, identifier: bytes) -> bool:
        self.keys.discard(identifier)
        return True

    def has_key(self, _directory: Path, identifier: bytes) -> bool:
        return identifier in self.keys

    def encrypt(self, directory: Path, identifier: bytes) -> None:
        assert identifier in self.keys
        assert not any(directory.iterdir())
        os.setxattr(directory, _MARK, identifier)


def imitated_disk(place: Path, patch: pytest.MonkeyPatch) -> Disk:
    """A directory that takes policies."""
    try:
        os.setxattr(place, "user.backoffice.tried", b"1")
    except (AttributeError, OSError) as error:
        need(getattr(error, "errno", 0) not in {0, errno.EOPNOTSUPP}, "attributes of directories in temporary ones")
        raise
    Imitation().install(patch)
    return Disk(place)


class Killed(BaseException):
    """Stands for the end of the process."""


def dies(after: int, doing: Callable[[], object], end: Callable[[], None]) -> bool:
    """Call `end` before the call number `after` that changes something; whether it came to that."""
    count = 0

    def look(_frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        if event == "c_call" and getattr(argument, "__name__", "") in CHANGING:
            if count == after:
                sys.setprofile(None)
                count += 1
                end()
            count += 1

    before, held = sys.getprofile(), _open_files()
    sys.setprofile(look)
    died = False
    try:
        doing()
    except Killed:
        died = True
    finally:
        sys.setprofile(before)
    if died:  # what it had open is closed, as the end of a process does
        gc.collect()
        for number in _open_files() - held:
            with contextlib.suppress(OSError):
                os.close(number)
    return died


def _open_files() -> set[int]:
    """Without that by which they are listed."""
    names = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers are wanted
    return {int(name) for name in names if os.path.lexists(f"/proc/self/fd/{name}")}


def kill() -> None:
    """For `dies`, in this process."""
    raise Killed
