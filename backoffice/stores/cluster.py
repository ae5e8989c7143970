"""What has to be asked of each primary of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from redis import Redis
from redis.cluster import RedisCluster
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError

from backoffice.errors import Unavailable
from backoffice.stores.chunk_keys import GROUP, barrier_key, chunk_key
from backoffice.stores.failures import store_errors
from backoffice.stores.replicas import Ask, await_replicas
from backoffice.stores.through_library import Command
from backoffice.stores.transport import direct_to_shard

CANDIDATES: Final = 200
"""Identifiers among which one is chosen; eight bits less of chance in 130."""
HASHES: Final = 3_000
"""That are made for that at most: some milliseconds."""
ATTEMPTS: Final = 3
"""How often slots may move while replicas are waited for."""


def primaries(client: RedisCluster) -> list[Redis]:
    """A client of each."""
    nodes: list[Any] = client.get_primaries()  # type: ignore[no-untyped-call]
    return [client.get_redis_connection(node) for node in nodes]


def place_of(server: Redis) -> str:
    """Its host and port."""
    to = server.get_connection_kwargs()
    return f"{to['host']}:{to['port']}"


def await_on_cluster(client: RedisCluster, replicas: int) -> bool:
    """Wait until so many replicas of each primary have all that was written there; False: of one they stand still.
    Raises Unavailable where slots go on moving, or a primary does not answer.

    The library's own pipeline would send what is written again without `target_nodes` when a slot has moved, to another
    server, and then `WAIT` waits for nothing.
    """
    with store_errors():
        for attempt in range(ATTEMPTS):
            try:
                return all(
                    await_replicas(_asking(client, node), _written(b"%d" % number), replicas)
                    for node, number in _numbers(client, attempt)
                )
            except (MovedError, AskError):
                client.nodes_manager.initialize()
    raise Unavailable


def server_of(client: RedisCluster, chunk: bytes) -> tuple[str, tuple[Ask, Command]]:
    """Of the primary that has the chunk with this key: its name, and what `await_replicas` asks it."""
    node = client.nodes_manager.get_node_from_slot(key_slot(chunk))
    many = _asking(client, node)

    def ask(commands: Sequence[Command]) -> list[Any]:
        try:
            with store_errors():
                return many(commands)
        except (MovedError, AskError):
            raise Unavailable from None

    return node.name, (ask, _written(chunk.partition(b"{")[2].partition(b"}")[0]))


def _asking(client: RedisCluster, node: Any) -> Ask:
    return direct_to_shard(client.get_redis_connection(node)).many


def _written(tag: bytes) -> Command:
    return ("SET", barrier_key(tag), 1, "EX", 60)


def _numbers(client: RedisCluster, attempt: int) -> Iterator[tuple[Any, int]]:
    """Each primary that has slots, and a number that lies in one of them: in another one with each attempt."""
    for node, slots in _slots(client):
        yield node, _number(slots[attempt * len(slots) // ATTEMPTS])


def _slots(client: RedisCluster) -> list[tuple[Any, list[int]]]:
    """Each primary that has slots, and these."""
    found: dict[str, tuple[Any, list[int]]] = {}
    for slot, nodes in client.nodes_manager.slots_cache.items():
        found.setdefault(nodes[0].name, (nodes[0], []))[1].append(slot)
    return list(found.values())


@cache
def _number(slot: int) -> int:
    """One that lies in the slot: found by trying, some ten thousand times."""
    number = 0
    while key_slot(b"%d" % number) != slot:
        number += 1
    return number


def evenly_spread(client: RedisCluster, make: Callable[[], str], total: int) -> str:
    """Of some identifiers that `make` makes, the one whose `total` chunks lie most evenly on the shards. Left to chance
    a file of 2 GB, which has fifteen groups of chunks, lies by a third more on one shard than on another."""
    shards = {node.name: set(slots) for node, slots in _slots(client)}
    best, least = make(), total + 1
    for _ in range(max(1, min(CANDIDATES, HASHES * GROUP // total))):
        candidate = make()
        bytes_of = dict.fromkeys(shards, 0)
        for first in range(0, total, GROUP):
            slot = key_slot(chunk_key(candidate, first))
            shard = next((name for name, slots in shards.items() if slot in slots), None)
            if shard is not None:
                bytes_of[shard] += min(GROUP, total - first)
        most = max(bytes_of.values(), default=0)
        if most < least:
            best, least = candidate, most
    return best
