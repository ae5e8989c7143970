"""How much there is and how much waits, and what workers say they have done."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.keys import Keys
from backoffice.stores.numbers import QUEUES, RedisNumbers
from tests.support.database import database

KEYS = Keys("t")
NOW = 1_000_000_000_000


@pytest.mark.cluster
def test_an_empty_site_has_nothing_and_nothing_waits(redis: Any) -> None:
    found = RedisNumbers(database(redis), KEYS).read(NOW)
    assert (found.uploads, found.files, found.worked) == (0, 0, {})
    assert set(found.jobs.values()) == {0}
    assert [(one.name, one.due, one.oldest_ms) for one in found.queues] == [(name, 0, 0) for name in QUEUES]


@pytest.mark.cluster
def test_what_is_due_waits_and_what_is_not_does_not(redis: Any) -> None:
    redis.zadd(KEYS.index("uploads", "expires"), {"a": NOW - 5_000, "b": NOW - 1, "c": NOW + 1})
    redis.zadd(KEYS.index("files", "purge"), {"later": NOW + 10_000})
    redis.zadd(KEYS.index("files", "undigested"), {"x": NOW - 90_000, "y": NOW - 10})
    redis.zadd(KEYS.index("jobs", "state", "open"), {"j": 1})
    found = RedisNumbers(database(redis), KEYS).read(NOW)
    waits = {one.name: (one.due, one.oldest_ms) for one in found.queues}
    assert waits["expire"] == (2, 5_000)
    assert waits["purge"] == (0, 0)
    assert waits["digest"] == (2, 90_000)
    assert found.jobs["open"] == 1


@pytest.mark.cluster
def test_what_workers_have_done_adds_up(redis: Any) -> None:
    hearts = RedisHeartbeats(database(redis), KEYS)
    hearts.beat("one", {"runs:purge": 3, "ms:purge": 20})
    hearts.beat("two", {"runs:purge": 4, "chunks:damaged": 1})
    hearts.beat("two")
    found = RedisNumbers(database(redis), KEYS).read(NOW)
    assert found.worked == {
        "runs:purge": 7,
        "ms:purge": 20,
        "chunks:damaged": 1,
    }
    assert {one.host for one in hearts.alive()} == {"one", "two"}
