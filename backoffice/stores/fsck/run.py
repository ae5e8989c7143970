"""`fsck`: every index, count, quota, chunk and audit index compared with its record, on a store that is in use.

One scan over all keys deals the records out in batches, another one looks for chunks that belong to none; so memory
does not grow with their number: what is kept is a number for each index and each owner. A scan may name a key twice: an
index then looks longer than it is and is walked, which costs time and nothing else.

Whatever looks wrong is read again, as of one moment, before it is told (`repair.py`); what is repaired is repaired by a
commit that checks that nothing has changed, with an event that says what was done and by whom.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from backoffice.domain.access import Actor
from backoffice.domain.maintenance import OnFinding, OnProgress, Report, ignore
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.bounds import UNBOUNDED, Bounds
from backoffice.stores.client import Db, store_errors
from backoffice.stores.collector import seldom
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.audit import AuditCheck
from backoffice.stores.fsck.chunks import ChunkCheck, Chunks
from backoffice.stores.fsck.folders import FolderCheck
from backoffice.stores.fsck.indexes import IndexCheck
from backoffice.stores.fsck.looks import LookIndex
from backoffice.stores.fsck.quotas import QuotaCheck
from backoffice.stores.fsck.repair import Repairer, batches
from backoffice.stores.fsck.versions import VersionCheck
from backoffice.stores.jobs import RedisJobs
from backoffice.stores.keys import Keys
from backoffice.stores.links import RedisLinks
from backoffice.stores.records.store import RedisRecords
from backoffice.stores.roles import RedisRoles
from backoffice.stores.scan import scan
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.shares import RedisShares
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.users import RedisUsers
from backoffice.stores.views import RedisViews

STORES: tuple[type[RedisRecords[Any]], ...] = (
    RedisUsers,
    RedisRoles,
    RedisTokens,
    RedisSessions,
    RedisJobs,
    RedisViews,
    RedisLinks,
    RedisShares,
    RedisFolders,
)
"""The nouns that are looked through besides files and uploads, one line each."""
Steps = Generator[tuple[int, int], None, Report]
"""Keys that were looked at, and how many there are about, after each piece; the numbers in the end."""
_INDEX_KINDS = {"by", "one"}


@dataclass(frozen=True, slots=True)
class Fsck:
    """Port `StoreCheck`."""

    db: Db
    keys: Keys
    chunks: Chunks
    stores: tuple[type[RedisRecords[Any]], ...] = STORES
    bounds: Bounds = UNBOUNDED

    def check(self, *, on_finding: OnFinding, on_progress: OnProgress) -> Report:
        return self._run(None, on_finding, on_progress)

    def steps(self, actor: Actor | None, *, on_finding: OnFinding) -> Steps:
        quota = self.bounds.default_quota
        return _Run(Repairer(self.db, self.keys, actor, on_finding, quota), self.chunks, self.stores).steps()

    def repair(self, actor: Actor, *, on_finding: OnFinding, on_progress: OnProgress) -> Report:
        return self._run(actor, on_finding, on_progress)

    def index_looks(self, actor: Actor, cursor: str) -> str:
        return LookIndex(Repairer(self.db, self.keys, actor, ignore)).step(cursor)

    def _run(self, actor: Actor | None, on_finding: OnFinding, on_progress: OnProgress) -> Report:
        steps = self.steps(actor, on_finding=on_finding)
        while True:
            try:
                on_progress(*next(steps))
            except StopIteration as end:
                report: Report = end.value
                return report


class _Run:
    """One run: the checks and what they have been handed so far."""

    def __init__(self, repairer: Repairer, chunks: Chunks, stores: tuple[type[RedisRecords[Any]], ...]) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys
        files = RedisFiles(self._db, self._keys)
        uploads = RedisUploads(self._db, self._keys, files)
        self._checks: dict[str, IndexCheck[Any]] = {
            store.noun: IndexCheck(repairer, store(self._db, self._keys).collection, expiring=store.expiring)
            for store in stores
        }
        for collection in (files.collection, uploads.collection):
            self._checks[collection.noun] = IndexCheck(repairer, collection)
        self._chunks = ChunkCheck(repairer, chunks, uploads, files)
        self._quotas = QuotaCheck(repairer, uploads, files)
        self._folders = FolderCheck(repairer, files, RedisFolders(self._db, self._keys))
        self._versions = VersionCheck(repairer, files)
        self._audit = AuditCheck(repairer)

    def steps(self) -> Steps:
        """Piece by piece; the numbers in the end."""
        with seldom():
            return (yield from self._steps())

    def _steps(self) -> Steps:
        with store_errors():
            total = int(self._db.client.dbsize())
        done = 0
        for batch in scan(self._db):
            for some in batches(batch):
                self._deal(some)
            done += len(batch)
            yield done, max(done, total)
        whole = max(done, total)
        for check in self._checks.values():
            check.finish()
            yield whole, whole
        for _ in self._chunks.strays():
            yield whole, whole
        self._quotas.finish()
        # Last, for what is repaired is in the log as well.
        for _ in self._audit.log():
            yield whole, whole
        return self._repairer.report

    def _deal(self, keys: list[bytes]) -> None:
        """Hand each key to the check it concerns. Others, of ours or of somebody else, are none of our business."""
        records: dict[str, list[str]] = {}
        indexes: list[bytes] = []
        segments: list[bytes] = []
        for key in keys:
            match self._keys.split(key):
                case ("by", *_):
                    indexes.append(key)
                case ("segments", _, *_) | ("segment", _, _, *_):
                    segments.append(key)
                case (noun, kind, _, *_) if noun in self._checks and kind in _INDEX_KINDS:
                    self._checks[noun].note_key(key)
                case (noun, record_id) if noun in self._checks or noun in {"map", "quota"}:
                    records.setdefault(noun, []).append(record_id)
                case ("map", record_id, _):
                    records.setdefault("map", []).append(record_id)
        self._audit.keys(indexes)
        self._audit.segments.note(segments)
        self._chunks.maps(records.pop("map", []))
        self._quotas.note_owners(records.pop("quota", []))
        for noun, ids in records.items():
            self._records(noun, ids)

    def _records(self, noun: str, ids: list[str]) -> None:
        found = self._checks[noun].records(ids)
        if noun == file_store.NOUN:
            self._quotas.files(found)
            self._chunks.files(found)
            self._folders.files(found)
            self._versions.files(found)
        elif noun == RedisFolders.noun:
            self._folders.folders(found)
        elif noun == upload_store.NOUN:
            self._quotas.uploads(found)
            self._chunks.uploads(found)
