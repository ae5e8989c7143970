"""`fsck`: every index, count, quota, chunk and audit index compared with its record, on a store that is in use.

One scan over all keys deals the records out in batches, so memory does not grow with their number; what it keeps is
a number for each index and each owner. A scan may name a key twice: an index then looks longer than it is and is
walked, which costs time and nothing else.

Whatever looks wrong is read again, as of one moment, before it is told (`fsck_desk.py`); what is mended is mended by
a commit that checks that nothing has changed, with an event that says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from redis.cluster import RedisCluster

from backoffice.domain.access import Actor, system_actor
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.client import Db, store_errors
from backoffice.stores.files import RedisFiles
from backoffice.stores.fsck_audit import AuditCheck
from backoffice.stores.fsck_chunks import ChunkCheck
from backoffice.stores.fsck_desk import Desk, Finding, Invariant, Report, Tell, batches
from backoffice.stores.fsck_indexes import IndexCheck
from backoffice.stores.fsck_quotas import QuotaCheck
from backoffice.stores.keys import Keys
from backoffice.stores.records import RedisRecords
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.users import RedisUsers

__all__ = ["Finding", "Fsck", "Invariant", "Progress", "Report"]

ACTOR = system_actor("fsck", "shell")
SCAN_COUNT = 1000
STORES: tuple[type[RedisRecords[Any]], ...] = (RedisUsers, RedisRoles, RedisTokens, RedisSessions)
"""The nouns that are looked through besides files and uploads, one line each."""
_INDEX_KINDS = {"by", "one"}

Progress = Callable[[int, int], None]
"""Told how many keys were looked at, and how many there are about."""


def _silent(_first: object, _second: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Fsck:
    """Checks one store."""

    db: Db
    keys: Keys
    actor: Actor = ACTOR
    stores: tuple[type[RedisRecords[Any]], ...] = STORES

    def run(self, *, fix: bool = False, tell: Tell = _silent, progress: Progress = _silent) -> Report:
        """What was checked and found. `fix`: mend what can be mended.

        Raises Unavailable, and StoreFull when it mends.
        """
        return _Run(Desk(self.db, self.keys, self.actor, fix, tell), self.stores, progress).run()


class _Run:
    """One run: the checks and what they have been handed so far."""

    def __init__(self, desk: Desk, stores: tuple[type[RedisRecords[Any]], ...], progress: Progress) -> None:
        self._desk, self._db, self._keys, self._progress = desk, desk.db, desk.keys, progress
        files = RedisFiles(self._db, self._keys)
        uploads = RedisUploads(self._db, self._keys, files)
        self._checks: dict[str, IndexCheck[Any]] = {
            store.noun: IndexCheck(desk, store(self._db, self._keys).collection, mortal=store.expiring)
            for store in stores
        }
        for collection in (files.collection, uploads.collection):
            self._checks[collection.noun] = IndexCheck(desk, collection)
        self._chunks = ChunkCheck(desk, uploads, files)
        self._quotas = QuotaCheck(desk, uploads, files)
        self._audit = AuditCheck(desk)

    def run(self) -> Report:
        with store_errors():
            total = int(self._db.client.dbsize())
        done = 0
        for batch in self._scan():
            for some in batches(batch):
                self._deal(some)
            done += len(batch)
            self._progress(done, max(done, total))
        for check in self._checks.values():
            check.finish()
        self._quotas.finish()
        # Last, for what is mended is in the log as well.
        self._audit.log()
        return self._desk.report

    def _scan(self) -> Iterator[list[bytes]]:
        """All keys of all primaries, in batches."""
        client = self._db.client
        nodes: list[Any] = [client]
        if isinstance(client, RedisCluster):
            nodes = [client.get_redis_connection(node) for node in client.get_primaries()]  # type: ignore[no-untyped-call]
        for node in nodes:
            cursor = 0
            while True:
                with store_errors():
                    position, keys = node.execute_command("SCAN", cursor, "COUNT", SCAN_COUNT)
                if keys:
                    yield list(keys)
                cursor = int(position)
                if not cursor:
                    break

    def _deal(self, keys: list[bytes]) -> None:
        """Hand each key to the check it concerns. Others, of ours or of somebody else, are none of our business."""
        records: dict[str, list[str]] = {}
        chunks: list[bytes] = []
        indexes: list[bytes] = []
        for key in keys:
            match self._keys.split(key):
                case () if key.startswith(b"file:{"):
                    chunks.append(key)
                case ("by", *_):
                    indexes.append(key)
                case (noun, kind, _, *_) if noun in self._checks and kind in _INDEX_KINDS:
                    self._checks[noun].saw(key)
                case (noun, record_id) if noun in self._checks or noun in {"map", "quota"}:
                    records.setdefault(noun, []).append(record_id)
        self._chunks.keys(chunks)
        self._audit.keys(indexes)
        self._chunks.maps(records.pop("map", []))
        self._quotas.saw(records.pop("quota", []))
        for noun, ids in records.items():
            self._records(noun, ids)

    def _records(self, noun: str, ids: list[str]) -> None:
        found = self._checks[noun].records(ids)
        if noun == file_store.NOUN:
            self._quotas.files(found)
            self._chunks.files(found)
        elif noun == upload_store.NOUN:
            self._quotas.uploads(found)
            self._chunks.uploads(found)
