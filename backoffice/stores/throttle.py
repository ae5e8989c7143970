"""Counting failures, and how long to wait after them."""

from __future__ import annotations

from collections.abc import Callable

from backoffice.domain.limits import MAX_THROTTLED
from backoffice.domain.times import now_ms
from backoffice.stores.client import Arg, Db
from backoffice.stores.keys import Keys


class RedisThrottle:
    """`throttle.lua`. An error of the store goes up: who cannot be counted does not get in."""

    def __init__(self, db: Db, keys: Keys, now: Callable[[], int] = now_ms, *, remembered: int = MAX_THROTTLED) -> None:
        """`remembered`: how many of each kind."""
        self._db, self._keys, self._now, self._remembered = db, keys, now, remembered

    def attempt(self, what: str, free: int, first_ms: int, longest_ms: int, forget_s: int) -> int:
        """Milliseconds to wait, 0 = go on; counts as a failure until `forgive` or `clear`."""
        return self._run("try", what, free, first_ms, longest_ms, forget_s)

    def forgive(self, what: str, free: int, first_ms: int, longest_ms: int, forget_s: int) -> None:
        """One attempt was no failure: as if it had not been made."""
        self._run("forgive", what, free, first_ms, longest_ms, forget_s)

    def clear(self, what: str) -> None:
        """Forget all failures."""
        self._run("clear", what)

    def _run(self, op: str, what: str, *numbers: int) -> int:
        kind, _, who = what.partition(":")
        keys = [self._keys.throttle(kind), self._keys.throttled(kind)]
        args: list[Arg] = [op, who, self._now(), *numbers, self._remembered]
        # Also when memory is full: it is bounded, and who may sign in must be able to.
        return int(self._db.script("throttle", keys, args, allow_oom=True))
