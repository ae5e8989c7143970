"""All keys of a store: for `fsck` and backups, and for nothing that answers a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis.cluster import RedisCluster

from backoffice.stores.client import Db, store_errors
from backoffice.stores.keys import INSTALL, RESTORING, Keys

COUNT = 1000
"""Keys that one step looks at."""


def scan(db: Db, match: bytes = b"*") -> Iterator[list[bytes]]:
    """The keys of all primaries that match, in batches; one may come twice."""
    nodes: list[Any] = [db.client]
    if isinstance(db.client, RedisCluster):
        primaries = db.client.get_primaries()  # type: ignore[no-untyped-call]
        nodes = [db.client.get_redis_connection(node) for node in primaries]
    for node in nodes:
        cursor = 0
        while True:
            with store_errors():
                position, keys = node.execute_command("SCAN", cursor, "MATCH", match, "COUNT", COUNT)
            if keys:
                yield list(keys)
            cursor = int(position)
            if not cursor:
                break


def has_other_site(db: Db, keys: Keys) -> bool:
    """Whether another installation, of another prefix, has records in this store: then bytes without a record may be
    that one's."""
    own = {keys.install, keys.restoring}
    return any(key not in own for match in (INSTALL, RESTORING) for batch in scan(db, match) for key in batch)
