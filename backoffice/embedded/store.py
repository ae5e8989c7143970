"""The store's process: started, waited for, watched for a full disk."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from typing import IO, Final

from backoffice.embedded import append_only_log, config, disk
from backoffice.embedded import binary as find
from backoffice.embedded.data_dir import DataDirectoryError, Layout, read_secret, take_lock
from backoffice.embedded.diagnose import FailureCause, explain, trouble
from backoffice.embedded.processes import Child, Program
from backoffice.embedded.resp import NoAnswer, ask
from backoffice.settings import Durability, Settings

PATIENCE: Final = 30.0  # seconds the store gets to write its log and end
BALLAST: Final = 64 * 1024**2
_ROOM_FOR_BALLAST: Final = 2 * 1024**3
_LARGEST_LOG: Final = 4 * 1024**2


class StoreFailed(Exception):
    """The store cannot be started; the message says why and what to do."""


class Store:
    """The embedded store of one data directory."""

    def __init__(self, layout: Layout, settings: Settings, say: Callable[[str], None]) -> None:
        self._layout, self._say = layout, say
        self._durable = settings.durability is not Durability.MEMORY
        self._binary = find.server_binary()
        self._lock = wait_for_lock(layout, say)
        lost = append_only_log.refusal(layout, durable=self._durable)
        if lost:
            self.close()
            raise DataDirectoryError(lost)
        self._make_room()
        self.socket = config.write(layout, durability=settings.durability, max_memory=settings.store_memory)
        self._password = read_secret(layout.store_password)
        self._log_from = self._rotate_log()
        program = Program(
            name="store",
            command=[str(self._binary), str(layout.store_config)],
            environ={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            patience=PATIENCE,
            # The server holds its directory's lock itself: should we be killed, the next supervisor waits for its end.
            keep=(self._lock.fileno(),),
        )
        self.child = Child(program)

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)  # left by a killed server; the lock says that none is alive
        self._log_from = self._rotate_log()
        self.child.start()

    def wait_until_ready(self, pause: Callable[[float], bool]) -> None:
        """Return when it answers, or when told to stop. Raises StoreFailed when it ends instead."""
        told = time.monotonic()
        while not self._answers():
            if pause(0.01 if time.monotonic() - self.child.started < 1 else 0.1):
                return
            if self.child.reap() is not None:
                raise StoreFailed(self.explain())
            if time.monotonic() - told > 5:
                told = time.monotonic()
                self._say("The store is still reading its log ...")
        if self._durable:
            append_only_log.remember(self._layout)
        self.keep_ballast()

    def close(self) -> None:
        """Give the directory up, when the server has ended."""
        self._lock.close()

    def explain(self) -> str:
        """Why it ended. Frees the ballast when that was a full disk."""
        kind = trouble(self._layout, self._log_from)
        if kind is FailureCause.DISK_FULL:
            self.free_ballast()
        return explain(self._layout, kind, self._log_from, self._binary)

    def damaged(self) -> bool:
        return trouble(self._layout, self._log_from) is FailureCause.DAMAGED

    def watch(self) -> None:
        """Free the ballast when there is no room, best before a write fails; keep it again when there is plenty."""
        try:
            status = ask(self.socket, self._password, "INFO", "persistence")
        except NoAnswer:
            return  # dead or busy: its process is watched elsewhere
        if "aof_last_write_status:err" in status:
            self.free_ballast()
        elif not self._make_room():
            self.keep_ballast()

    def _make_room(self) -> bool:
        """Whether the disk is full; then the ballast is freed."""
        full = disk.is_full(self._layout.root)
        if full:
            self.free_ballast()
        return full

    def keep_ballast(self) -> None:
        path = self._layout.ballast
        if not self._durable or path.exists() or disk.free_bytes(self._layout.root) < _ROOM_FOR_BALLAST:
            return
        with path.open("wb") as file:
            try:
                _allocate(file)
            except OSError as error:
                path.unlink()
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise

    def free_ballast(self) -> None:
        if self._layout.ballast.exists():
            self._layout.ballast.unlink(missing_ok=True)
            self._say(
                f"The disk that holds {self._layout.root} is full: uploads are refused. Delete files or free some room"
                " otherwise; 64 MiB that were kept for that are free now."
            )

    def _answers(self) -> bool:
        try:
            return ask(self.socket, self._password, "PING") == "PONG"
        except NoAnswer:
            return False

    def _rotate_log(self) -> int:
        """Set a long log aside. Returns where the next run's words will begin."""
        path = self._layout.store_log
        size = path.stat().st_size if path.exists() else 0
        if size <= _LARGEST_LOG:
            return size
        path.replace(path.with_suffix(".log.1"))
        return 0


def wait_for_lock(layout: Layout, say: Callable[[str], None]) -> IO[str]:
    """The store directory's lock. A killed supervisor's store may need a moment to end. Raises DataDirectoryError."""
    end, told = time.monotonic() + PATIENCE, False
    while (lock := take_lock(layout.store_lock)) is None:
        if time.monotonic() > end:
            raise DataDirectoryError(f"another store still runs in {layout.store}; stop it first")
        if not told:
            say("Waiting for the previous store to stop ...")
            told = True
        time.sleep(0.1)
    return lock


def _allocate(file: IO[bytes]) -> None:
    if sys.platform == "linux":
        os.posix_fallocate(file.fileno(), 0, BALLAST)
    else:
        for _ in range(BALLAST // 1024**2):
            file.write(bytes(1024**2))
