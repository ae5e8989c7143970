"""What follows from records and log, made anew: indexes, counts of facets, quotas, and the indexes of the log. By the
same code that keeps them in step (`Collection.members`, `written_facets`), so `fsck` finds what it expects."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, Final

from backoffice.domain.log_archive import Trimmed, id_in, position
from backoffice.errors import IntegrityError, Invalid
from backoffice.stores.backup.ahead import Behind
from backoffice.stores.backup.kinds import LEFT_OUT, NOUNS
from backoffice.stores.client import Command, Db
from backoffice.stores.file_indexes import is_version
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import pack
from backoffice.stores.log.segments import cut
from backoffice.stores.quotas import VERSIONS
from backoffice.stores.records.collection import Collection, score
from backoffice.stores.records.commit import written_facets
from backoffice.stores.records.indexes import Unique
from backoffice.stores.scan import scan
from backoffice.stores.users import NOUN as USERS

TOGETHER: Final = 500
_EVENT: Final = b',"event":'


class Rebuild:
    """Of a store that has the records and nothing else. `quota`: bytes of who has none of their own."""

    def __init__(self, db: Db, keys: Keys, quota: int, behind: Behind) -> None:
        self._db, self._keys, self._quota, self._behind = db, keys, quota, behind
        self._used: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self.unreadable: list[str] = []
        """Records that nobody can read; they are there, and in no index."""

    def run(self) -> Iterator[int]:
        """After each piece how many records it was."""
        collections: dict[str, Collection[Any]] = {FILES: RedisFiles(self._db, self._keys).collection}
        collections |= {noun: store(self._db, self._keys).collection for noun, store in NOUNS.items()}
        users = list[str]()
        for noun, ids in self._ids(collections.keys() - LEFT_OUT):
            if noun == USERS:
                users += ids
            else:
                self._records(collections[noun], ids)
            yield len(ids)
        # Users come last: whether their quota is nearly used up is in their records.
        yield from self._quotas()
        for start in range(0, len(users), TOGETHER):
            self._records(collections[USERS], users[start : start + TOGETHER])
            yield 0

    def _ids(self, nouns: AbstractSet[str]) -> Iterator[tuple[str, list[str]]]:
        """Of all records, some hundred of a noun at a time. The keys are gone through once."""
        waiting: defaultdict[str, list[str]] = defaultdict(list)
        seen = set[bytes]()
        for batch in scan(self._db, self._keys.control_keys):
            for key in batch:
                noun, *rest = self._keys.split(key)
                # A scan may name a key twice, and facets count.
                if noun in nouns and len(rest) == 1 and key not in seen:
                    seen.add(key)
                    waiting[noun].append(rest[0])
            for noun in [one for one, ids in waiting.items() if len(ids) >= TOGETHER]:
                yield noun, waiting.pop(noun)
        yield from waiting.items()

    def _records(self, collection: Collection[Any], ids: Sequence[str]) -> None:
        noun, keys = collection.noun, self._keys
        rows = self._db.many([("HGETALL", keys.record(noun, one)) for one in ids])
        scores: defaultdict[bytes, list[str]] = defaultdict(list)
        texts: defaultdict[bytes, list[str]] = defaultdict(list)
        counts: Counter[tuple[bytes, str]] = Counter()
        for record_id, row in zip(ids, rows, strict=True):
            try:
                record = collection.decode(record_id, row)
            except (TypeError, ValueError):
                self.unreadable.append(f"{noun} {record_id}")
                continue
            if record is None:
                continue
            if noun == USERS:
                record = self._marked(collection, record)
            if noun == FILES:
                self._used[record.owner] += record.size
                self._versions[record.owner] += record.size if is_version(record) else 0
            for (key, member), number in collection.members(record).items():
                scores[key] += (score(number), member)
            for index in collection.indexes:
                if isinstance(index, Unique) and (text := index.folded(record)):
                    texts[keys.unique(noun, index.name)] += (text, record_id)
            for facet in collection.facets.values():
                if facet.listed:
                    counts.update((keys.facet_values(noun, facet.name), value) for value in set(facet.values(record)))
        commands: list[Command] = [("ZADD", key, *members) for key, members in scores.items()]
        commands += [("HSET", key, *pairs) for key, pairs in texts.items()]
        commands += [("ZINCRBY", key, count, value) for (key, value), count in counts.items()]
        self._behind.do(partial(_carry_out, self._db, commands))

    def _marked(self, collection: Collection[Any], user: Any) -> Any:
        """The user, with what says whether the quota is nearly used up as it is now (`_quota.lua`)."""
        limit = self._quota if user.quota_bytes is None else user.quota_bytes
        near = int(10 * self._used[user.id] > 9 * limit)
        if user.quota_near == near:
            return user
        self._db.call("HSET", self._keys.record(USERS, user.id), "quota_near", near)
        return collection.get(user.id)

    def _quotas(self) -> Iterator[int]:
        owners = [(owner, used) for owner, used in self._used.items() if used]
        for start in range(0, len(owners), TOGETHER):
            some = owners[start : start + TOGETHER]
            self._db.many([self._quota_of(owner, used) for owner, used in some])
            yield len(some)

    def _quota_of(self, owner: str, used: int) -> Command:
        versions = (VERSIONS, self._versions[owner]) if self._versions[owner] else ()
        return ("HSET", self._keys.quota(owner), "used", used, "reserved", 0, *versions)


class LogWriter:
    """Puts entries of the log back, under the ids that they had, with their indexes."""

    def __init__(self, db: Db, keys: Keys, trimmed: Trimmed | None, behind: Behind) -> None:
        self._db, self._keys, self._trimmed, self._behind = db, keys, trimmed, behind
        self._last = (0, -1)
        self.count = self.left_out = 0
        """Entries that are there now; that had left the log, or were about to."""

    def add(self, lines: Sequence[bytes], where: str) -> None:
        """Lines of a file of the log, in order. Raises IntegrityError."""
        for start in range(0, len(lines), TOGETHER):
            self._some(lines[start : start + TOGETHER], where)

    def _some(self, lines: Sequence[bytes], where: str) -> None:
        commands: list[Command] = []
        indexes: defaultdict[bytes, bytearray] = defaultdict(bytearray)
        for line in lines:
            try:
                entry_id = id_in(line)
                raw = line[line.index(_EVENT) + len(_EVENT) : -2]
                facets = written_facets(json.loads(raw))
            except (Invalid, ValueError, KeyError, TypeError) as error:
                raise IntegrityError(f"{where}: an entry of the log cannot be read.") from error
            if position(entry_id) <= self._last:
                raise IntegrityError(f"{where}: entry {entry_id} is not in its place.")
            self._last = position(entry_id)
            if self._trimmed is not None and self._trimmed.covers(entry_id):
                self.left_out += 1
                continue
            self.count += 1
            commands.append(("XADD", self._keys.audit, entry_id, "e", raw))
            for facet, value in facets:
                indexes[self._keys.audit_index(facet, value)] += pack(entry_id)
        self._behind.do(partial(self._put, commands, indexes))

    def _put(self, commands: Sequence[Command], indexes: Mapping[bytes, bytearray]) -> None:
        appends: list[Command] = [("APPEND", key, bytes(text)) for key, text in indexes.items()]
        lengths = self._db.many([*commands, *appends])[len(commands) :]
        for key, length in zip(indexes, lengths, strict=True):
            if int(length) >= self._keys.full_bytes:
                cut(self._db, self._keys, key)


def _carry_out(db: Db, commands: Sequence[Command]) -> None:
    db.many(commands)
