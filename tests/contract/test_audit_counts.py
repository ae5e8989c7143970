"""How many entries of the log fall into each step of time."""

from __future__ import annotations

from typing import Any

from backoffice.domain.actions import Actions
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from tests.support.database import database
from tests.support.people import event


def test_entries_are_counted_by_the_time_they_were_written(redis: Any) -> None:
    log = RedisAudit(database(redis), Keys("t"))
    ids = [log.record(event(action)) for action in (Actions.FILE_CREATE, Actions.FILE_CREATE, Actions.FILE_TRASH)]
    first, last = (int(one.partition("-")[0]) for one in (ids[0], ids[-1]))
    edges = [first - 1000, first, last + 1, last + 1000]
    created, trashed, nothing = log.counts(
        [("action", "file.create"), ("action", "file.trash"), ("action", "file.purge")], edges
    )
    assert (created, trashed, nothing) == ([0, 2, 0], [0, 1, 0], [0, 0, 0])
    assert log.counts([("action", "file.create")], [last + 1, last + 2]) == [[0]]
    assert log.counts([], edges) == []
