"""Ways to the store and to the file system that kill a process after a given call."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from backoffice.stores.chunks import disk
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.client import Arg, Client, Command, Db, Pending
from backoffice.stores.through_library import Later

P = ParamSpec("P")
T = TypeVar("T")


class KillingDb(Db):
    """Kills after so many calls; counts them."""

    def __init__(self, client: Client, after: int, pid: int) -> None:
        super().__init__(client)
        self.calls, self._after, self._pid, self._lock = 0, after, pid, Lock()

    def _one(self, command: Command) -> Any:
        result = super()._one(command)
        self.count()
        return result

    def _several(self, commands: Sequence[Command]) -> list[Any]:
        result = super()._several(commands)
        if len(commands) > 1:
            self.count()
        return result

    def ask(self, *command: Arg) -> Pending:
        return Later(partial(self.call, *command))

    def count(self) -> None:
        """One more call has been carried out."""
        with self._lock:
            self.calls += 1
            if self.calls == self._after:
                os.kill(self._pid, signal.SIGKILL)


LOOKS = {os.close, os.fstat, os.fstatvfs, os.listdir, os.read, os.stat, disk._sync, disk._ADVISE}
"""Calls that change nothing that outlives a process: who dies after one of them leaves what was there before it."""


class KillingDisk(Disk):
    """The same for calls that change the file system, counted together with those of the store. One that fails has
    changed nothing: of two threads that make a directory one has."""

    def __init__(self, root: Path, db: KillingDb) -> None:
        super().__init__(root)
        self._db = db

    def call(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result = super().call(operation, *args, **kwargs)
        if operation not in LOOKS and (operation is not os.open or int(args[1]) & os.O_CREAT):
            self._db.count()
        return result
