"""Commands by way of redis-py alone: for the imitation of the tests, and for the unusual on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from redis import Redis
from redis.client import NEVER_DECODE
from redis.cluster import RedisCluster

from backoffice.domain.waits import Waits, current_waits
from backoffice.stores.counted_waits import Counted, check
from backoffice.stores.resp_zero_copy import raise_first

Client = Redis | RedisCluster
Arg = bytes | str | int | float | memoryview
Command = tuple[Arg, ...]

LARGE: Final = "GET"
"""The one command whose reply may be a large string: a chunk."""


class Later:
    """A command that is sent by `call` when its reply is wanted."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call

    def reply(self) -> Any:
        return self._call()

    def drop(self) -> None:
        """It has not been sent."""


class ThroughLibrary:
    """Lets redis-py do it: it knows which node has which slot. It keeps its own time-outs and repeats by itself, so a
    single call may take longer than a request may wait; the next one is then not made."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def call(self, command: Command) -> Any:
        options: dict[str, Any] = {NEVER_DECODE: True} if command[0] == LARGE else {}
        with Counted(_left()):
            return self._client.execute_command(*command, **options)  # type: ignore[no-untyped-call]

    def many(self, commands: Sequence[Command]) -> list[Any]:
        replies = self.each(commands)
        raise_first(replies)
        return replies

    def each(self, commands: Sequence[Command]) -> list[Any]:
        """As `many`, with the errors among the replies."""
        with Counted(_left()), self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            replies: list[Any] = pipe.execute(raise_on_error=False)
            return replies

    def ask(self, command: Command) -> Later:
        return Later(partial(self.call, command))


def _left() -> Waits:
    waits = current_waits()
    check(waits)
    return waits
