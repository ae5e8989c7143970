"""What follows from records, made anew: indexes, counts of facets, quotas. By the same code that keeps them in step
(`Collection.members`), so `fsck` finds what it expects. What has to be there in the end is noted besides, so that it
can be compared with what is (`read_back.py`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection as Several
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice, repeat
from typing import Any, Final

from backoffice.domain.files import File
from backoffice.domain.maintenance import Invariant
from backoffice.domain.uploads import ChunkMap
from backoffice.stores.backup.ahead import Behind, ahead
from backoffice.stores.backup.contents import named_by
from backoffice.stores.backup.kinds import LEFT_OUT, NOUNS
from backoffice.stores.backup.tallies import Tallies
from backoffice.stores.chunk_keys import chunk_key
from backoffice.stores.client import Command, Db
from backoffice.stores.file_indexes import is_version
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.fsck.folders import FolderCheck
from backoffice.stores.fsck.repair import Repairer
from backoffice.stores.fsck.versions import VersionCheck
from backoffice.stores.keys import Keys
from backoffice.stores.quotas import VERSIONS
from backoffice.stores.records.collection import Collection, score
from backoffice.stores.records.indexes import Unique
from backoffice.stores.users import NOUN as USERS

TOGETHER: Final = 500


class Rebuild:
    """Of a store that has the records and nothing else. `quota`: bytes of who has none of their own; `names`: of all
    records, without the prefix of keys."""

    def __init__(self, db: Db, keys: Keys, quota: int, behind: Behind, tallies: Tallies, names: Several[bytes]) -> None:
        self._db, self._keys, self._quota, self._behind = db, keys, quota, behind
        self._tallies, self._names = tallies, names
        self._used: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()
        self._values: Counter[tuple[bytes, str]] = Counter()
        files = RedisFiles(db, keys)
        self._collections: dict[str, Collection[Any]] = {FILES: files.collection}
        self._collections |= {noun: store(db, keys).collection for noun, store in NOUNS.items()}
        self._suspect = Repairer(db, keys, None, lambda _finding, _repaired: self._not_sound())
        self._folders = FolderCheck(self._suspect, files, RedisFolders(db, keys))
        self._version_check = VersionCheck(self._suspect, files)
        self.unreadable: list[str] = []
        """Records that nobody can read; they are there, and in no index."""
        self.sound = True
        """Whether no record says what cannot be."""

    def run(self) -> Iterator[int]:
        """After each piece how many records it was."""
        # Users come last: whether their quota is nearly used up is in their records.
        for noun in sorted(self._collections.keys() - LEFT_OUT, key=USERS.__eq__):
            if noun == USERS:
                yield from self._quotas()
            for ids, rows, maps in ahead(self._read(noun)):
                self._records(self._collections[noun], ids, rows, maps)
                yield len(ids)
        yield from self._counts()

    def _read(self, noun: str) -> Iterator[tuple[list[str], list[Any], dict[str, bytes]]]:
        """The records of a noun as they are in the store by now; of files also the maps of their first contents."""
        prefix, keys = f"{noun}:".encode(), self._keys
        own = (one[len(prefix) :] for one in self._names if one.startswith(prefix))
        ids = (one.decode() for one in own if b":" not in one)
        while some := list(islice(ids, TOGETHER)):
            asked: list[Command] = [("HGETALL", keys.record(noun, one)) for one in some]
            asked += [("GET", keys.chunk_map(one)) for one in some] if noun == FILES else []
            replies = self._db.many(asked)
            maps = zip(some, replies[len(some) :], strict=False)
            yield some, replies[: len(some)], {one: packed for one, packed in maps if packed is not None}

    def _records(
        self, collection: Collection[Any], ids: Sequence[str], rows: Sequence[Any], maps: Mapping[str, bytes]
    ) -> None:
        noun = collection.noun
        records = [one for one in map(partial(self._decoded, collection), ids, rows) if one is not None]
        if noun == USERS:
            records = [self._marked(collection, one) for one in records]
        elif noun == FILES:
            self._files(records, maps)
        elif noun == RedisFolders.noun:
            self._folders.folders(records)
        self._index(collection, records)

    def _decoded(self, collection: Collection[Any], record_id: str, row: Any) -> Any:
        try:
            return collection.decode(record_id, row)
        except (TypeError, ValueError):
            self.unreadable.append(f"{collection.noun} {record_id}")
            return None

    def _index(self, collection: Collection[Any], records: Sequence[Any]) -> None:
        noun, keys = collection.noun, self._keys
        scores: defaultdict[bytes, list[tuple[bytes, float]]] = defaultdict(list)
        texts: defaultdict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
        uniques = [(keys.unique(noun, one.name), one) for one in collection.indexes if isinstance(one, Unique)]
        listed = [(keys.facet_values(noun, one.name), one) for one in collection.facets.values() if one.listed]
        values: list[tuple[bytes, str]] = []
        for record in records:
            for (key, member), number in collection.members(record).items():
                scores[key].append((member.encode(), number))
            for key, index in uniques:
                if text := index.folded(record):
                    texts[key].append((text.encode(), record.id.encode()))
            for key, facet in listed:
                values += [(key, value) for value in set(facet.values(record))]
        commands: list[Command] = []
        for key, entries in scores.items():
            self._tallies.add(Invariant.INDEX, len(entries), zip(repeat(key), entries))
            commands.append(("ZADD", key, *[part for member, number in entries for part in (score(number), member)]))
        for key, named in texts.items():
            self._tallies.add(Invariant.UNIQUE, len(named), zip(repeat(key), named))
            commands.append(("HSET", key, *chain.from_iterable(named)))
        self._values.update(values)
        self._behind.do(partial(_carry_out, self._db, commands))

    # -- files

    def _files(self, files: Sequence[File], maps: Mapping[str, bytes]) -> None:
        for file in files:
            self._used[file.owner] += file.size
            if is_version(file):
                self._versions[file.owner] += file.size
        live = [(file, one) for file in files if (one := named_by(file)) is not None]
        other = [content for _, (content, _) in live if content not in maps]
        packed = self._db.many([("GET", self._keys.chunk_map(one)) for one in other])
        self._contents(live, {**maps, **dict(zip(other, packed, strict=True))} if other else maps)
        self._folders.files(files)
        self._version_check.files(files)

    def _contents(self, live: Sequence[tuple[File, tuple[str, int]]], maps: Mapping[str, bytes | None]) -> None:
        """Note the chunks that these need, by their maps."""
        chunks: list[tuple[bytes, int]] = []
        for file, (content, total) in live:
            known = ChunkMap.unpack(maps[content] or b"", total).chunks
            sizes = [one.size for one in known if one is not None]
            if len(sizes) != total or sum(sizes) != file.size:
                self._not_sound()
            chunks += [(chunk_key(content, index), size) for index, size in enumerate(sizes)]
        self._tallies.add(Invariant.CHUNK, len(chunks), chunks)
        self._tallies.add(Invariant.ORPHAN, len(live), (self._keys.chunk_map(content) for _, (content, _) in live))

    def _not_sound(self) -> None:
        self.sound = False

    # -- sums

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
            own = ((owner, used, 0, self._versions[owner]) for owner, used in some)
            self._tallies.add(Invariant.QUOTA, len(some), own)
            yield len(some)

    def _quota_of(self, owner: str, used: int) -> Command:
        versions = (VERSIONS, self._versions[owner]) if self._versions[owner] else ()
        return ("HSET", self._keys.quota(owner), "used", used, "reserved", 0, *versions)

    def _counts(self) -> Iterator[int]:
        """Of the values of facets."""
        counts = list(self._values.items())
        for start in range(0, len(counts), TOGETHER):
            some = counts[start : start + TOGETHER]
            self._db.many([("ZADD", key, count, value) for (key, value), count in some])
            named = ((key, (value.encode(), count)) for (key, value), count in some)
            self._tallies.add(Invariant.FACET, len(some), named)
            yield 0


def _carry_out(db: Db, commands: Sequence[Command]) -> None:
    db.many(commands)
