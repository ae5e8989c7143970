"""What a cluster says of itself: which servers are there, and whether somebody has each slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis.cluster import RedisCluster
from redis.exceptions import RedisError

from backoffice.errors import Unavailable
from backoffice.stores.cluster import primaries

SLOTS: Final = 16384


@dataclass(frozen=True, slots=True)
class ClusterState:
    """`primaries`: those that have slots; `alone`: those of them without a replica that is there; `failed`: servers
    that the others do not reach, while they are still a part of it."""

    primaries: tuple[str, ...]
    alone: tuple[str, ...]
    failed: tuple[str, ...]
    unserved: int


def cluster_state(client: object) -> ClusterState | None:
    """By what the first primary that answers knows; None where the store is no cluster. Raises Unavailable."""
    if not isinstance(client, RedisCluster):
        return None
    for server in primaries(client):
        try:
            nodes: bytes = server.execute_command("CLUSTER", "NODES")  # type: ignore[no-untyped-call]
        except RedisError:
            continue
        return state_of(nodes.decode())
    raise Unavailable


def state_of(nodes: str) -> ClusterState:
    """Of the answer to `CLUSTER NODES`."""
    served: dict[str, str] = {}
    failed: list[str] = []
    followed: set[str] = set()
    unserved = SLOTS
    for line in nodes.splitlines():
        words = line.split()
        name, place, flags, primary = words[0], words[1].partition("@")[0], words[2], words[3]
        bad = "fail" in flags.replace("?", "").split(",") or "noaddr" in flags
        count = _count(words[8:])
        if bad:
            failed.append(place)
        if "master" in flags and count and not bad:
            served[name] = place
            unserved -= count
        elif "slave" in flags and not bad:
            followed.add(primary)
    alone = tuple(place for name, place in served.items() if name not in followed)
    return ClusterState(tuple(served.values()), alone, tuple(failed), unserved)


def _count(ranges: Sequence[str]) -> int:
    """Of slots; those on their way, in brackets, belong to who sends them."""
    ends = [part.partition("-") for part in ranges if not part.startswith("[")]
    return sum(int(last or first) - int(first) + 1 for first, _, last in ends)
