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
    """Kills after so many calls; counts them. `look`: what there is to be seen from outside."""

    def __init__(self, client: Client, after: int, pid: int, look: Callable[[], object] | None = None) -> None:
        super().__init__(client)
        self.calls, self._after, self._pid, self._lock = 0, after, pid, Lock()
        self.differing: list[int] = []
        """The numbers of the calls after which something else was to be seen than after the one before."""
        self._look, self._seen = look, look() if look else None

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

    def count(self, *, changing: bool = False) -> None:
        """One more call has been carried out, and has changed something though `look` does not see it."""
        with self._lock:
            self.calls += 1
            if self._look:
                seen = self._look()
                if changing or seen != self._seen:
                    self.differing.append(self.calls)
                    self._seen = seen
            if self.calls == self._after:
                os.kill(self._pid, signal.SIGKILL)


LOOKS = {os.close, os.fstat, os.fstatvfs, os.listdir, os.read, os.stat, disk._sync, disk._ADVISE}
"""Calls that change nothing that outlives a process: who dies after one of them leaves what was there before it."""


def only_looks(operation: object, args: Sequence[object]) -> bool:
    """Whether that call of the file system is one of `LOOKS`, or opens what is there."""
    return operation in LOOKS or (operation is os.open and not int(str(args[1])) & os.O_CREAT)


class KillingDisk(Disk):
    """The same for calls that change the file system, counted together with those of the store. One that fails has
    changed nothing: of two threads that make a directory one has."""

    def __init__(self, root: Path, db: KillingDb) -> None:
        super().__init__(root)
        self._db = db

    def call(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        result = super().call(operation, *args, **kwargs)
        if not only_looks(operation, args):
            self._db.count(changing=True)
        return result
