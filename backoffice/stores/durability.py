"""When a write is safe, and the state of the store itself."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from backoffice.domain.limits import MIN_FREE_DISK
from backoffice.errors import StoreFull, Unavailable
from backoffice.measures import timed
from backoffice.stores.client import Command, Db, store_errors
from backoffice.stores.cluster import await_on_cluster, place_of, primaries, server_of
from backoffice.stores.keys import Keys
from backoffice.stores.last_commit import take_commit
from backoffice.stores.replicas import Ask, KeptNear, await_replicas, fewest_replicas, near_replicas
from backoffice.stores.together import current_read

FULL_AT = 0.85
"""Share of `maxmemory` above which no upload begins; sign-in, deletes and the log go on in what is left."""
RESERVE = 0.08
"""Of the memory, which no bytes of files take, those of uploads that are under way neither: signing in, reading and
deleting need some."""
MIN_FREE = MIN_FREE_DISK
REWRITE_ROOM = 1.2
"""An append-only file is rewritten into a copy: so many times its base size must be free on the disk."""
CACHE_SECONDS = 2.0
OLDEST = (7, 2)
"""Version of Redis: scripts begin with `#!lua`, and use what came with it."""
SERVER_FACTS = (
    "redis_version",
    "valkey_version",
    "server_name",
    "used_memory",
    "maxmemory",
    "maxmemory_policy",
    "aof_enabled",
    "aof_last_write_status",
    "aof_last_bgrewrite_status",
    "aof_base_size",
    "connected_clients",
    "uptime_in_seconds",
    "role",
    "connected_slaves",
    "replicas_near",
    "replicas_of",
    "master_link_status",
    "rdb_last_bgsave_status",
    "mem_fragmentation_ratio",
    "evicted_keys",
)


class RedisDurability:
    """Port `Durability`.

    The level comes from the server's settings. `WAITAOF` plays no part: on several server versions it answers before
    anything is on the disk, so with `appendfsync everysec` or `no` the level is `os`, and with `always` the reply to a
    write is the barrier. With `replicas` = k it is waited for k replicas (`replicas.py`), and then asked whether the
    server has the commit that this is for, which was carried out by another one where the primary has changed in
    between. On a cluster it is done on every primary, for the bytes of a file lie on several: each has to have its
    replicas.
    """

    def __init__(self, db: Db, keys: Keys, replicas: int = 0) -> None:
        self._db, self._keys, self._replicas = db, keys, replicas
        self._local, self._near = "", KeptNear(replicas)

    @property
    def level(self) -> str:
        if not self._local:
            self._local = self._read_level()
        if not self._replicas:
            return self._local
        replicas = f"replica:{self._replicas}"
        return f"disk+{replicas}" if self._local == "disk" else replicas

    def _read_level(self) -> str:
        if any(str(info.get("aof_enabled")) != "1" for info in all_info(self._db)):
            return "memory"
        return "disk" if server_settings(self._db, "appendfsync") == {"always"} else "os"

    def barrier(self) -> None:
        if not self._replicas:
            return
        with timed("barrier", "replicas"):
            self._wait()

    def _wait(self) -> None:
        commit = take_commit()
        if isinstance(self._db.client, RedisCluster):
            reached = await_on_cluster(self._db.client, self._replicas)
        else:
            reached = await_replicas(*self._of_one_server(), self._replicas)
        if commit is not None and not int(self._db.call("EXISTS", commit)):
            raise Unavailable("Another server has become the primary, and does not have the file; send it again.")
        if not reached:
            raise Unavailable(_TOO_FEW)

    def sends(self, chunk: bytes, size: int) -> None:
        """So many bytes are about to go under this key: replicas that are far behind are waited for."""
        if not self._replicas:
            return
        if isinstance(self._db.client, RedisCluster):
            server, asked = server_of(self._db.client, chunk)
            self._near.sent(server, size, lambda: asked)
        else:
            self._near.sent("", size, self._of_one_server)

    def await_bytes(self, chunk: bytes = b"") -> bool:
        """Before a record says that there are bytes, which a cluster has elsewhere: wait until the replicas of the
        server of this chunk, or of all servers, have what was written. False where that is not needed: then nothing
        has happened. Raises Unavailable."""
        client = self._db.client
        if not self._replicas or not isinstance(client, RedisCluster):
            return False
        if chunk:
            reached = await_replicas(*server_of(client, chunk)[1], self._replicas)
        else:
            reached = await_on_cluster(client, self._replicas)
        if not reached:
            raise Unavailable(_TOO_FEW)
        return True

    def _of_one_server(self) -> tuple[Ask, Command]:
        return self._db.many, ("HSET", self._keys.install, "barrier", 1)


_TOO_FEW = "Not enough replicas have confirmed the file; ask again."


class RedisHealth:
    """Port `StoreHealth`. `disk`: the folder of the embedded store's data, where it is on this machine."""

    def __init__(self, db: Db, disk: Path | None = None) -> None:
        self._db, self._disk = db, disk
        self._lock = threading.Lock()
        self._checked, self._room, self._reserve_taken = 0.0, True, False

    def ping(self) -> None:
        with suppress(StoreFull):  # it takes no writes, and says so: it answers
            self._db.call_ahead("PING")

    def room(self) -> bool:
        # Where the store hangs, one thread finds that out; the others go by what was so, and do not wait for it first.
        stale = time.monotonic() - self._checked > CACHE_SECONDS
        if stale and self._lock.acquire(blocking=not self._checked):
            try:
                self._room = self._has_room()
                self._checked = time.monotonic()
            finally:
                self._lock.release()
        return self._room

    def _has_room(self) -> bool:
        info = server_info(self._db)
        most = int(info.get("maxmemory", 0))
        used = int(info.get("used_memory", 0))
        self._reserve_taken = bool(most) and used > (1 - RESERVE) * most
        if most and used > FULL_AT * most:
            return False
        if self._disk is None:
            return True
        needed = max(MIN_FREE, REWRITE_ROOM * int(info.get("aof_base_size", 0)))
        return shutil.disk_usage(self._disk).free >= needed

    def keep_reserve(self) -> None:
        """Raises StoreFull where more bytes of files would take what is kept for the records."""
        self.room()
        if self._reserve_taken:
            raise StoreFull

    def info(self) -> Mapping[str, str]:
        info = server_info(self._db)
        return {name: str(info[name]) for name in SERVER_FACTS if name in info}


def server_info(db: Db) -> dict[str, Any]:
    """INFO of the server, with `replicas_near`; of a cluster, of that of its primaries with the largest memory use, but
    the replicas are those of the primary that has the fewest: `replicas_of`."""
    with store_errors():
        if db.direct and current_read() is not None:
            return _with_near(db.call("INFO"))
        if isinstance(db.client, RedisCluster):
            infos: list[dict[str, Any]] = db.alone("INFO", partial(_info_of_each, db.client))
            return max(infos, key=lambda info: int(info["used_memory"])) | fewest_replicas(infos)
        return _with_near(db.alone("INFO", partial(db.call_ahead, "INFO") if db.direct else db.client.info))


def _with_near(info: dict[str, Any]) -> dict[str, Any]:
    return info | {"replicas_near": near_replicas(info)}


def all_info(db: Db) -> list[dict[str, Any]]:
    """INFO of the server; of a cluster, of each of its primaries."""
    if not isinstance(db.client, RedisCluster):
        return [server_info(db)]
    with store_errors():
        return _info_of_each(db.client)


def _info_of_each(client: RedisCluster) -> list[dict[str, Any]]:
    return [node.info() | {"replicas_of": place_of(node)} for node in primaries(client)]


def server_setting(db: Db, name: str) -> str:
    """A setting of the server, "" where it may not be asked (managed services), or where those of a cluster differ."""
    found = server_settings(db, name)
    return found.pop() if len(found) == 1 else ""


def server_settings(db: Db, name: str) -> set[str]:
    """The values that a setting has, of the server or of the primaries of a cluster."""
    nodes: list[Redis] = primaries(db.client) if isinstance(db.client, RedisCluster) else [db.client]
    try:
        with store_errors():
            answers: list[Any] = [node.config_get(name) for node in nodes]
    except ResponseError:
        return {""}
    values = [answer.get(name, answer.get(name.encode(), "")) for answer in answers]
    return {value.decode() if isinstance(value, bytes) else str(value) for value in values}


def unsafe_reason(db: Db) -> str:
    """Why this server must not be used, "" when it may: it is too old, or its policy would delete chunks in silence."""
    infos = all_info(db)
    for version in {str(info.get("redis_version", "")) for info in infos}:
        # Valkey names the Redis that it came from.
        if version and tuple(map(int, version.split(".")[:2])) < OLDEST:
            return f"The store is Redis {version}; Redis or Valkey {'.'.join(map(str, OLDEST))} or newer is needed."
    for info in infos:
        policy = str(info.get("maxmemory_policy", "")) or server_setting(db, "maxmemory-policy")
        if policy and policy != "noeviction":
            return f"The store evicts data (maxmemory-policy {policy}); set it to noeviction."
    return ""
