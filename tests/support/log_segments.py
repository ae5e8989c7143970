"""An index of the log in small segments: eight entries each."""

from __future__ import annotations

from typing import Any

from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.log.log_index import Segment, segments_of
from backoffice.stores.records.commit import Commit
from tests.support.people import event

WHOLE, KEYS = Keys("t"), Keys("t", segment_bytes=64)
FACET = ("action", "system.repair")
INDEX = KEYS.audit_index(*FACET)


def entries(db: Db, count: int, keys: Keys = KEYS) -> list[str]:
    return [Commit(keys, event(data={"n": n})).run(db) for n in range(count)]


def directory(db: Db, index: bytes = INDEX) -> list[Segment]:
    return segments_of(db.call("GET", KEYS.segments(index)))


def pages(log: RedisAudit, limit: int, filters: Any = (FACET,), **span: Any) -> list[str]:
    found, cursor = [], ""
    for _ in range(1000):
        page = log.page(filters, cursor, limit, **span)
        assert len(page.items) <= limit
        found += [entry.id for entry in page.items]
        cursor = page.next_cursor
        if not cursor:
            return found
    raise AssertionError("the pages do not end")
