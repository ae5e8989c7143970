"""Whether each quota is what its owner's files use and uploads reserve.

The sums are taken while the records stream by. Where one differs from the quota, the owner's records are added up
again by the indexes, which were checked before, until the quota stands still meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from backoffice.domain.audit import ObjectRef
from backoffice.domain.files import File
from backoffice.domain.uploads import Upload
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.commit import Commit
from backoffice.stores.files import RedisFiles
from backoffice.stores.fsck_desk import ATTEMPTS, BATCH, Changed, Desk, Finding, Invariant, batches
from backoffice.stores.uploads import RedisUploads

Amounts = tuple[int, int]
"""Bytes used and bytes reserved."""


class QuotaCheck:
    """Adds up, and compares in the end."""

    def __init__(self, desk: Desk, uploads: RedisUploads, files: RedisFiles) -> None:
        self._desk, self._uploads, self._files = desk, uploads, files
        self._db, self._keys = desk.db, desk.keys
        self._used: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._seen: set[str] = set()

    def saw(self, owners: Iterable[str]) -> None:
        """These have a quota."""
        self._seen.update(owners)

    def files(self, files: Iterable[File]) -> None:
        """Deleted ones count until their bytes are free."""
        for file in files:
            self._used[file.owner] += file.size

    def uploads(self, uploads: Iterable[Upload]) -> None:
        for upload in uploads:
            self._reserved[upload.owner] += upload.reserved

    def finish(self) -> None:
        """After all records, and after their indexes were checked."""
        owners = sorted(self._seen | self._used.keys() | self._reserved.keys())
        self._desk.count(Invariant.QUOTA, len(owners))
        for batch in batches(owners):
            rows = self._db.many([("HMGET", self._keys.quota(owner), "used", "reserved") for owner in batch])
            for owner, (used, reserved) in zip(batch, rows, strict=True):
                if (int(used or 0), int(reserved or 0)) != (self._used[owner], self._reserved[owner]):
                    self._desk.examine(partial(self._look, owner))

    def _look(self, owner: str) -> Finding | None:
        try:
            return self._compare(owner)
        except (TypeError, ValueError):
            what = f"{owner}: cannot be added up while one of the records cannot be read"
            return Finding(Invariant.QUOTA, ObjectRef("user", owner), what)

    def _compare(self, owner: str) -> Finding | None:
        for _ in range(ATTEMPTS):
            before = self._files.usage(owner)
            amounts = self._add_up(owner)
            if amounts == before:
                return None
            # Twice the same sum beside a quota that did not move: nothing was under way.
            if self._add_up(owner) == amounts and self._files.usage(owner) == before:
                return self._finding(owner, before, amounts)
        return Finding(
            Invariant.QUOTA, ObjectRef("user", owner), f"{owner}: changes too fast to be compared; try again later"
        )

    def _finding(self, owner: str, before: Amounts, amounts: Amounts) -> Finding:
        key = self._keys.quota(owner)
        fields = self._db.call("HMGET", key, "used", "reserved")

        def mend(commit: Commit) -> None:
            for name, stored, now, right in zip(("used", "reserved"), fields, before, amounts, strict=True):
                if stored is None:
                    commit.check("unset", key, name, error=Changed())
                else:
                    commit.check("equal", key, name, now, error=Changed())
                commit.write("HSET", key, name, right)

        what = f"{owner}: used {before[0]}, reserved {before[1]}; it should be {amounts[0]} and {amounts[1]}"
        return Finding(Invariant.QUOTA, ObjectRef("user", owner), what, mend)

    def _add_up(self, owner: str) -> Amounts:
        used = sum(file.size for file in self._owned_files(owner))
        return used, sum(upload.reserved for upload in self._owned_uploads(owner))

    def _owned_files(self, owner: str) -> Iterator[File]:
        for name, value in (("owner", owner), ("trash", owner), ("gc", "")):
            for ids in self._ids(self._keys.index(file_store.NOUN, name, value)):
                found = self._files.collection.get_many(ids)
                yield from (one for one in found if one is not None and one.owner == owner)

    def _owned_uploads(self, owner: str) -> Iterator[Upload]:
        for name, value in (("owner", owner), ("gc", "")):
            for ids in self._ids(self._keys.index(upload_store.NOUN, name, value)):
                found = self._uploads.collection.get_many(ids)
                yield from (one for one in found if one is not None and one.owner == owner)

    def _ids(self, key: bytes) -> Iterator[list[str]]:
        start = 0
        while found := self._db.call("ZRANGE", key, start, start + BATCH - 1):
            yield [one.decode() for one in found]
            start += BATCH
