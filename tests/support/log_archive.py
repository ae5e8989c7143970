"""A log to export, seal and trim, and what has to hold of its indexes."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from backoffice.domain.actions import Actions
from backoffice.domain.audit import ObjectRef
from backoffice.services.archive import Archive
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.archive import RedisArchive
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import WIDTH, pack, segments_of
from backoffice.stores.records.commit import written_facets
from tests.support.people import ROOT, event


@dataclass(frozen=True, slots=True)
class Log:
    """A log and its archive over one connection."""

    db: Db
    keys: Keys
    log: RedisAudit
    store: RedisArchive
    archive: Archive

    @classmethod
    def over(cls, db: Db, keys: Keys) -> Log:
        log, store = RedisAudit(db, keys), RedisArchive(db, keys)
        return cls(db, keys, log, store, Archive(store, log))

    def fill(self, count: int, seed: int = 1) -> list[str]:
        """Entries by some people about some files; their ids."""
        chance = random.Random(seed)  # noqa: S311 - to be repeated
        ids = []
        for _ in range(count):
            actor = replace(ROOT, id=f"a{chance.randrange(3)}", ip=f"192.0.2.{chance.randrange(4)}")
            action = chance.choice((Actions.FILE_DOWNLOAD, Actions.FILE_RENAME, Actions.FILE_TRASH))
            target = ObjectRef("file", f"f{chance.randrange(20)}", "a \u202e\n name")
            ids.append(self.log.record(event(action, actor, object=target, data={"n": 1})))
        return ids

    def lines(self, **asked: Any) -> list[bytes]:
        """What an export gives, line by line."""
        return b"".join(self.archive.export(ROOT, **asked).lines("")).splitlines(keepends=True)

    def sealed(self, **asked: Any) -> list[bytes]:
        """The same, once it is sealed."""
        lines = self.lines(since=self.archive.unsealed(ROOT), **asked)
        self.archive.seal(ROOT, lines)
        return lines

    def ids(self) -> list[str]:
        """Of all entries."""
        return [row[0].decode() for row in self.db.call("XRANGE", self.keys.audit, "-", "+")]

    def wrong_indexes(self) -> dict[bytes, tuple[bytes | None, bytes]]:
        """Every index that is not exactly what the log says; what it has, and what it should have."""
        wanted: dict[bytes, bytes] = {}
        for entries in self.store.read("", ""):
            for entry in entries:
                for facet, value in written_facets(entry.event):
                    key = self.keys.audit_index(facet, value)
                    wanted[key] = wanted.get(key, b"") + pack(entry.id)
        found: Iterable[bytes] = self.db.client.scan_iter(match=f"{{{self.keys.prefix}}}:by:*")
        keys = {*found, *wanted}
        there = {key: index_text(self.db, self.keys, key) for key in keys}
        return {key: (text, wanted.get(key, b"")) for key, text in there.items() if text != wanted.get(key)}

    def assert_segments(self) -> None:
        """No string is longer than a segment, and every segment is one that its directory names."""
        start = f"{{{self.keys.prefix}}}:"
        for key in self.db.client.scan_iter(match=f"{start}by:*"):
            assert self.db.call("STRLEN", key) <= self.keys.segment_bytes, key
        found = {*self.db.client.scan_iter(match=f"{start}segment:*")}
        named = set()
        for directory in self.db.client.scan_iter(match=f"{start}segments:*"):
            index = self.keys.segmented(directory)
            for one in segments_of(self.db.call("GET", directory)):
                key = self.keys.segment(index, one.number)
                assert self.db.call("STRLEN", key) == one.count * WIDTH <= self.keys.segment_bytes
                named.add(key)
        assert found == named


def index_text(db: Db, keys: Keys, index: bytes) -> bytes | None:
    """All entries of an index, None where there is none."""
    segments = segments_of(db.call("GET", keys.segments(index)))
    texts = [db.call("GET", keys.segment(index, one.number))[: one.count * WIDTH] for one in segments]
    return b"".join([*texts, db.call("GET", index) or b""]) or None
