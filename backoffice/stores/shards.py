"""How commands travel to a cluster.

What has one key goes straight to the server that has its slot, over connections of ours, as to one server
(`transport.Direct`); several commands go to all servers that they concern before any reply is read. Which server has
which slot is what the library knows. Whatever is out of the ordinary goes the library's way: a slot that has moved or
is moving, a server that does not answer or is not the primary any more, keys of several slots, a command without a key.
It follows, asks for the map anew, and repeats; then this goes by the new map, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from redis import Redis
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    ClusterDownError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut

from backoffice.stores.resp_zero_copy import raise_first
from backoffice.stores.through_library import Arg, Client, Command, Later, ThroughLibrary
from backoffice.stores.transport import Direct, Pending, Transport, direct_to, direct_to_shard

ELSEWHERE: Final = (AskError, TryAgainError, ClusterDownError, ClusterCrossSlotError, ReadOnlyError)
"""What a server answers that cannot do it, or not alone. `MovedError` is an `AskError`, `MasterDownError` the third."""
LOST: Final = (Disconnected, TimedOut)
SCRIPTS: Final = frozenset({"EVALSHA", "EVAL"})
KEYED: Final = frozenset(
    {
        *("APPEND", "DEL", "EXISTS", "EXPIRE", "GET", "GETRANGE", "INCR", "INCRBY", "PERSIST", "PEXPIRE", "PEXPIREAT"),
        *("PTTL", "RENAME", "RENAMENX", "SET", "SETRANGE", "STRLEN", "TTL", "TYPE", "UNLINK", "DUMP"),
        *("HDEL", "HEXISTS", "HGET", "HGETALL", "HINCRBY", "HKEYS", "HLEN", "HMGET", "HSET", "HSETNX"),
        *("PFCOUNT", "SADD", "SCARD", "SISMEMBER", "SMEMBERS", "SREM"),
        *("ZADD", "ZCARD", "ZCOUNT", "ZINCRBY", "ZLEXCOUNT", "ZMSCORE", "ZRANGE", "ZRANK", "ZREM"),
        *("ZREMRANGEBYSCORE", "ZREVRANK", "ZSCORE"),
        *("XADD", "XDEL", "XLEN", "XRANGE", "XREVRANGE", "XTRIM"),
    }
)
"""Commands whose first argument is a key, as the stores spell them."""


def transport_for(client: Client) -> Transport:
    """The shortest way that there is for this client."""
    if isinstance(client, RedisCluster):
        return Shards(client)
    return direct_to(client) if type(client) is Redis else ThroughLibrary(client)


class Shards:
    """A cluster. Raises what `Transport` does, and RedisClusterException."""

    def __init__(self, client: RedisCluster) -> None:
        self._client, self._library = client, ThroughLibrary(client)

    def call(self, command: Command) -> Any:
        server = self._server(command)
        if server is None:
            return self._library.call(command)
        try:
            return server.call(command)
        except (*ELSEWHERE, *LOST):
            return self._library.call(command)

    def many(self, commands: Sequence[Command]) -> list[Any]:
        places = self._places(commands)
        if places is None:
            return self._library.many(commands)
        if len(places) == 1:
            [server] = places
            replies = self._settled(commands, partial(server.each, commands))
        else:
            replies = self._at_once(commands, places)
        raise_first(replies)
        return replies

    def ask(self, command: Command) -> Pending:
        server = self._server(command)
        if server is None:
            return Later(partial(self._library.call, command))
        return _Asked(server.ask(command), partial(self._library.call, command))

    def _places(self, commands: Sequence[Command]) -> dict[Direct, list[int]] | None:
        """Which of the commands goes to which server; None where one has none."""
        places: dict[Direct, list[int]] = {}
        for place, command in enumerate(commands):
            server = self._server(command)
            if server is None:
                return None
            places.setdefault(server, []).append(place)
        return places

    def _server(self, command: Command) -> Direct | None:
        key = key_of(command)
        if key is None:
            return None
        nodes = self._client.nodes_manager.slots_cache.get(key_slot(key))
        client = nodes[0].redis_connection if nodes else None
        return None if client is None else direct_to_shard(client)

    def _at_once(self, commands: Sequence[Command], places: dict[Direct, list[int]]) -> list[Any]:
        """The replies of several servers, which work at the same time."""
        replies: list[Any] = [None] * len(commands)
        pending: list[tuple[list[int], Pending]] = []
        try:
            for server, its in places.items():
                pending.append((its, server.ask_each([commands[place] for place in its])))
            while pending:
                its, sent = pending.pop(0)
                for place, reply in zip(its, self._settled([commands[at] for at in its], sent.reply), strict=True):
                    replies[place] = reply
        finally:
            for _, unread in pending:
                unread.drop()
        return replies

    def _settled(self, commands: Sequence[Command], ask: Callable[[], list[Any]]) -> list[Any]:
        """The replies of one server, where necessary by way of the library."""
        try:
            replies = ask()
        except LOST:
            return self._library.each(commands)
        for place, reply in enumerate(replies):
            if isinstance(reply, ELSEWHERE):
                replies[place] = self._again(commands[place])
        return replies

    def _again(self, command: Command) -> Any:
        try:
            return self._library.call(command)
        except (RedisError, RedisClusterException) as error:
            return error


class _Asked:
    """A command that one server was asked, or else the library."""

    def __init__(self, sent: Pending, again: Callable[[], Any]) -> None:
        self._sent, self._again = sent, again

    def reply(self) -> Any:
        try:
            return self._sent.reply()
        except (*ELSEWHERE, *LOST):
            return self._again()

    def drop(self) -> None:
        self._sent.drop()


def key_of(command: Command) -> bytes | None:
    """The first key of a command; None where it has none, or is none of those whose keys are known here."""
    name = command[0]
    key: Arg | None = None
    if name in KEYED:
        key = command[1] if len(command) > 1 else None
    elif name in SCRIPTS:
        key = command[3] if len(command) > 3 and int(command[2]) else None
    if isinstance(key, str):
        return key.encode()
    return key if isinstance(key, bytes) else None
