"""Counting failures, and how long to wait after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backoffice.domain.audit import AuditEvent
from backoffice.domain.blocked import Counted
from backoffice.domain.limits import MAX_THROTTLED
from backoffice.domain.throttling import Bucket
from backoffice.domain.times import now_ms
from backoffice.stores.client import Arg, Db
from backoffice.stores.keys import Keys
from backoffice.stores.records.collection import flat_pairs
from backoffice.stores.records.commit import Commit


class RedisThrottle:
    """`throttle.lua`. An error of the store goes up: who cannot be counted does not get in."""

    def __init__(self, db: Db, keys: Keys, now: Callable[[], int] = now_ms, *, remembered: int = MAX_THROTTLED) -> None:
        """`remembered`: how many of each kind."""
        self._db, self._keys, self._now, self._remembered = db, keys, now, remembered

    def attempt(self, buckets: Sequence[Bucket]) -> int:
        """Milliseconds to wait, and nothing is counted; or 0 = go on, and each of the buckets counts a failure until
        `succeed`."""
        return self._run("try", buckets)

    def succeed(self, buckets: Sequence[Bucket]) -> None:
        """An attempt was no failure: those that keep what they counted are as if it had not been made, the others
        forget everything."""
        self._run("succeed", buckets)

    def counted(self, kind: str, now: int, limit: int) -> list[Counted]:
        """Of this kind those that failed last, at most `limit`. Two round trips."""
        place = ("ZRANGE", self._keys.throttled(kind), "+inf", now, "BYSCORE", "REV", "LIMIT", 0, limit, "WITHSCORES")
        found = flat_pairs(self._db.call(*place))
        if not found:
            return []
        rows = self._db.call("HMGET", self._keys.throttle(kind), *(who for who, _ in found))
        return [
            Counted(who.decode(), int(row.split()[0]), int(row.split()[1]), int(float(forgotten)))
            for (who, forgotten), row in zip(found, rows, strict=True)
            if row is not None
        ]

    def forget(self, kind: str, who: str, event: AuditEvent) -> None:
        """Forget the failures of one; every process knows at once."""
        commit = Commit(self._keys, event)
        commit.write("HDEL", self._keys.throttle(kind), who)
        commit.write("ZREM", self._keys.throttled(kind), who)
        commit.run(self._db, when_full=True)

    def _run(self, op: str, buckets: Sequence[Bucket]) -> int:
        keys: list[bytes] = []
        args: list[Arg] = [op, self._now(), self._remembered]
        for bucket in buckets:
            kind, _, who = bucket.name.partition(":")
            keys += self._keys.throttle(kind), self._keys.throttled(kind)
            limit = bucket.limit
            args += who, limit.free, limit.first_ms, limit.longest_ms, limit.forget_s, int(bucket.keeps)
        # Also when memory is full: it is bounded, and who may sign in must be able to.
        return int(self._db.script("throttle", keys, args, allow_oom=True))
