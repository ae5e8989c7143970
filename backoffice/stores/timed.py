"""How long round trips to the store take, told to whoever listens (`measures.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from backoffice.measures import heard, timed
from backoffice.stores.through_library import Command
from backoffice.stores.transport import Pending, Transport
from backoffice.stores.watch import READS

_SCRIPTS: Final = frozenset({"EVALSHA", "EVAL"})
_ANSWERED: Final = (ResponseError,)
"""The store's own no is an answer: of a script that has found another version, or of a store that is full."""


class Timed:
    """A transport whose trips are measured, by what is sent: a script, reads, anything else, or what was asked for
    ahead, of which only the waiting counts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def call(self, command: Command) -> Any:
        if not heard():
            return self._transport.call(command)
        with timed("store", kind_of(command), _ANSWERED):
            return self._transport.call(command)

    def many(self, commands: Sequence[Command]) -> list[Any]:
        if not heard():
            return self._transport.many(commands)
        with timed("store", kind_of_all(commands), _ANSWERED):
            return self._transport.many(commands)

    def ask(self, command: Command) -> Pending:
        pending = self._transport.ask(command)
        return _TimedReply(pending) if heard() else pending


class _TimedReply:
    def __init__(self, pending: Pending) -> None:
        self._pending = pending

    def reply(self) -> Any:
        with timed("store", "ahead", _ANSWERED):
            return self._pending.reply()

    def drop(self) -> None:
        self._pending.drop()


def kind_of(command: Command) -> str:
    """`script`, `read` or `write`."""
    name = command[0]
    return "script" if name in _SCRIPTS else "read" if name in READS else "write"


def kind_of_all(commands: Sequence[Command]) -> str:
    """Of several that are sent together: the one that weighs most."""
    kinds = {kind_of(command) for command in commands}
    return next(kind for kind in ("script", "write", "read") if kind in kinds)
