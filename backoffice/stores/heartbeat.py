"""Which workers are alive."""

from __future__ import annotations

from backoffice.stores.client import Db
from backoffice.stores.keys import Keys


class RedisHeartbeat:
    """A key for each worker that vanishes when the worker does."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def beat(self, host: str, seconds: int) -> None:
        self._db.call("SET", self._keys.worker(host), 1, "EX", seconds)
