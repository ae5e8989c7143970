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
_LOST: Final = (
    "This restore stood still for so long that another one may have begun, or come to its end. Give it again where the"
    " store still has to be restored."
)


class Hold:
    """Of one restore."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys, self._token = db, keys, token_hex(8)
        self._over = Event()
        self._thread: Thread | None = None
        self._lasts_until = 0.0
        self.lost = False
        """Whether another restore may have had it since: then the store is that one's, or in use already."""

    def take(self) -> Iterator[None]:
        """Have it when this ends; waits as long as one that was killed may have it still. Raises Conflict where its
        holder lives, Unavailable, StoreFull."""
        until = time.monotonic() + 1.5 * LEASE_MS / 1000
        while not self._has():
            if time.monotonic() >= until:
                raise Conflict(_OTHER)
            yield
            time.sleep(_LOOK_SECONDS)
        self._thread = Thread(target=self._renew, name="restore-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises Conflict where it was lost, which takes a process that stood still."""
        if self.lost or time.monotonic() >= self._lasts_until:
            self.lost = True
            raise Conflict(_LOST)

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
            with suppress(Exception):  # whoever writes is told; this has to go on in any case
                self.check()  # before it would be had anew
                self.lost = not self._has() or self.lost

    def _has(self) -> bool:
        key, token, began = self._keys.backup_lease("restore"), self._token, time.monotonic()
        has = bool(self._db.script("backup", [key], ["lease", token, LEASE_MS], allow_oom=True))
        if has:
            self._lasts_until = began + LEASE_MS / 1000
        return has
