"""Whether the indexes of a collection say what its records say, neither less nor more.

Each record's entries are asked for as the records stream by, and counted for each index. Only where an index has
another number of entries than were counted, it is walked for those that no record accounts for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from backoffice.domain.audit import ObjectRef
from backoffice.domain.maintenance import Invariant
from backoffice.domain.times import now_ms
from backoffice.stores.client import Command
from backoffice.stores.fsck.facets import FacetCheck
from backoffice.stores.fsck.repair import Changed, Fault, Repairer, batches, expect_unchanged, printable, scan
from backoffice.stores.fsck.words import FEW, WordCheck
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.collection import Collection, Record, score
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Unique

R = TypeVar("R", bound=Record)
Row = dict[bytes, bytes]

OBJECTS = {"uploads": "file"}
"""What a record is called in the log, where that is not the noun without its last letter."""


class IndexCheck(Generic[R]):
    """Compares one collection with its indexes, both ways."""

    def __init__(self, repairer: Repairer, collection: Collection[R], *, expiring: bool = False) -> None:
        """`expiring`: records die by themselves at the moment by which they are ordered, and an index may go on naming
        one that has died."""
        self._repairer, self._collection, self._expiring = repairer, collection, expiring
        self._db, self._keys, self._noun = repairer.db, repairer.keys, collection.noun
        self._uniques = {one.name: one for one in collection.indexes if isinstance(one, Unique)}
        self._version = collection.codec.stored("version")
        self._words = WordCheck(repairer, collection)
        self._counts: Counter[bytes] = Counter()
        self._seen: set[bytes] = set()
        self._unreadable: set[str] = set()

    def ref(self, record_id: str) -> ObjectRef:
        return ObjectRef(OBJECTS.get(self._noun, self._noun[:-1]), record_id)

    def note_key(self, key: bytes) -> None:
        """There is an index of this key."""
        self._seen.add(key)

    # -- from the records to the indexes

    def records(self, ids: Sequence[str]) -> list[R]:
        """Check the index entries of these records; those that are there and can be read."""
        rows = self._db.many([("HGETALL", self._record_key(one)) for one in ids])
        found = [record for one, row in zip(ids, rows, strict=True) if (record := self._decode(one, pairs(row)))]
        self._repairer.count(Invariant.INDEX, len(found))
        wrong, words_only = self._mismatched(found)
        if len(words_only) > FEW:
            self._words.add(words_only)
            wrong = [one for one in wrong if one not in set(words_only)]
        for record_id in wrong:
            self._repairer.verify_and_repair(partial(self._recheck, record_id))
            self._repairer.verify_and_repair(partial(self._recheck_shared, record_id))
        return found

    def _mismatched(self, records: Sequence[R]) -> tuple[list[str], list[str]]:
        """Records with an entry that is not as it should be, and those of them that lack nothing but words. Each index
        is asked once for all of them."""
        scores: defaultdict[bytes, list[tuple[str, float, str]]] = defaultdict(list)
        holders: defaultdict[bytes, list[tuple[str, str]]] = defaultdict(list)
        for record in records:
            for (key, member), number in self._collection.members(record).items():
                scores[key].append((member, number, record.id))
            for key, text in self._texts(record):
                holders[key].append((text, record.id))
        commands: list[Command] = [("ZMSCORE", key, *(member for member, *_ in row)) for key, row in scores.items()]
        commands += [("HMGET", key, *(text for text, _ in row)) for key, row in holders.items()]
        replies = iter(self._db.many(commands))
        wrong: list[str] = []
        wordless: list[str] = []
        for key, row in scores.items():
            self._counts[key] += len(row)
            found = zip(row, next(replies), strict=True)
            those = [one for (_, number, one), score in found if score is None or float(score) != number]
            (wordless if self._words.is_own(key) else wrong).extend(those)
        for key, named in holders.items():
            self._counts[key] += len(named)
            wrong += [one for (_, one), holder in zip(named, next(replies), strict=True) if holder != one.encode()]
        others = set(wrong)
        words_only = [one for one in dict.fromkeys(wordless) if one not in others]
        return list(dict.fromkeys(wrong + wordless)), words_only

    def _record_key(self, record_id: str) -> bytes:
        return self._keys.record(self._noun, record_id)

    def _decode(self, record_id: str, row: Row) -> R | None:
        """The record; None, and a finding, where it cannot be read."""
        self._repairer.count(Invariant.RECORD, 1)
        try:
            return self._collection.decode(record_id, row)
        except (TypeError, ValueError) as error:
            what = f"{self._noun} {record_id}: {printable(str(error))}"
            self._repairer.verify_and_repair(lambda: Fault(Invariant.RECORD, self.ref(record_id), what))
            self._unreadable.add(record_id)
            return None

    def _queries(self, record: R) -> list[tuple[Any, ...]]:
        scores = [("ZSCORE", key, member) for key, member in self._collection.members(record)]
        return [*scores, *(("HGET", key, text) for key, text in self._texts(record))]

    def _texts(self, record: R) -> list[tuple[bytes, str]]:
        """The record's places in unique indexes."""
        folded = ((name, index.folded(record)) for name, index in self._uniques.items())
        return [(self._keys.unique(self._noun, name), text) for name, text in folded if text]

    def _wrong(self, record: R, answers: Sequence[Any]) -> bool:
        members, texts = self._collection.members(record), self._texts(record)
        scores, holders = answers[: len(members)], answers[len(members) :]
        return any(
            found is None or float(found) != number for found, number in zip(scores, members.values(), strict=True)
        ) or any(holder != record.id.encode() for holder, _ in zip(holders, texts, strict=True))

    def _recheck(self, record_id: str) -> Fault | None:
        """What the record's entries lack."""
        record, row, answers = self._as_of_now(record_id)
        if record is None or not self._wrong(record, answers):
            return None
        members, texts = self._collection.members(record), self._texts(record)
        missing = {
            place: number
            for (place, number), found in zip(members.items(), answers, strict=False)
            if found is None or float(found) != number
        }
        claims = {
            place: holder
            for place, holder in zip(texts, answers[len(members) :], strict=True)
            if holder != record_id.encode() and not self._holds(place, holder)
        }
        if not missing and not claims:
            return None

        def repair(commit: Commit) -> None:
            expect_unchanged(commit, self._record_key(record_id), row, self._version)
            for (key, member), number in missing.items():
                commit.write("ZADD", key, score(number), member)
            for (key, text), holder in claims.items():
                _expect(commit, key, text, holder)
                commit.write("HSET", key, text, record_id)

        invariant = Invariant.INDEX if missing else Invariant.UNIQUE
        names = [printable(key) for key, _ in (*missing, *claims)]
        return Fault(
            invariant, self.ref(record_id), f"{record_id} is not as it should be in {', '.join(names)}", repair
        )

    def _recheck_shared(self, record_id: str) -> Fault | None:
        """A text that must be unique and that another record has as well: only people can settle that."""
        record, _, answers = self._as_of_now(record_id)
        if record is None:
            return None
        texts = self._texts(record)
        for place, holder in zip(texts, answers[len(answers) - len(texts) :], strict=True):
            if holder != record_id.encode() and self._holds(place, holder):
                other = holder.decode()
                what = f"{printable(place[0])}: {printable(place[1])} is the name of {other} and of {record_id}"
                return Fault(Invariant.UNIQUE, self.ref(record_id), what)
        return None

    def _as_of_now(self, record_id: str) -> tuple[R | None, Row, list[Any]]:
        """The record, its fields and the answers to its questions. What to ask depends on the record, so it is read
        before and once more with the answers, until both are the same."""
        while True:
            row = pairs(self._db.call("HGETALL", self._record_key(record_id)))
            record = self._collection.decode(record_id, row)
            if record is None:
                return None, row, []
            again, *answers = self._repairer.read_atomically(
                [("HGETALL", self._record_key(record_id)), *self._queries(record)]
            )
            if pairs(again) == row:
                return record, row, answers

    def _holds(self, place: tuple[bytes, str], holder: bytes | None) -> bool:
        """Whether a place in a unique index is rightly `holder`'s."""
        record = self._collection.get(holder.decode()) if holder is not None else None
        return record is not None and place in self._texts(record)

    # -- from the indexes to the records

    def finish(self) -> None:
        """After all records: what the indexes have too much, and the counts of facets' values."""
        for batch in batches(sorted(self._seen | self._counts.keys())):
            sizes = self._db.many([(self._size_command(key), key) for key in batch])
            for key, size in zip(batch, sizes, strict=True):
                if int(size) != self._counts[key]:
                    self._walk(key)
        for facet in self._collection.facets.values():
            if facet.listed:
                FacetCheck(self._repairer, self._noun, facet.name).run(self._seen | self._counts.keys())

    def _size_command(self, key: bytes) -> str:
        return "HLEN" if self._keys.split(key)[1] == "one" else "ZCARD"

    def _walk(self, key: bytes) -> None:
        _, kind, name, *_ = self._keys.split(key)
        if kind == "one":
            index = self._uniques.get(name)
            for batch in scan(self._db, "HSCAN", key) if index is not None else ():
                self._extra_texts(key, batch)
            return
        for batch in scan(self._db, "ZSCAN", key):
            self._extra_members(key, batch)

    def _extra_texts(self, key: bytes, batch: Sequence[tuple[bytes, bytes]]) -> None:
        records = self._read([holder.decode() for _, holder in batch])
        for text, holder in batch:
            if holder.decode() not in records:
                continue
            record = records[holder.decode()]
            if record is None or (key, text.decode()) not in self._texts(record):
                self._repairer.verify_and_repair(partial(self._recheck_text, key, text.decode()))

    def _recheck_text(self, key: bytes, text: str) -> Fault | None:
        holder = self._db.call("HGET", key, text)
        if holder is None:
            return None
        record, row, _ = self._as_of_now(holder.decode())
        if record is not None and (key, text) in self._texts(record):
            return None

        def repair(commit: Commit) -> None:
            expect_unchanged(commit, self._record_key(holder.decode()), row, self._version)
            _expect(commit, key, text, holder)
            commit.write("HDEL", key, text)

        what = f"{printable(key)}: {printable(text)} belongs to no record"
        return Fault(Invariant.UNIQUE, self.ref(holder.decode()), what, repair)

    def _extra_members(self, key: bytes, batch: Sequence[tuple[bytes, Any]]) -> None:
        ids = [self._collection.member_id(member) for member, _ in batch]
        records = self._read(ids)
        extra = [
            (record_id, member)
            for record_id, (member, number) in zip(ids, batch, strict=True)
            if record_id in records and not self._accounts(records[record_id], key, member, number)
        ]
        if len(extra) > FEW and self._words.is_own(key):
            extra = self._words.take_away(key, extra)
        for record_id, member in extra:
            self._repairer.verify_and_repair(partial(self._recheck_member, key, member, record_id))

    def _read(self, ids: Sequence[str]) -> dict[str, R | None]:
        """The records by id. What cannot be read is left out: it says nothing about its entries."""
        distinct = [one for one in dict.fromkeys(ids) if one not in self._unreadable]
        return dict(zip(distinct, self._collection.get_many(distinct), strict=True))

    def _accounts(self, record: R | None, key: bytes, member: bytes, number: Any) -> bool:
        """Whether the entry is the record's, or that of one that has died in its time."""
        if record is None:
            return self._expiring and float(number) <= now_ms()
        return (key, member.decode(errors="replace")) in self._collection.members(record)

    def _recheck_member(self, key: bytes, member: bytes, record_id: str) -> Fault | None:
        row, there = self._repairer.read_atomically([("HGETALL", self._record_key(record_id)), ("ZSCORE", key, member)])
        fields = pairs(row)
        text = member.decode(errors="replace")
        if there is None or self._accounts(self._collection.decode(record_id, fields), key, member, there):
            return None

        def repair(commit: Commit) -> None:
            expect_unchanged(commit, self._record_key(record_id), fields, self._version)
            commit.write("ZREM", key, text)

        what = f"{printable(key)}: {printable(member)} belongs to no record"
        # What is not even text cannot be named in a commit.
        return Fault(Invariant.INDEX, self.ref(record_id), what, repair if text.encode() == member else None)


def _expect(commit: Commit, key: bytes, text: str, holder: bytes | None) -> None:
    """Nobody has taken the place in the meantime."""
    if holder is None:
        commit.check("unset", key, text, error=Changed())
    else:
        commit.check("equal", key, text, holder.decode(), error=Changed())
