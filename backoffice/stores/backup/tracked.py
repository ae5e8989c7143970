"""A connection of its own to the server that has the control plane, which is told of every key that changes.

The server tells it by messages between the replies (RESP3, `CLIENT TRACKING ON BCAST`; Redis 6 and later, Valkey), one
for all that changed in a turn of its loop, at the end of that turn. So what changed before a command was carried out is
told before its reply, or at the end of the same turn. Which message is that of a turn shows a key that is written in
it: `at_one_moment` reads and writes, and returns when it has seen that key told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import hiredis
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import RedisError, ResponseError

from backoffice.errors import Unavailable
from backoffice.stores.client import Command, Db, store_errors
from backoffice.stores.keys import Keys
from backoffice.stores.resp_zero_copy import pack_all
from backoffice.stores.scripts import load

if TYPE_CHECKING:
    from redis.connection import AbstractConnection

READ_SIZE: Final = 256 * 1024
SECONDS: Final = 60.0
"""For a reply: one turn may read some thousand records."""
MARK_MS: Final = 60_000
_MORE: Final = object()
_OWN: Final = ("parser_class", "command_packer", "socket_read_size", "himport_registry")
"""Options of the pool's connections that are not for this one."""


class Tracked:
    """Commands with their replies, and the keys of the control plane that have changed since it was opened.

    Raises Unavailable when the connection breaks: then nobody knows what has changed meanwhile.
    """

    def __init__(self, db: Db, keys: Keys) -> None:
        self._keys, self.changed = keys, set[bytes]()
        self._reader: Any = hiredis.Reader(notEnoughData=_MORE)
        self._before: list[set[bytes]] = []
        self._mark = load("backup", allow_oom=True).source
        with store_errors():
            self._connection = _connection(db, keys)
            self._socket: Any = self._connection._sock  # noqa: SLF001 - redis-py reads no messages one by one
            self.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", keys.control_prefix)

    def close(self) -> None:
        """Nothing is told any more."""
        self._connection.disconnect()  # type: ignore[no-untyped-call]

    def call(self, *command: Any) -> Any:
        """The reply to one command."""
        return self.many([command])[0]

    def many(self, commands: Sequence[Command]) -> list[Any]:
        """The replies of several that are sent together."""
        return self.ask(commands)()

    def ask(self, commands: Sequence[Command]) -> Callable[[], list[Any]]:
        """Send them; what is returned gives their replies, to be called before anything else is asked."""
        with store_errors():
            self._send(commands)
        return partial(self._replies, len(commands))

    def _replies(self, count: int) -> list[Any]:
        with store_errors():
            return [self._reply() for _ in range(count)]

    def take(self) -> set[bytes]:
        """What has changed since it was asked last."""
        taken, self.changed = self.changed, set()
        return taken

    def at_one_moment(self, commands: Sequence[Command]) -> tuple[list[Any], set[bytes]]:
        """The replies of commands that are carried out at one moment; and the keys that may have changed since `take`
        was called last and before that moment, those of the same turn of the server among them."""
        mark = ("EVAL", self._mark, 1, self._keys.backup_mark, "mark", token_hex(8), MARK_MS)
        with store_errors():
            self._send([("MULTI",), *commands, mark, ("EXEC",)])
            for _ in range(len(commands) + 2):
                self._reply()
            *replies, _ = self._reply()
            for reply in replies:
                if isinstance(reply, hiredis.ReplyError):
                    raise _error(reply)
            return replies, self._end_of_turn()

    def _end_of_turn(self) -> set[bytes]:
        """What was told up to the message that tells of the mark. It is on its way; a question more brings it."""
        self._before.clear()  # what told of the mark until now was the end of an earlier turn
        while not self._before:
            self._send([("PING",)])
            self._reply()
        return self._before[0]

    def _send(self, commands: Sequence[Command]) -> None:
        self._connection.send_packed_command(pack_all(commands), check_health=False)  # type: ignore[no-untyped-call]

    def _reply(self) -> Any:
        while True:
            reply = self._reader.gets()
            if reply is _MORE:
                self._receive()
            elif isinstance(reply, hiredis.PushNotification):
                self._note(reply)
            elif isinstance(reply, hiredis.ReplyError):
                raise _error(reply)
            else:
                return reply

    def _receive(self) -> None:
        try:
            received = self._socket.recv(READ_SIZE)
        except OSError as error:
            raise StoreGone(str(error)) from error
        if not received:
            raise StoreGone("the server closed the connection")
        self._reader.feed(received)

    def _note(self, message: Any) -> None:
        if message[0] != b"invalidate":
            return
        if message[1] is None:
            raise Unavailable("The store was emptied meanwhile.")
        told = set(message[1])
        marked = self._keys.backup_mark in told
        told.discard(self._keys.backup_mark)
        self.changed |= told
        if marked:
            self._before.append(set(self.changed))


def _connection(db: Db, keys: Keys) -> AbstractConnection:
    client: Any = db.client
    if isinstance(client, RedisCluster):
        node = client.get_node_from_key(keys.control_prefix)  # type: ignore[no-untyped-call]
        client = client.get_redis_connection(node)
    if not isinstance(client, Redis):
        raise Unavailable
    pool = client.connection_pool
    options = {name: value for name, value in pool.connection_kwargs.items() if name not in _OWN}
    connection: AbstractConnection = pool.connection_class(**{**options, "protocol": 3, "socket_timeout": SECONDS})
    connection.connect()  # type: ignore[no-untyped-call]
    return connection


def _error(reply: Exception) -> RedisError:
    text = str(reply)
    # The slot is served by another node by now, or this one became a replica.
    moved = text.startswith(("MOVED ", "ASK ", "READONLY ", "CLUSTERDOWN ", "LOADING "))
    return StoreGone(text) if moved else ResponseError(text)
