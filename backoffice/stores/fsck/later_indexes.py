"""Indexes that came when there were records already: an earlier version made no entries in them. And a sum that came
so: what earlier versions of files take, which is kept with the quota of their owner.

The worker brings them up once, in steps, and notes in the hash of the installation which it has done. Until then, what
lacks an entry is not found by it; `fsck --fix` would find the same.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from backoffice.domain.audit import ObjectRef
from backoffice.domain.maintenance import Invariant
from backoffice.domain.paging import Query
from backoffice.stores.client import Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.quotas import QuotaCheck
from backoffice.stores.fsck.repair import Changed, Fault, Repairer
from backoffice.stores.keys import Keys
from backoffice.stores.links import RedisLinks
from backoffice.stores.records.collection import Collection, score
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.paging import Pager
from backoffice.stores.records.store import RedisRecords
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.uploads import NOUN as UPLOADS
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.users import RedisUsers

TOGETHER = 100
"""Records in one commit."""
PATIENCE = 50
"""How often an owner's sum is tried whose files change all the time: it is done once, and nobody comes back to it."""
SUMS: Final = ("users", "versions")
LATER: Final = (
    *(("links", "kind"), ("folders", "words"), ("uploads", "guest_site"), SUMS),
    *(("users", "signed_in"), ("sessions", "ip")),
)
"""Noun and index; or the sums of users. Those of a later version follow."""
DONE: Final = "indexes"
"""Field of the installation that names those that are brought up."""
ALL: Final = " ".join(f"{noun}.{name}" for noun, name in LATER)


def are_later_indexes_up(db: Db, keys: Keys) -> bool:
    """Whether all of them were brought up, perhaps by a later version that runs beside this one and knows more."""
    done = (db.call("HGET", keys.install, DONE) or b"").decode()
    return set(ALL.split()) <= set(done.split())


class LaterIndexes:
    """Brings them up. Any number of processes may do it at once, and it may stop anywhere and begin again."""

    def __init__(self, repairer: Repairer) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys

    def step(self, cursor: str) -> str:
        """Do it for a page of records; where it goes on, "" when it was done, now or before."""
        if not cursor and are_later_indexes_up(self._db, self._keys):
            return ""
        at, _, within = cursor.partition(" ")
        place = int(at or 0)
        noun, name = LATER[place]
        collection, order = _collection(noun, self._db, self._keys)
        page = Pager(collection, order).page(Query(sort=order, cursor=within, limit=TOGETHER))
        ids = [one.id for one in page.items]
        if LATER[place] == SUMS:
            self._sum(ids)
        else:
            self._repairer.verify_and_repair(partial(self._unlisted, collection, name, ids))
        if page.next_cursor:
            return f"{place} {page.next_cursor}"
        if place + 1 < len(LATER):
            return f"{place + 1} "
        self._db.call("HSET", self._keys.install, DONE, ALL)
        return ""

    def _sum(self, owners: list[str]) -> None:
        """Of those who have earlier versions, few of all."""
        files = RedisFiles(self._db, self._keys)
        quotas = QuotaCheck(self._repairer, RedisUploads(self._db, self._keys, files), files)
        counts = self._db.many([("ZCARD", self._keys.index(files.collection.noun, "earlier", one)) for one in owners])
        for owner in (one for one, count in zip(owners, counts, strict=True) if count):
            recheck = partial(quotas.recheck, owner)
            any(self._repairer.verify_and_repair(recheck) for _ in range(PATIENCE))

    def _unlisted(self, collection: Collection[Any], name: str, ids: list[str]) -> Fault | None:
        """Those of these records whose entries in the index are not there."""
        wanted = {
            place: (record, number)
            for record in collection.get_many(ids)
            if record is not None
            for place, number in collection.members(record).items()
            if self._keys.split(place[0])[2] == name
        }
        found = self._db.many([("ZSCORE", *place) for place in wanted])
        missing = {place: one for (place, one), there in zip(wanted.items(), found, strict=True) if there is None}
        if not missing:
            return None
        records = {record.id: record for record, _ in missing.values()}

        def repair(commit: Commit) -> None:
            for record in records.values():
                collection.expect(commit, record, error=Changed())
            for (key, member), (_, number) in missing.items():
                commit.write("ZADD", key, score(number), member)
            for record in records.values() if collection.noun == RedisSessions.noun else ():
                RedisSessions(self._db, self._keys).mortal(commit, record)

        what = f"{len(records)} of the {collection.noun} were not in it"
        return Fault(Invariant.INDEX, ObjectRef("index", f"{collection.noun}.{name}"), what, repair)


def _collection(noun: str, db: Db, keys: Keys) -> tuple[Collection[Any], str]:
    """And the order that has all of its records."""
    if noun == UPLOADS:
        return RedisUploads(db, keys, RedisFiles(db, keys)).collection, "created"
    stores: tuple[type[RedisRecords[Any]], ...] = (RedisLinks, RedisFolders, RedisUsers, RedisSessions)
    store = {one.noun: one for one in stores}[noun](db, keys)
    return store.collection, store.order
