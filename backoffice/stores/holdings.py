"""What belongs to a person, counted by the indexes of others' records."""

from __future__ import annotations

from backoffice.domain.holdings import FileCounts
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys


class RedisHoldings:
    """Reads across files and uploads."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def of(self, user_id: str) -> FileCounts:
        """One round trip."""
        places = (("files", "owner"), ("files", "trash"), ("uploads", "owner"))
        found = self._db.many([("ZCARD", self._keys.index(noun, facet, user_id)) for noun, facet in places])
        return FileCounts(*map(int, found))
