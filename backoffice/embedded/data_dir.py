"""The data directory: what lies where in it, who may read it, and which process has it.

up.lock        held by the supervisor: one per directory
running.json   where that supervisor's site and store are, for the other commands
secret.key     APP_SECRET_KEY, when the operator gives none
ballast        room to free when the disk is full, so that files can still be deleted
store/         the store: valkey.conf, password, store.log, the append-only log, and store.lock, held by the server
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

# A socket's path must fit in sockaddr_un: 108 bytes on Linux, 104 on macOS, with the closing NUL.
LONGEST_SOCKET_PATH: Final = 100


class DataDirectoryError(Exception):
    """The data directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path

    @classmethod
    def at(cls, data_dir: Path) -> Layout:
        return cls(data_dir.absolute())

    @property
    def lock(self) -> Path:
        return self.root / "up.lock"

    @property
    def record(self) -> Path:
        return self.root / "running.json"

    @property
    def secret(self) -> Path:
        return self.root / "secret.key"

    @property
    def ballast(self) -> Path:
        return self.root / "ballast"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def store_lock(self) -> Path:
        return self.store / "store.lock"

    @property
    def store_log(self) -> Path:
        return self.store / "store.log"

    @property
    def store_config(self) -> Path:
        return self.store / "valkey.conf"

    @property
    def store_password(self) -> Path:
        return self.store / "password"

    def prepare(self) -> None:
        """Make the directories, for this user alone. Raises DataDirectoryError."""
        for directory in (self.root, self.store):
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                if stat.S_IMODE(directory.stat().st_mode) & 0o077:
                    directory.chmod(0o700)
            except OSError as error:
                raise DataDirectoryError(f"{directory} cannot be used: {error.strerror}") from error

    def socket(self) -> Path:
        """Where the store listens: in the data directory, or in a private one elsewhere when that path is too
        long for a socket."""
        near = self.store / "store.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
            return near
        name = f"backoffice-{os.geteuid()}-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]}"
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        far = base / name / "store.sock"
        if len(os.fsencode(far)) > LONGEST_SOCKET_PATH:
            far = Path("/tmp", name, "store.sock")  # noqa: S108 -- made 0700 and checked to be ours, below
        _private_directory(far.parent)
        return far

    def leave(self) -> None:
        """Take away what lies outside the data directory, when the store has stopped."""
        elsewhere = self.socket().parent
        if elsewhere != self.store:
            with contextlib.suppress(OSError):  # not empty: somebody still uses it
                elsewhere.rmdir()


def _private_directory(path: Path) -> None:
    """Make `path` for this user alone; refuse one that somebody else put there first."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise DataDirectoryError(f"{path} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise DataDirectoryError(
            f"{path} is not a private directory of this user; remove it or shorten BACKOFFICE_DATA_DIR"
        )


def keep_secret(path: Path) -> str:
    """The secret in the file at `path`, made (mode 0600) when there is none. Complete or absent, never half written."""
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        write_private(path, secrets.token_urlsafe(48) + "\n", replace=False)
        text = path.read_text("ascii").strip()  # of two makers the first one's holds
    if not text:
        raise DataDirectoryError(f"{path} is empty; remove it to have a new secret made (everybody must sign in again)")
    return text


def write_private(path: Path, text: str, *, replace: bool = True) -> None:
    """Put `text` at `path` in one step, readable by this user only. `replace=False` leaves a file that is there."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:  # mkstemp made it 0600
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(temporary)
    finally:
        Path(temporary).unlink(missing_ok=True)


def take_lock(path: Path) -> IO[str] | None:
    """Lock the file at `path` until the answer is closed by every process that inherited it; None when it
    is taken."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
