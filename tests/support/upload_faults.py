"""A store and a directory on which any call can go wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from backoffice.errors import Unavailable
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.client import Arg, Client, Command, Db, Pending
from backoffice.stores.through_library import Later
from tests.support.killing import only_looks

P = ParamSpec("P")
T = TypeVar("T")


class Fault(StrEnum):
    """How a call of the store can go wrong."""

    CRASH = "the process dies before the call"
    CRASH_AFTER = "the process dies after the call"
    LOST = "the call does not reach the store"
    LOST_ANSWER = "the call is carried out, its answer is lost"


class Died(BaseException):
    """The process is no more: nothing that it would clean up reaches the store."""


class FaultyDb(Db):
    """A way to the store on which one call goes wrong."""

    def __init__(self, client: Client, *, shebang: bool) -> None:
        super().__init__(client, shebang=shebang)
        self._lock = Lock()
        self._fault: Fault | None = None
        self._left = 0
        self._dead = False
        self.fired = False
        self.in_vain = False
        """Whether the call whose answer was lost has changed nothing: in the store, as far as `changes` says, or on the
        disk."""
        self.changes: Callable[[], int] | None = None
        """How many changes the store has counted."""

    def arm(self, fault: Fault, after: int) -> None:
        """`fault` comes after so many calls that go well."""
        self._fault, self._left, self.in_vain = fault, after, False

    def disarm(self) -> bool:
        """A new process, on a good network. Whether the fault came."""
        fired, self.fired, self._fault, self._dead = self.fired, False, None, False
        return fired

    def _one(self, command: Command) -> Any:
        return self.guarded(lambda: Db._one(self, command), asks=True)

    def _several(self, commands: Sequence[Command]) -> list[Any]:
        if len(commands) < 2:
            return super()._several(commands)
        return self.guarded(lambda: Db._several(self, commands), asks=True)

    def ask(self, *command: Arg) -> Pending:
        return Later(partial(self.call, *command))

    def guarded(self, work: Callable[[], T], *, asks: bool = False, looks: bool = False) -> T:
        """`asks`: it is a call of the store, and may change nothing. `looks`: it changes nothing."""
        fault = self._next()
        match fault:
            case Fault.CRASH:
                raise Died
            case Fault.LOST:
                raise Unavailable
        count = self.changes if asks and fault is Fault.LOST_ANSWER else None
        before = count() if count else 0
        result = work()
        match fault:
            case Fault.CRASH_AFTER:
                raise Died
            case Fault.LOST_ANSWER:
                self.in_vain = looks or (count is not None and count() == before)
                raise Unavailable
        return result

    def _next(self) -> Fault | None:
        with self._lock:
            if self._dead:
                raise Died
            if self._fault is None or self.fired:
                return None
            self._left -= 1
            if self._left >= 0:
                return None
            self.fired = True
            self._dead = self._fault in {Fault.CRASH, Fault.CRASH_AFTER}
            return self._fault


class FaultyDisk(Disk):
    """A way to the directory on which a call goes wrong, counted together with those of a `FaultyDb`."""

    def __init__(self, root: Path, faults: FaultyDb) -> None:
        super().__init__(root)
        self._faults = faults

    def call(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if operation is os.close:  # no process dies with a file open, and nothing is lost by it
            return super().call(operation, *args, **kwargs)
        looks = only_looks(operation, args)
        return self._faults.guarded(lambda: Disk.call(self, operation, *args, **kwargs), looks=looks)
