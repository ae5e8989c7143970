"""The data directory: what lies where in it, who may read it, and which process has it.

up.lock        held by the supervisor: one per directory
running.json   where that supervisor's site and store are, for the other commands
secret.key     APP_SECRET_KEY, when the operator gives none; in store/ where that is encrypted
used           there once the store has run here with a log: without that log it is not started again
ballast        room to free when the disk is full, so that files can still be deleted
store/         the store: valkey.conf, password, store.log, the append-only log, and store.lock, held by the server
conversions    that store/ was encrypted or decrypted, until the log says so (conversions.py)
directory.key  the key by which the file system encrypts store/, wrapped by the site's; where that is asked for
store.other/   while store/ is being encrypted or decrypted: its copy, or what was there before (convert.py)
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from backoffice.directories import make_directory, sync_directory

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
        """Where it is, or will be once it is made."""
        return self.inner_secret if self.inner_secret.exists() else self.outer_secret

    @property
    def outer_secret(self) -> Path:
        return self.root / "secret.key"

    @property
    def inner_secret(self) -> Path:
        """Encrypted with all that the store writes."""
        return self.store / "secret.key"

    @property
    def directory_key(self) -> Path:
        return self.root / "directory.key"

    @property
    def conversions(self) -> Path:
        return self.root / "conversions"

    @property
    def ballast(self) -> Path:
        return self.root / "ballast"

    @property
    def used(self) -> Path:
        return self.root / "used"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def other(self) -> Path:
        return self.root / "store.other"

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
                if directory == self.root:
                    self._refuse_foreign()
                make_directory(directory, 0o700)
                if stat.S_IMODE(directory.stat().st_mode) & 0o077:
                    directory.chmod(0o700)
            except OSError as error:
                raise unusable(directory, error) from error

    def _refuse_foreign(self) -> None:
        """A directory of somebody's files is not made private, and nothing is put among them."""
        found = {path.name for path in self.root.iterdir()} if self.root.exists() else set()
        ours = (self.lock, self.record, self.outer_secret, self.used, self.ballast, self.store, self.directory_key)
        known = {path.name for path in ours}
        if not found & known and any(not name.startswith(".") and name != "lost+found" for name in found):
            raise DataDirectoryError(
                f"{self.root} holds other files: choose a new or empty directory with BACKOFFICE_DATA_DIR or"
                " `up --data DIR`"
            )

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


def unusable(path: Path, error: OSError) -> DataDirectoryError:
    """What the operator can do about a file or directory that cannot be made, read or written."""
    why = (error.strerror or str(error)).lower()
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DataDirectoryError(f"the disk that holds {path} is full: free some room there and start again")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return DataDirectoryError(
            f"{path} cannot be used by this user ({why}): run as the user it belongs to, or choose another data"
            " directory with BACKOFFICE_DATA_DIR or `up --data DIR`"
        )
    return DataDirectoryError(
        f"{path} cannot be used ({why}): choose another data directory with BACKOFFICE_DATA_DIR or `up --data DIR`"
    )


def _private_directory(path: Path) -> None:
    """Make `path` for this user alone; refuse one that somebody else put there first."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise unusable(path, error) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise DataDirectoryError(
            f"{path} is not a private directory of this user; remove it or shorten BACKOFFICE_DATA_DIR"
        )


def keep_secret(path: Path) -> str:
    """The secret in the file at `path`, made (mode 0600) when there is none. Complete or absent, never half written."""
    if not has_secret(path):
        write_private(path, secrets.token_urlsafe(48) + "\n", replace=False)
    return read_secret(path)  # of two makers the first one's holds


def has_secret(path: Path) -> bool:
    """Whether there is a file at `path`. Raises DataDirectoryError where this user may not know."""
    try:
        return path.is_file()
    except OSError as error:
        raise unusable(path, error) from error


def read_secret(path: Path) -> str:
    """The secret in the file at `path`. Raises DataDirectoryError."""
    try:
        text = path.read_text("ascii").strip()
    except OSError as error:
        raise unusable(path, error) from error
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise DataDirectoryError(
            f"there is no secret in {path}; remove it to have a new one made (everybody must sign in again)"
        )
    return text


def write_private(path: Path, text: str, *, replace: bool = True) -> None:
    """Put `text` at `path` in one step, readable by this user only, and on the disk when this returns. `replace=False`
    leaves a file that is there.

    Raises DataDirectoryError.
    """
    try:
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
        sync_directory(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def take_lock(path: Path) -> IO[str] | None:
    """Lock the file at `path` until the answer is closed by every process that inherited it; None when it
    is taken. Raises DataDirectoryError."""
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise unusable(path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
