"""Words of many records at once: a version that cuts words in another way than the one before finds something to repair
in nearly every record, and one event for each would fill the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from backoffice.domain.audit import ObjectRef
from backoffice.domain.maintenance import Invariant
from backoffice.domain.words import first_form_words
from backoffice.stores.fsck.repair import Fault, Repair, Repairer, batches, expect_unchanged
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import Collection, Record, score
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import SEPARATOR, Words

R = TypeVar("R", bound=Record)
Row = dict[bytes, bytes]

FEW = 10
"""So many are told and repaired one by one."""
TOGETHER = 100
"""Records in one commit."""


class WordCheck(Generic[R]):
    """Compares the words of many records of one collection, and puts them right in one commit."""

    def __init__(self, repairer: Repairer, collection: Collection[R]) -> None:
        self._repairer, self._collection = repairer, collection
        self._indexes = [index for index in collection.indexes if isinstance(index, Words)]
        self._names = {index.name for index in self._indexes}
        self._version = collection.codec.stored("version")

    def is_own(self, key: bytes) -> bool:
        """Whether the key is that of an index of words."""
        return self._repairer.keys.split(key)[2] in self._names

    def add(self, ids: Sequence[str]) -> None:
        """What these records lack in indexes of words."""
        for some in batches(ids, TOGETHER):
            self._repairer.verify_and_repair(partial(self._recheck_missing, some))

    def renew(self, ids: Sequence[str]) -> None:
        """`add`, and take away what the first form of the words had for these records and this one has not."""
        self.add(ids)
        for some in batches(ids, TOGETHER):
            self._repairer.verify_and_repair(partial(self._recheck_first_form, some))

    def take_away(self, key: bytes, entries: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Entries (record and member) that no record accounts for. Those that cannot go together with others are left
        over: of a record that is not there, or not text."""
        records = self._read(list(dict.fromkeys(record_id for record_id, _ in entries)))
        plain = [
            (record_id, member)
            for record_id, member in entries
            if records.get(record_id) and member.decode(errors="replace").encode() == member
        ]
        for some in batches(plain, TOGETHER):
            self._repairer.verify_and_repair(partial(self._recheck_extra, key, some))
        return [one for one in entries if one not in set(plain)]

    def _recheck_missing(self, ids: Sequence[str]) -> Fault | None:
        rows = self._read(ids)
        places = {
            place: (record_id, number)
            for record_id, row in rows.items()
            for place, number in self._collection.members(self._collection.decode(record_id, row)).items()
            if self.is_own(place[0])
        }
        found = self._repairer.read_atomically([("ZSCORE", *place) for place in places])
        missing = {place: one for (place, one), there in zip(places.items(), found, strict=True) if there is None}
        if not missing:
            return None
        of = {record_id: rows[record_id] for record_id, _ in missing.values()}

        def repair(commit: Commit) -> None:
            self._expect(commit, of)
            for (key, member), (_, number) in missing.items():
                commit.write("ZADD", key, score(number), member)

        return self._fault(f"{len(of)} records lack {len(missing)} words", repair)

    def _recheck_first_form(self, ids: Sequence[str]) -> Fault | None:
        rows = self._read(ids)
        places = {place: one for one, row in rows.items() for place in self._first_form(one, row)}
        found = self._repairer.read_atomically([("ZSCORE", *place) for place in places])
        extra = {place: one for (place, one), there in zip(places.items(), found, strict=True) if there is not None}
        if not extra:
            return None
        of = {one: rows[one] for one in extra.values()}

        def repair(commit: Commit) -> None:
            self._expect(commit, of)
            for key, member in extra:
                commit.write("ZREM", key, member)

        return self._fault(f"{len(of)} records have {len(extra)} words of an earlier form", repair)

    def _first_form(self, record_id: str, row: Row) -> list[tuple[bytes, str]]:
        """Where a record would be that is in the first form, and is not to be now."""
        record = self._collection.decode(record_id, row)
        if record is None:
            return []
        ref, own = self._collection.ref(record_id), self._collection.members(record)
        return [
            (key, word + SEPARATOR + ref)
            for index in self._indexes
            for key in self._collection.keys_of(index, record)
            for word in first_form_words(index.text(record) or "")
            if (key, word + SEPARATOR + ref) not in own
        ]

    def _recheck_extra(self, key: bytes, entries: Sequence[tuple[str, bytes]]) -> Fault | None:
        rows = self._read(list(dict.fromkeys(record_id for record_id, _ in entries)))
        there = self._repairer.read_atomically([("ZSCORE", key, member) for _, member in entries])
        own = {
            (record_id, member)
            for record_id, row in rows.items()
            for place, member in self._collection.members(self._collection.decode(record_id, row))
            if place == key
        }
        extra = [
            (record_id, member.decode())
            for (record_id, member), number in zip(entries, there, strict=True)
            if number is not None and record_id in rows and (record_id, member.decode()) not in own
        ]
        if not extra:
            return None
        of = {record_id: rows[record_id] for record_id, _ in extra}

        def repair(commit: Commit) -> None:
            self._expect(commit, of)
            commit.write("ZREM", key, *(member for _, member in extra))

        return self._fault(f"{len(of)} records have {len(extra)} words too many", repair)

    def _read(self, ids: Sequence[str]) -> dict[str, Row]:
        """The fields of those that are there."""
        rows = self._repairer.db.many([("HGETALL", self._key(one)) for one in ids])
        return {one: fields for one, row in zip(ids, rows, strict=True) if (fields := pairs(row))}

    def _key(self, record_id: str) -> bytes:
        return self._collection.keys.record(self._collection.noun, record_id)

    def _expect(self, commit: Commit, rows: Mapping[str, Row]) -> None:
        for record_id, row in rows.items():
            expect_unchanged(commit, self._key(record_id), row, self._version)

    def _fault(self, what: str, repair: Repair) -> Fault:
        noun = self._collection.noun
        return Fault(Invariant.INDEX, ObjectRef("index", f"{noun}.words"), f"{noun}: {what}", repair)
