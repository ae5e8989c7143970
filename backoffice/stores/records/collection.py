"""A noun in the store: a frozen dataclass, its hash, and its declared indexes, always changed together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, Generic, Protocol, TypeVar

from backoffice.domain.text import fold
from backoffice.errors import BackofficeError, Conflict, VersionMismatch
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.codec import Codec, pairs
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.compact_ids import compact, expand
from backoffice.stores.records.indexes import SEPARATOR, Facet, Index, Lexical, Sorted, Unique, Words


class Record(Protocol):
    """What every record has."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...


R = TypeVar("R", bound=Record)
_SEPARATOR: Final = SEPARATOR.encode()
_REMEMBERED_KEYS: Final = 256
"""Of an index; about 0.2 kB each."""
Also = Callable[[Commit, R | None, R | None], None]
"""Given a record as it was and as it is to be, None: not there."""


class Collection(Generic[R]):
    """Records of one noun.

    `insert`, `replace` and `remove` add to a commit what they need; `get`, `get_many` and `find` read. Pages are in
    `paging.py`. What a record puts into its indexes is computed from the record alone, so `fsck` can compare.
    """

    def __init__(
        self,
        db: Db,
        keys: Keys,
        noun: str,
        record: type[R],
        indexes: Sequence[Index[R]],
        *,
        sparse: bool | frozenset[str] = False,
        short: Mapping[str, str] | None = None,
        dense: bool = False,
        remembered: int = 0,
        also: Also[R] | None = None,
    ) -> None:
        """`dense`: indexes hold identifiers in the form of `compact_ids.py`. `remembered`: so many rows are kept with
        their records, about 2 kB each: what is read again, and is still the same, is not decoded again. `also`: writes
        what else follows from a record, besides its indexes."""
        self.db, self.keys, self.noun = db, keys, noun
        self.codec = Codec(record, sparse=sparse, short=short)
        self.indexes = tuple(indexes)
        self._dense, self._also = dense, also
        # Each with its keys by scope, of which the latest are remembered: the same few owners and types come again.
        self._by_value = [(one, self._key_by_scope(one.name)) for one in indexes if isinstance(one, Facet)]
        self._in_order = [
            (one, self._key_by_scope(one.name)) for one in indexes if isinstance(one, Sorted | Lexical | Words)
        ]
        self._decode_flat = lru_cache(remembered)(self._decode_pairs) if remembered else self._decode_pairs
        self.facets = {index.name: index for index in indexes if isinstance(index, Facet)}

    # -- reading

    def get(self, record_id: str) -> R | None:
        """The record, or None. One round trip."""
        return self.get_many([record_id])[0]

    def get_many(self, ids: Sequence[str]) -> list[R | None]:
        """The records in order, None where there is none. One round trip."""
        rows = self.db.many([("HGETALL", self.keys.record(self.noun, record_id)) for record_id in ids])
        return [self.decode(record_id, row) for record_id, row in zip(ids, rows, strict=True)]

    def decode(self, record_id: str, row: Any) -> R | None:
        """The record of a hash as the client hands it over; None where the hash is empty."""
        if not row:
            return None
        return self.codec.decode(record_id, row) if isinstance(row, dict) else self._decode_flat(record_id, tuple(row))

    def _decode_pairs(self, record_id: str, row: tuple[bytes, ...]) -> R:
        return self.codec.decode(record_id, pairs(row))

    def find(self, index: str, text: str) -> R | None:
        """The record that holds this text in a unique index. Two round trips."""
        unique = next(one for one in self.indexes if isinstance(one, Unique) and one.name == index)
        found = self.db.call("HGET", self.keys.unique(self.noun, index), fold(text))
        record = self.get(found.decode()) if found else None
        return record if record is not None and unique.folded(record) == fold(text) else None

    # -- changing

    def insert(self, commit: Commit, record: R) -> None:
        """Add a new record. Raises Conflict when there is one of this id, NameTaken when a unique text is taken."""
        key = self.keys.record(self.noun, record.id)
        commit.check("absent", key, error=Conflict("There is one already."))
        fields = [part for pair in self.codec.encode(record).items() for part in pair]
        commit.write("HSET", key, *fields)
        self._index(commit, None, record)

    def replace(self, commit: Commit, old: R, new: R) -> None:
        """Put `new` in the place of `old`: only fields and index entries that differ are written.

        Raises VersionMismatch unless the record is still `old`; `new` has another version.
        """
        key = self.keys.record(self.noun, old.id)
        self.expect(commit, old)
        put, drop = self.codec.changes(old, new)
        if put:
            commit.write("HSET", key, *(part for pair in put.items() for part in pair))
        if drop:
            commit.write("HDEL", key, *drop)
        self._index(commit, old, new)

    def remove(self, commit: Commit, old: R) -> None:
        """Remove the record. Raises VersionMismatch unless it is still `old`."""
        key = self.keys.record(self.noun, old.id)
        self.expect(commit, old)
        commit.write("DEL", key)
        self._index(commit, old, None)

    def expect(self, commit: Commit, old: R, error: BackofficeError | None = None) -> None:
        """Let the commit raise VersionMismatch, or `error`, unless the record is still `old`."""
        error = error or VersionMismatch()
        key, (name, text) = self.keys.record(self.noun, old.id), self.version(old)
        if not text:
            commit.check("present", key, error=error)
            commit.check("unset", key, name, error=error)
        else:
            commit.check("equal", key, name, text, error=error)

    def version(self, record: R) -> tuple[str, str]:
        """What the field of the version is called in the hash, and what it holds; "" = it is not there."""
        return self.codec.stored("version"), self.codec.text(record, "version") or ""

    def _index(self, commit: Commit, old: R | None, new: R | None) -> None:
        self._write_unique_indexes(commit, old, new)
        before, after = self.members(old), self.members(new)
        for place, number in after.items():
            if before.get(place) != number:
                commit.write("ZADD", place[0], score(number), place[1])
        for key, member in before.keys() - after.keys():
            commit.write("ZREM", key, member)
        for facet in self.facets.values():
            if facet.listed:
                self._count(commit, facet, old, new)
        if self._also is not None:
            self._also(commit, old, new)

    def _count(self, commit: Commit, facet: Facet[R], old: R | None, new: R | None) -> None:
        key = self.keys.facet_values(self.noun, facet.name)
        before = set(facet.values(old)) if old is not None else set()
        after = set(facet.values(new)) if new is not None else set()
        for value in sorted(after - before):
            commit.write("ZINCRBY", key, 1, value)
        for value in sorted(before - after):
            commit.write("ZINCRBY", key, -1, value)
        if before - after:
            # Values that no record has any more must not pile up.
            commit.write("ZREMRANGEBYSCORE", key, "-inf", 0)

    def _write_unique_indexes(self, commit: Commit, old: R | None, new: R | None) -> None:
        for index in self.indexes:
            if not isinstance(index, Unique):
                continue
            before = index.folded(old) if old is not None else ""
            after = index.folded(new) if new is not None else ""
            key = self.keys.unique(self.noun, index.name)
            if after and after != before and new is not None:
                if index.asked:
                    commit.check("free", key, after, new.id, error=index.refusal())
                commit.write("HSET", key, after, new.id)
            if before and before != after and old is not None:
                # Another record may have the same text from before there was this index, and hold it.
                commit.give_up(key, before, old.id)

    def ref(self, record_id: str) -> str:
        """How a record's id stands in its indexes."""
        return compact(record_id) if self._dense else record_id

    def member_id(self, member: bytes) -> str:
        """The record's id at the end of a member."""
        ref = member.rpartition(_SEPARATOR)[2].decode(errors="replace")
        return expand(ref) if self._dense else ref

    def members(self, record: R | None) -> dict[tuple[bytes, str], float]:
        """Everything the record has in sorted sets: (key, member) -> score."""
        found: dict[tuple[bytes, str], float] = {}
        if record is None:
            return found
        ref = self.ref(record.id)
        for facet, key_of in self._by_value:
            if values := facet.values(record):
                number = facet.number(record)
                for value in values:
                    found[key_of(value), ref] = number
        for index, key_of in self._in_order:
            if entries := index.members(record, ref):
                scoped = [key_of(scope) for scope in self._scopes(index, record)] if index.within else (key_of(""),)
                for member, number in entries:
                    for key in scoped:
                        found[key, member] = number
        return found

    def _key_by_scope(self, index: str) -> Callable[[str], bytes]:
        return lru_cache(_REMEMBERED_KEYS)(partial(self.keys.index, self.noun, index))

    def _scopes(self, index: Sorted[R] | Lexical[R] | Words[R], record: R) -> Iterable[str]:
        yield ""
        for name in index.within:
            for value in self.facets[name].values(record):
                yield f"{name}={value}"

    def keys_of(self, index: Sorted[R] | Lexical[R] | Words[R], record: R) -> list[bytes]:
        """The sorted sets of an index in which a record is: that of all, and those of its facets' values."""
        return [self.keys.index(self.noun, index.name, scope) for scope in self._scopes(index, record)]

    # -- facets

    def facet_values(self, name: str, limit: int = 100) -> list[tuple[str, int]]:
        """The commonest values of a listed facet with the number of their records. One round trip."""
        row = self.db.call(
            "ZRANGE",
            self.keys.facet_values(self.noun, name),
            "+inf",
            "1",
            "BYSCORE",
            "REV",
            "LIMIT",
            0,
            limit,
            "WITHSCORES",
        )
        flat = flat_pairs(row)
        return [(value.decode(), int(float(count))) for value, count in flat]


def flat_pairs(row: Any) -> list[tuple[bytes, Any]]:
    """Members with scores, however the client groups them."""
    if row and isinstance(row[0], list | tuple):
        return [(pair[0], pair[1]) for pair in row]
    return list(zip(row[::2], row[1::2], strict=True))


def score(number: float) -> str:
    """A score as text, whole numbers without a fraction."""
    return str(int(number)) if number == int(number) else repr(number)


def bounds(span: tuple[str, float | None, float | None]) -> tuple[str, str]:
    """A range as scores."""
    _, least, most = span
    return ("-inf" if least is None else score(least)), ("+inf" if most is None else score(most))
