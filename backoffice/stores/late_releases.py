"""Leases that could not be given back, for the store did not answer: they are as soon as it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from backoffice.errors import BackofficeError, NotFound
from backoffice.logs import logger

AGAIN_SECONDS: Final = 0.5
LONGEST_SECONDS: Final = 60.0
"""Later than that no lease of the time before is left (`completion.LEASE_SECONDS`)."""
TIMES: Final = 2
"""What was under way when the store hung, the taking of the lease too, may reach it just after the first."""
_log: Final = logger("backoffice.stores")


class LateReleases:
    """Whoever held a lease has ended for good, and its request with it: its thread has no time left to ask the store
    again. So one thread does for all of them, as long as there are any. A process that dies leaves them to expire."""

    def __init__(self, release: Callable[[str, str], None]) -> None:
        """`release`: of an upload by its identifier, with the token of the lease. Raises NotFound, Unavailable."""
        self._release = release
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str], int] = {}
        self._until, self._thread = 0.0, False

    def add(self, upload_id: str, token: str) -> None:
        with self._lock:
            self._left[upload_id, token] = TIMES
            self._until = time.monotonic() + LONGEST_SECONDS
            if not self._thread:
                self._thread = True
                threading.Thread(target=self._run, name="late-releases", daemon=True).start()

    def _run(self) -> None:
        while waiting := self._waiting():
            time.sleep(AGAIN_SECONDS)
            self._attempt(waiting)

    def _waiting(self) -> list[tuple[str, str]]:
        """None: then the thread ends, and the next one to come starts another."""
        with self._lock:
            if time.monotonic() > self._until:
                self._left.clear()
            self._thread = bool(self._left)
            return list(self._left)

    def _attempt(self, waiting: Sequence[tuple[str, str]]) -> None:
        for one in waiting:
            try:
                with suppress(NotFound):
                    self._release(*one)
            except BackofficeError:
                return  # the others would fare no better
            except Exception as error:  # noqa: BLE001 - those that come later would have no thread any more
                _log.error("a lease cannot be given back", upload=one[0], exc_info=error)
                with self._lock:
                    self._left[one] = 1  # it expires
            with self._lock:
                self._left[one] -= 1
                if not self._left[one]:
                    del self._left[one]
