"""That one process restores into a store, and no other one: a lease, which a thread renews, for a step of a restore may
take minutes. Where its holder is killed it ends by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from secrets import token_hex
from threading import Event, Thread
from typing import Final

from backoffice.errors import BackofficeError, Conflict
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys

LEASE_MS: Final = 10_000
_LOOK_SECONDS: Final = 0.2
_OTHER: Final = "Another restore into this store is under way."


class Hold:
    """Of one restore."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys, self._token = db, keys, token_hex(8)
        self._over = Event()
        self._thread: Thread | None = None
        self.lost = False
        """Whether another restore has it by now: then the store is that one's."""

    def take(self) -> Iterator[None]:
        """Have it when this ends; waits as long as one that was killed may have it still. Raises Conflict where its
        holder lives, Unavailable, StoreFull."""
        until = time.monotonic() + 1.5 * LEASE_MS / 1000
        while not self._renewed():
            if time.monotonic() >= until:
                raise Conflict(_OTHER)
            yield
            time.sleep(_LOOK_SECONDS)
        self._thread = Thread(target=self._renew, name="restore-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises Conflict where it was lost, which takes a process that stood still, and another restore since."""
        if self.lost:
            raise Conflict(_OTHER)

    def release(self) -> None:
        """Another one may have it."""
        if self._thread is None:
            return
        self._over.set()
        self._thread.join()
        self._thread = None
        with suppress(BackofficeError):  # it ends by itself
            self._db.script("backup", [self._keys.backup_lease("restore")], ["release", self._token], allow_oom=True)

    def _renew(self) -> None:
        while not self.lost and not self._over.wait(LEASE_MS / 5000):
            with suppress(BackofficeError):  # whoever writes is told
                self.lost = not self._renewed()

    def _renewed(self) -> bool:
        key, token = self._keys.backup_lease("restore"), self._token
        return bool(self._db.script("backup", [key], ["lease", token, LEASE_MS], allow_oom=True))
