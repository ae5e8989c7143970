"""Which workers live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backoffice.domain.system import NOTHING_DONE, Heartbeat
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys

LASTS_SECONDS: Final = 30
"""A worker that has said nothing for so long is taken for dead."""
LISTED_SECONDS: Final = 24 * 3600
"""How long a silent worker stays in the list of those to ask about: it goes by itself, and long after its key."""


class RedisHeartbeats:
    """Port `Heartbeats`: a key for each worker, which vanishes when the worker does, and a list of the workers."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def beat(self, host: str, done: Mapping[str, int] = NOTHING_DONE) -> None:
        """The worker on this host lives, and has `done` so much since it said so last. Also when memory is full."""
        keys = [self._keys.worker(host), self._keys.workers, self._keys.worked]
        numbers = [part for pair in done.items() for part in pair]
        self._db.script("heartbeat", keys, [host, LASTS_SECONDS, LISTED_SECONDS, *numbers], allow_oom=True)

    def alive(self) -> list[Heartbeat]:
        """The workers that live, by host."""
        hosts = sorted(host.decode() for host in self._db.call("ZRANGE", self._keys.workers, 0, -1))
        left = self._db.many([("PTTL", self._keys.worker(host)) for host in hosts])
        return [
            Heartbeat(host, max(0, LASTS_SECONDS * 1000 - int(ms)))
            for host, ms in zip(hosts, left, strict=True)
            if int(ms) > 0
        ]
