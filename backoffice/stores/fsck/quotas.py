"""Whether each quota is what its owner's files use and uploads reserve, and how much of it earlier versions take.

The sums are taken while the records stream by. Where one differs from the quota, what the owner has is added up again
as of one moment, by the indexes, which were checked before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from backoffice.domain.audit import ObjectRef
from backoffice.domain.files import File, FileState
from backoffice.domain.maintenance import Invariant
from backoffice.domain.uploads import Upload
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.client import Command
from backoffice.stores.file_indexes import is_version
from backoffice.stores.files import RedisFiles
from backoffice.stores.fsck.repair import Changed, Fault, Repairer, batches
from backoffice.stores.quotas import VERSIONS
from backoffice.stores.records.collection import Collection, flat_pairs
from backoffice.stores.records.commit import Commit
from backoffice.stores.uploads import RedisUploads

SNAPSHOTS = 20
"""How often it is tried, when records come and go between the two questions that it takes."""
FIELDS: Final = ("used", "reserved", VERSIONS)
Amounts = tuple[int, int, int]
"""Bytes used, bytes reserved, and of those used what earlier versions take."""


class QuotaCheck:
    """Adds up, and compares in the end."""

    def __init__(self, repairer: Repairer, uploads: RedisUploads, files: RedisFiles) -> None:
        self._repairer, self._uploads, self._files = repairer, uploads, files
        self._db, self._keys = repairer.db, repairer.keys
        self._used: Counter[str] = Counter()
        self._reserved: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self._seen: set[str] = set()

    def note_owners(self, owners: Iterable[str]) -> None:
        """These have a quota."""
        self._seen.update(owners)

    def files(self, files: Iterable[File]) -> None:
        """Deleted ones count until their bytes are free."""
        for file in files:
            self._used[file.owner] += file.size
            if is_version(file):
                self._versions[file.owner] += file.size

    def uploads(self, uploads: Iterable[Upload]) -> None:
        for upload in uploads:
            self._reserved[upload.owner] += upload.reserved

    def finish(self) -> None:
        """After all records, and after their indexes were checked."""
        owners = sorted(self._seen | self._used.keys() | self._reserved.keys())
        self._repairer.count(Invariant.QUOTA, len(owners))
        for batch in batches(owners):
            rows = self._db.many([("HMGET", self._keys.quota(owner), *FIELDS) for owner in batch])
            for owner, row in zip(batch, rows, strict=True):
                if _amounts(row) != (self._used[owner], self._reserved[owner], self._versions[owner]):
                    self._repairer.verify_and_repair(partial(self.recheck, owner))

    def recheck(self, owner: str) -> Fault | None:
        """What is wrong with this owner's quota, if anything is. Some round trips, and one for each hundred of the
        files that are not in lists."""
        try:
            return self._compare(owner)
        except (TypeError, ValueError):
            what = f"{owner}: cannot be added up while one of the records cannot be read"
            return Fault(Invariant.QUOTA, ObjectRef("user", owner), what)

    def _compare(self, owner: str) -> Fault | None:
        sizes: dict[str, int] = {}
        for _ in range(SNAPSHOTS):
            snapshot = self._snapshot(owner, sizes)
            if snapshot is not None:
                stored, right = snapshot
                return None if stored == right else self._finding(owner, stored, right)
        return Fault(
            Invariant.QUOTA, ObjectRef("user", owner), f"{owner}: changes too fast to be compared; try again later"
        )

    def _snapshot(self, owner: str, sizes: dict[str, int]) -> tuple[Amounts, Amounts] | None:
        """What the quota says, and what it should say, at one moment; None when too much changed meanwhile.

        Files outside the trash are added up by their index, for what they hold may change. `sizes`: of earlier versions
        and of what is gone (0 of another owner's), known from the tries before: these never change.
        """
        whose = (("owner", owner), ("gc", ""))
        uploads = [self._all(upload_store.NOUN, *one) for one in whose]
        own = (("earlier", owner), ("gc", ""), ("trash", owner), ("waiting", owner))
        files = [self._all(file_store.NOUN, *one) for one in own]
        ids = self._ids(self._uploads.collection, self._repairer.read_atomically(uploads))
        quota, *rows = self._repairer.read_atomically(
            [
                ("HMGET", self._keys.quota(owner), *FIELDS),
                *uploads,
                *files,
                (*self._all(file_store.NOUN, "size", f"owner={owner}"), "WITHSCORES"),
                *(("HGETALL", self._keys.record(upload_store.NOUN, one)) for one in ids),
            ]
        )
        if ids != self._ids(self._uploads.collection, rows[:2]):
            return None
        arriving = [self._uploads.collection.decode(one, row) for one, row in zip(ids, rows[7:], strict=True)]
        reserved = sum(one.reserved for one in arriving if one is not None and one.owner == owner)
        fixed, trashed, waiting = (
            self._ids(self._files.collection, part) for part in (rows[2:4], rows[4:5], rows[5:6])
        )
        in_trash, undecided = self._sizes(trashed, FileState.TRASHED), self._sizes(waiting, FileState.WAITING)
        if in_trash is None or undecided is None or not self._learn(owner, fixed, sizes):
            return None
        used = sum(int(float(score)) for _, score in flat_pairs(rows[6]))
        used += sum(sizes[one] for one in fixed) + in_trash + undecided
        versions = sum(sizes[one] for one in self._ids(self._files.collection, rows[2:3]))
        return _amounts(quota), (used, reserved, versions)

    def _all(self, noun: str, index: str, value: str) -> Command:
        return ("ZRANGE", self._keys.index(noun, index, value), 0, -1)

    def _ids(self, collection: Collection[Any], rows: Sequence[Sequence[bytes]]) -> list[str]:
        return [collection.member_id(one) for row in rows for one in row]

    def _sizes(self, ids: Sequence[str], state: FileState) -> int | None:
        """Of these together; None when one is not in that state any more, and may hold something else."""
        found = [file for batch in batches(ids) for file in self._files.collection.get_many(batch)]
        there = [file.size for file in found if file is not None and file.state is state]
        return sum(there) if len(there) == len(found) else None

    def _learn(self, owner: str, ids: Sequence[str], sizes: dict[str, int]) -> bool:
        """Add the sizes of these files; False when one has vanished or was handed over."""
        for batch in batches([one for one in ids if one not in sizes]):
            for one, file in zip(batch, self._files.collection.get_many(batch), strict=True):
                if file is not None and (file.owner == owner or file.state is FileState.GONE):
                    sizes[one] = file.size if file.owner == owner else 0
        return all(one in sizes for one in ids)

    def _finding(self, owner: str, before: Amounts, amounts: Amounts) -> Fault:
        key = self._keys.quota(owner)
        fields = self._db.call("HMGET", key, *FIELDS)

        def repair(commit: Commit) -> None:
            for name, stored, now, right in zip(FIELDS, fields, before, amounts, strict=True):
                if name == VERSIONS and now == right:
                    continue  # who never had any has no such field
                if stored is None:
                    commit.check("unset", key, name, error=Changed())
                else:
                    commit.check("equal", key, name, now, error=Changed())
                commit.write("HSET", key, name, right)
            self._repairer.note_quota(commit, owner)

        what = f"{owner}: used {before[0]}, reserved {before[1]}; it should be {amounts[0]} and {amounts[1]}"
        if before[:2] == amounts[:2]:
            what = f"{owner}: earlier versions take {before[2]}; it should be {amounts[2]}"
        return Fault(Invariant.QUOTA, ObjectRef("user", owner), what, repair)


def _amounts(row: Sequence[bytes | None]) -> Amounts:
    """What is stored, in the order of `FIELDS`."""
    used, reserved, versions = (int(one or 0) for one in row)
    return used, reserved, versions
