"""Whether a restored store is what its archive says: every record, key by key, and every entry of the log."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from backoffice.domain.log_archive import Trimmed, id_in, line_of
from backoffice.domain.uploads import ChunkMap
from backoffice.stores.backup.contents import named_by
from backoffice.stores.backup.kinds import kind_of
from backoffice.stores.backup.raw_chunks import RawChunks
from backoffice.stores.backup.restore import NOT_KEPT, lines_of
from backoffice.stores.backup.tar import Part, TarReader
from backoffice.stores.backup.values import Value, answered, questions
from backoffice.stores.client import Command, Db
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.files import RedisFiles
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import entries_of
from backoffice.stores.scan import scan
from backoffice.stores.users import NOUN as USERS

_TOGETHER: Final = 500
_OWN: Final = (*NOT_KEPT, b"backup", b"backup_proven", b"backup_failed")
"""Fields of the installation that are the new store's."""


@dataclass(slots=True)
class StoreComparison:
    """`different` says what differs, in the end."""

    db: Db
    keys: Keys
    raw: RawChunks
    open: Callable[[], tuple[BinaryIO, TarReader]]
    different: set[bytes] = field(default_factory=set)
    compared: int = 0

    def steps(self) -> Iterator[int]:
        """Piece by piece; after each how many were compared."""
        file, reader = self.open()
        with file:
            first = int(reader.manifest()["from"])
            for _, lines in lines_of(reader, Part.RECORDS, first):
                for start in range(0, len(lines), _TOGETHER):
                    self._records([Value.of_line(one) for one in lines[start : start + _TOGETHER]])
                yield self.compared
            trimmed = Trimmed.load(self.db.call("HGET", self.keys.seals, "trimmed"))
            for _, lines in lines_of(reader, Part.LOG, first):
                kept = [one for one in lines if trimmed is None or not trimmed.covers(id_in(one))]
                for start in range(0, len(kept), _TOGETHER):
                    self._entries(kept[start : start + _TOGETHER])
                yield self.compared
            lost = reader.manifest().get("lost", {})
        for batch in scan(self.db, self.keys.record(FILES, "") + b"*"):
            self._contents(batch, lost)
            yield self.compared

    def _records(self, values: Sequence[Value]) -> None:
        """The store has the last value of each key: one that comes again is judged by that."""
        latest = {one.name: one for one in values}
        kinds = {name: kind for name in latest if (kind := kind_of(self.keys, self.keys.named(name))) is not None}
        commands: list[Command] = []
        for name, kind in kinds.items():
            commands += questions(self.keys.named(name), replace(kind, expires=False))
        replies = self.db.many(commands)
        for (name, kind), reply in zip(kinds.items(), replies, strict=True):
            there = answered(name, replace(kind, expires=False), [reply], 0)
            same = _compared(latest[name]) == _compared(there) or bool(latest[name].expires and there.value is None)
            (self.different.discard if same else self.different.add)(name)
            self.compared += 1

    def _contents(self, keys: Sequence[bytes], lost: Container[str]) -> None:
        """Every chunk is read and compared with its map, by both checksums."""
        prefix, collection = self.keys.record(FILES, ""), RedisFiles(self.db, self.keys).collection
        ids = [one for key in keys if ":" not in (one := key[len(prefix) :].decode(errors="replace"))]
        for one, row in zip(ids, self.db.many([("HGETALL", self.keys.record(FILES, one)) for one in ids]), strict=True):
            with suppress(TypeError, ValueError):
                named = named_by(collection.decode(one, row))
                if named is not None and named[0] not in lost and not self._is_whole(*named):
                    self.different.add(b"content " + named[0].encode())

    def _is_whole(self, content: str, total: int) -> bool:
        chunks = ChunkMap.unpack(self.db.call("GET", self.keys.chunk_map(content)) or b"", total).chunks
        places = [(content, place, chunk.size) for place, chunk in enumerate(chunks) if chunk is not None]
        for (_, place, _), data in zip(places, self.raw.read(places), strict=True):
            chunk = chunks[place]
            if chunk is None or data is None or not self.raw.matches(content, place, chunk, data):
                return False
        return len(places) == total

    def _entries(self, lines: Sequence[bytes]) -> None:
        first, last = id_in(lines[0]), id_in(lines[-1])
        rows = self.db.call("XRANGE", self.keys.audit, first, last)
        if [line_of(one) for one in entries_of(rows)] != list(lines):
            self.different.add(b"audit " + first.encode())
        self.compared += len(lines)


def _compared(value: Value) -> object:
    """The value without what is the new store's own, and what follows from it."""
    if value.name == b"install":
        return {name: text for name, text in value.fields.items() if name not in _OWN}
    if value.name == b"seals":
        return {name: text for name, text in value.fields.items() if name != b"pending"}
    if value.name.startswith(f"{USERS}:".encode()):
        # Uploads under way are left out, and what they had reserved.
        return {name: text for name, text in value.fields.items() if name != b"quota_near"}
    return value.value
