"""How commands travel to the store and replies back.

One server (also behind Sentinel) is spoken to over redis-py's own connections and hiredis, without what redis-py puts
between them for every command: a lock around its pool, a look at the socket, closures for repetition and measurements.
So is each server of a cluster (`shards.py`); the imitation of the tests is spoken to through the library.
"""

from __future__ import annotations

import os
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from backoffice.domain.waits import SOON, Waits, current_waits
from backoffice.stores.counted_waits import OVER, Counted
from backoffice.stores.resp_zero_copy import (
    Buffer,
    connection_options,
    pack,
    pack_all,
    read,
    read_all,
    read_large,
    read_several,
    send,
    set_patience,
)
from backoffice.stores.through_library import LARGE, Arg, Command, Later

if TYPE_CHECKING:
    from redis.connection import AbstractConnection

REPEATS: Final = 2
"""While there is time (`domain/waits.py`); every change is safe to repeat."""
BACK_OFF: Final = ExponentialWithJitterBackoff(base=0.02, cap=0.3)


class Pending(Protocol):
    """A command whose reply is read later. One of `reply` and `drop` has to be called, by one thread."""

    def reply(self) -> Any:
        """The reply, as of `Transport.call`. What got lost on the way is asked for again."""

    def drop(self) -> None:
        """Do without the reply."""


class Transport(Protocol):
    """Carries commands. Raises redis-py's errors."""

    def call(self, command: Command) -> Any:
        """The reply to one command."""

    def many(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to several that are sent together. The first error among them is raised when all were read."""

    def ask(self, command: Command) -> Pending:
        """Send a command that may be carried out twice, and do something else meanwhile. Raises nothing of the store's:
        `reply` does."""


def direct_to(client: Redis) -> Direct:
    """The way to this one server; the same one for all who ask."""
    return _direct.get(client) or _direct.setdefault(client, Direct(client))


def direct_to_shard(client: Redis) -> Direct:
    """The way to a server of a cluster, whose failures are for who knows the others (`Shards`)."""
    found = _direct.get(client)
    if found is None:
        # The library hands no such options on to the servers of a cluster.
        client.connection_pool.connection_kwargs.update(connection_options())
        found = _direct.setdefault(client, Direct(client, repeats=0))
    return found


class Direct:
    """One server. Each command has a connection to itself until its reply is read.

    A connection comes from redis-py's pool once and stays here; those that are idle lie on a stack, whose `append` and
    `pop` are atomic and need no lock. So there are as many as there ever were commands at once, whichever threads come
    and go. Only one whose replies were all read is used again: whatever is raised before that, also what ends a
    thread or a process, closes it. So no reply meets another command than its own.
    """

    def __init__(self, client: Redis, repeats: int = REPEATS) -> None:
        self._pool, self._repeats = client.connection_pool, repeats
        # As the library gives them; by their exact names, for there is one spelling in our code.
        # But a hash comes flat: whoever decodes it goes through it anyway.
        self._callbacks: dict[Arg, Callable[[Any], Any]] = {**client.response_callbacks}
        self._callbacks.pop("HGETALL", None)
        self._idle: deque[AbstractConnection] = deque()
        self._patience: float | None = self._pool.connection_kwargs.get("socket_timeout")

    def call(self, command: Command) -> Any:
        return self._call(command, current_waits())

    def _call(self, command: Command, waits: Waits) -> Any:
        name = command[0]
        reply = self._carry(pack(command), read_large if name == LARGE else read, waits)
        callback = self._callbacks.get(name)
        return reply if callback is None else callback(reply)

    def many(self, commands: Sequence[Command]) -> list[Any]:
        return self._replies(commands, read_several, current_waits())

    def each(self, commands: Sequence[Command]) -> list[Any]:
        """As `many`, with the errors of the server among the replies."""
        return self._replies(commands, read_all, current_waits())

    def _replies(self, commands: Sequence[Command], take: _TakeSeveral, waits: Waits) -> list[Any]:
        return self._called_back(commands, self._carry(pack_all(commands), partial(take, len(commands)), waits))

    def _called_back(self, commands: Sequence[Command], replies: list[Any]) -> list[Any]:
        for place, command in enumerate(commands):
            callback = self._callbacks.get(command[0])
            if callback is not None and not isinstance(replies[place], RedisError):
                replies[place] = callback(replies[place])
        return replies

    def ask(self, command: Command) -> Pending:
        connection = self._begin(pack(command))
        if connection is None:
            return Later(partial(self.call, command))
        return _Sent(partial(self._finish, connection, command), partial(self._close, connection))

    def ask_each(self, commands: Sequence[Command]) -> Pending:
        """Send several, and do something else meanwhile; the reply is that of `each`."""
        connection = self._begin(pack_all(commands))
        if connection is None:
            return Later(partial(self.each, commands))
        return _Sent(partial(self._finish_each, connection, commands), partial(self._close, connection))

    def _begin(self, packed: Sequence[Buffer]) -> AbstractConnection | None:
        """The connection over which this was sent; None where it was not."""
        try:
            connection = self._take()
        except RedisError:
            return None
        try:
            if not connection.is_connected:
                connection.connect()  # type: ignore[no-untyped-call]
            send(connection, packed)
        except RedisError:
            self._close(connection)
            return None
        except BaseException:
            self._close(connection)
            raise
        return connection

    def _finish(self, connection: AbstractConnection, command: Command) -> Any:
        """The reply to a command that was sent over `connection`."""
        waits = current_waits()
        try:
            reply = self._in_time(connection, (), read_large, waits)
        except (Disconnected, TimedOut):
            return self._call(command, waits)
        callback = self._callbacks.get(command[0])
        return reply if callback is None else callback(reply)

    def _finish_each(self, connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands that were sent over `connection`, errors among them."""
        waits = current_waits()
        try:
            replies: list[Any] = self._in_time(connection, (), partial(read_all, len(commands)), waits)
        except (Disconnected, TimedOut):
            return self._replies(commands, read_all, waits)
        return self._called_back(commands, replies)

    def forget(self) -> None:
        """After a fork: what is open belongs to the parent."""
        self._idle.clear()

    def _carry(self, packed: Sequence[Buffer], take: Callable[[AbstractConnection], Any], waits: Waits) -> Any:
        """Send, and read with `take`; on a failure of the way, again over a new connection, up to `repeats` times and
        as long as the request may wait."""
        failures, may_be_stale = 0, True
        while True:
            connection = self._take()
            was_open = connection.is_connected
            try:
                return self._in_time(connection, packed, take, waits)
            except (Disconnected, TimedOut) as error:
                if isinstance(error, Disconnected):
                    self._close_idle()
                    if was_open and may_be_stale:
                        # It may have been closed long before, by a restart or a fail-over: no failure of now.
                        may_be_stale = False
                        continue
                failures += 1
                if failures > self._repeats or waits.left <= 0:
                    raise
            time.sleep(BACK_OFF.compute(failures))

    def _in_time(
        self,
        connection: AbstractConnection,
        packed: Sequence[Buffer],
        take: Callable[[AbstractConnection], Any],
        waits: Waits,
    ) -> Any:
        """`_exchange`, as long as the request may still wait."""
        if waits.left <= 0:
            if packed:
                self._idle.append(connection)
            else:
                self._close(connection)  # a reply is on its way to it
            raise TimedOut(OVER)
        with Counted(waits):
            patience = self._patience
            if patience is not None and waits.left < patience - SOON:
                patience = waits.left
            if connection.socket_timeout != patience:
                set_patience(connection, patience)
            return self._exchange(connection, packed, take)

    def _exchange(
        self, connection: AbstractConnection, packed: Sequence[Buffer], take: Callable[[AbstractConnection], Any]
    ) -> Any:
        """Send what is to be sent, and read. Then the connection is ready for others if all was read, else closed."""
        try:
            if not connection.is_connected:
                connection.connect()  # type: ignore[no-untyped-call]
            send(connection, packed)
            reply = take(connection)
        except ReadOnlyError:
            # The server is no longer the one to speak to: the address may mean another one now.
            self._close(connection)
            self._close_idle()
            raise
        except ResponseError:
            self._idle.append(connection)
            raise
        except BaseException:
            self._close(connection)
            raise
        self._idle.append(connection)
        return reply

    def _take(self) -> AbstractConnection:
        """A connection of our own for a while, which is connected where it is used."""
        try:
            return self._idle.pop()
        except IndexError:
            pass
        connection = cast("AbstractConnection", self._pool.make_connection())
        # So that it is closed with the pool, whose own way connects at once, with repetitions and time-outs of its own.
        self._pool._in_use_connections.add(connection)  # noqa: SLF001
        connection.retry = Retry(NoBackoff(), 0)  # `_carry` repeats
        return connection

    def _close(self, connection: AbstractConnection) -> None:
        """It can be connected again, after those that are open; no reply that is on its way comes to anybody."""
        try:
            connection.disconnect()  # type: ignore[no-untyped-call]
        finally:
            self._idle.appendleft(connection)

    def _close_idle(self) -> None:
        """What happened to one connection has probably happened to those that lie ready."""
        for _ in range(len(self._idle)):
            try:
                self._close(self._idle.pop())
            except IndexError:
                return


class _Sent:
    """What is on its way over a connection of its own."""

    def __init__(self, finish: Callable[[], Any], close: Callable[[], None]) -> None:
        self.reply, self.drop = finish, close


_TakeSeveral = Callable[[int, "AbstractConnection"], list[Any]]


_direct: Final[weakref.WeakKeyDictionary[Redis, Direct]] = weakref.WeakKeyDictionary()


def _forget_all() -> None:
    for transport in list(_direct.values()):
        transport.forget()


os.register_at_fork(after_in_child=_forget_all)
