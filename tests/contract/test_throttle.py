"""`throttle.lua`, on every kind of server."""

from __future__ import annotations

import pytest

from backoffice.domain.throttling import Bucket, Limit
from backoffice.domain.times import now_ms
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.throttle import RedisThrottle
from tests.support.people import event

pytestmark = pytest.mark.cluster
KEYS = Keys("t")
NOW = now_ms()
HOUR = 3_600_000


def one(name: str, *limit: int, keeps: bool = False) -> tuple[Bucket]:
    return (Bucket(name, Limit(*limit), keeps),)


def test_A5_failures_beyond_the_free_ones_double_the_wait(db: Db) -> None:
    now = [NOW]
    throttle = RedisThrottle(db, KEYS, lambda: now[0])
    limit = (3, 1_000, 60_000, 100)
    assert [throttle.attempt(one("x", *limit)) for _ in range(4)] == [0, 0, 0, 0]
    waits = []
    for _ in range(9):
        wait = throttle.attempt(one("x", *limit))
        waits.append(wait)
        assert throttle.attempt(one("x", *limit)) == wait, "a refused attempt does not lengthen it"
        now[0] += wait
        assert throttle.attempt(one("x", *limit)) == 0
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
    assert throttle.attempt(one("y", *limit)) == 0
    throttle.succeed(one("x", *limit))
    assert [throttle.attempt(one("x", *limit)) for _ in range(4)] == [0, 0, 0, 0]
    assert 0 < db.call("TTL", KEYS.throttle("x")) <= 100


def test_a_forgiven_attempt_leaves_what_was_there_without_it(db: Db) -> None:
    throttle = RedisThrottle(db, KEYS, lambda: NOW)
    limit = (2, 1_000, 60_000, 100)
    for _ in range(20):
        assert throttle.attempt(one("x", *limit)) == 0
        throttle.succeed(one("x", *limit, keeps=True))
    assert [throttle.attempt(one("x", *limit)) for _ in range(4)] == [0, 0, 0, 1_000]
    throttle.succeed(one("x", *limit, keeps=True))
    assert [throttle.attempt(one("x", *limit)) for _ in range(2)] == [0, 1_000]
    throttle.succeed(one("never heard of", *limit, keeps=True))
    assert db.call("EXISTS", KEYS.throttle("never heard of")) == 0


def test_a_clock_set_back_locks_nobody_out_for_long(db: Db) -> None:
    now = [NOW]
    throttle = RedisThrottle(db, KEYS, lambda: now[0])
    throttle.attempt(one("x", 0, 60_000, 60_000, 100))
    now[0] -= 100 * HOUR
    assert throttle.attempt(one("x", 0, 60_000, 60_000, 100)) == 60_000


def test_of_many_who_fail_the_one_that_would_be_forgotten_first_gives_way(db: Db) -> None:
    now = [NOW]
    throttle = RedisThrottle(db, KEYS, lambda: now[0], remembered=10)
    limit = (0, 60_000, 60_000, 100)
    for number in range(30):
        throttle.attempt(one(f"network:{number}", *limit))
        now[0] += 10
    throttle.attempt(one("account:ada", *limit))
    assert db.call("HLEN", KEYS.throttle("network")) == db.call("ZCARD", KEYS.throttled("network")) == 10
    assert throttle.attempt(one("network:29", *limit)) > 0
    assert throttle.attempt(one("network:0", *limit)) == 0, "forgotten"
    assert throttle.attempt(one("account:ada", *limit)) > 0, "each kind by itself"


def test_who_failed_long_ago_is_forgotten(db: Db) -> None:
    now = [NOW]
    throttle = RedisThrottle(db, KEYS, lambda: now[0])
    limit = (0, 60_000, 60_000, 100)
    for number in range(10):
        throttle.attempt(one(f"network:{number}", *limit))
    now[0] += 101_000
    assert [throttle.attempt(one(f"network:{number}", *limit)) for number in (9, 3)] == [0, 0]
    assert db.call("HLEN", KEYS.throttle("network")) == db.call("ZCARD", KEYS.throttled("network")) < 10
    throttle.succeed(one("network:9", *limit))
    throttle.succeed(one("network:3", *limit))
    assert throttle.attempt(one("network:9", *limit)) == 0


def test_an_attempt_that_one_bucket_refuses_is_counted_in_none(db: Db) -> None:
    """A refusal took a place from the network of the one who was refused, and from everybody."""
    throttle = RedisThrottle(db, KEYS, lambda: NOW)
    hot, cool = one("account:ada", 0, 60_000, 60_000, 100), one("network:1", 2, 1_000, 60_000, 100)
    assert throttle.attempt(hot) == 0
    for _ in range(10):
        assert throttle.attempt((*cool, *hot)) == 60_000
        assert throttle.attempt((*hot, *cool)) == 60_000
    assert db.call("EXISTS", KEYS.throttle("network")) == 0
    assert [throttle.attempt(cool) for _ in range(4)] == [0, 0, 0, 1_000]
    assert throttle.attempt((*cool, *hot)) == 60_000, "the longest wait is told"


def test_a_success_takes_back_its_own_attempt_or_all(db: Db) -> None:
    throttle = RedisThrottle(db, KEYS, lambda: NOW)
    limit = (2, 1_000, 60_000, 100)
    kept, forgotten = one("network:1", *limit, keeps=True), one("account:ada", *limit)
    for _ in range(2):
        assert throttle.attempt((*kept, *forgotten)) == 0
    throttle.succeed((*kept, *forgotten))
    assert [throttle.attempt(kept) for _ in range(3)] == [0, 0, 1_000]
    assert [throttle.attempt(forgotten) for _ in range(4)] == [0, 0, 0, 1_000]


def test_who_failed_last_is_listed_and_can_be_let_go(db: Db) -> None:
    now = [NOW]
    throttle, other = (RedisThrottle(db, KEYS, lambda: now[0]) for _ in range(2))
    limit = (1, 1_000, 60_000, 100)
    assert throttle.counted("account", NOW, 10) == []
    for who, failures in (("ada", 2), ("bob", 1), ("zoë", 2)):
        for _ in range(failures):
            assert throttle.attempt(one(f"account:{who}", *limit)) == 0
        now[0] += 10
    throttle.attempt(one("network:192.0.2.1", *limit))
    found = {row.who: row for row in throttle.counted("account", now[0], 10)}
    assert set(found) == {"ada", "bob", "zoë"}
    assert [row.who for row in throttle.counted("account", now[0], 1)] == ["zoë"], "the last one"
    assert (found["ada"].failures, found["bob"].failures) == (2, 1)
    assert found["ada"].until == NOW + 1_000
    assert found["ada"].forgotten_at == NOW + 100_000
    assert throttle.attempt(one("account:ada", *limit)) > 0
    throttle.forget("account", "ada", event())
    assert other.attempt(one("account:ada", *limit)) == 0, "every process knows at once"
    assert [row.failures for row in throttle.counted("account", now[0], 10) if row.who == "ada"] == [1]
    assert throttle.attempt(one("account:zoë", *limit)) > 0, "the others wait as before"
    throttle.forget("account", "nobody", event())
    assert throttle.counted("account", now[0] + 100_001, 10) == [], "what is forgotten by then"
