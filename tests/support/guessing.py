"""People who guess one person's password against the real limits, second by second of a clock of their own.

They are as strong as they can be: they know every wait, lose no moment, are always before the owner, and know both
names of the account. `python -m tests.support.guessing` tells a day of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from backoffice.errors import TooMany
from backoffice.services.sign_in.throttle import consume, sign_in_ways
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.throttle import RedisThrottle
from tests.support.servers import run_store

START = 1_750_000_000_000
NAMES = ("ada", "ada@example.org")
ATTACKERS: dict[str, Callable[[int], str]] = {
    "one address": lambda n: "198.51.100.1",
    "a /48": lambda n: f"2001:db8:1:{n % 65_536:x}::1",
    "10,000 networks": lambda n: f"10.{n % 10_000 // 100}.{n % 100}.1",
}


@dataclass(slots=True)
class Attack:
    """`fresh`: networks that have not guessed yet; `pace`: how many of them begin in a second at most."""

    db: Db
    fresh: deque[str]
    pace: int
    guesses: int = 0
    owner: list[bool] = field(default_factory=list)
    now: int = START
    _known: deque[str] = field(default_factory=deque)
    _spent: deque[str] = field(default_factory=deque)
    _fresh_from: int = 0
    _spent_from: int = 0

    def run(self, seconds: int, owner_every: int) -> None:
        """The owner tries so often in a new browser and from a new network, each time once."""
        throttle = RedisThrottle(self.db, Keys("guessing"), lambda: self.now)
        for second in range(1, seconds + 1):
            self.now = START + second * 1000
            self._begin(throttle)
            self._go_on(throttle)
            if second % owner_every == 0:
                self.owner.append(self._owner_gets_in(throttle, len(self.owner)))

    def _begin(self, throttle: RedisThrottle) -> None:
        """First tries, up to the pace or until there are no places."""
        for _ in range(self.pace):
            if not self.fresh or self.now < self._fresh_from:
                return
            guesses, wait = self._guess(throttle, self.fresh[0])
            if guesses:
                self._known.append(self.fresh.popleft())
            else:
                self._fresh_from = self.now + wait
                self.fresh.rotate(-1)

    def _go_on(self, throttle: RedisThrottle) -> None:
        """Later tries of one network, and what comes free by time for those that have no more of them."""
        if self._known:
            _, wait = self._guess(throttle, self._known[0])
            if wait <= 2_000:
                self._known.rotate(-1)
            else:
                self._spent.append(self._known.popleft())
        if self._spent and self.now >= self._spent_from:
            self._spent_from = self.now + self._guess(throttle, self._spent[0])[1]
            self._spent.rotate(-1)

    def _guess(self, throttle: RedisThrottle, ip: str) -> tuple[int, int]:
        """As often as it may now: how often that was, and the milliseconds that it is told to wait then."""
        before, waits = self.guesses, []
        for name in NAMES:
            try:
                while True:
                    consume(throttle, sign_in_ways(name, "", ip, self.now))
                    self.guesses += 1
            except TooMany as refusal:
                waits.append(refusal.retry_after * 1000)
        return self.guesses - before, min(waits)

    def _owner_gets_in(self, throttle: RedisThrottle, number: int) -> bool:
        ip = f"172.{16 + number // 62_500}.{number // 250 % 250}.{number % 250}"
        try:
            throttle.succeed(consume(throttle, sign_in_ways("ada", "", ip, self.now)))
        except TooMany:
            return False
        return True


def attack(db: Db, who: str, *, pace: int, networks: int) -> Attack:
    """Nobody has failed before."""
    db.call("FLUSHALL")
    return Attack(db, deque(ATTACKERS[who](n) for n in range(networks)), pace)


def main() -> None:
    """A day of each."""
    with TemporaryDirectory(dir="/tmp") as folder, run_store(Path(folder)) as store, closing(store.client()) as client:
        for who, pace, networks in (
            ("one address", 1, 1),
            ("a /48", 9, 65_536),
            ("10,000 networks", 1, 10_000),
            ("10,000 networks", 9, 10_000),
            ("10,000 networks", 50, 10_000),
        ):
            day = attack(Db(client), who, pace=pace, networks=networks)
            day.run(24 * 3600, 60)
            print(f"{who}, {pace}/s: {day.guesses} guesses, owner {sum(day.owner)} of {len(day.owner)}", flush=True)


if __name__ == "__main__":
    main()
