"""Strikes at a step of an act: when the store has carried out the n-th command since it began."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

_CLIENTS = re.compile(rb"^\+[0-9.]+ \[\d+ (?!lua)")
"""A line of MONITOR about a command that a client sent; those that scripts give say `lua`."""


class Steps:
    """Counts the commands of a store as it carries them out. One thread; `close` ends it."""

    def __init__(self, socket_path: str, password: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(socket_path)
        self._socket.sendall(f"AUTH {password}\r\nMONITOR\r\n".encode())
        self._lock = threading.Lock()
        self._left, self._strike, self._pause = 0, None, 0.0
        self.counted = 0
        self.struck_at = 0.0
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def arm(self, after: int, strike: Callable[[], object] | None, pause: float = 0.0) -> None:
        """`strike` comes once, `pause` seconds after the command of that number. 0: count only."""
        with self._lock:
            self.counted, self._left, self._strike, self._pause = 0, after, strike, pause
            self.struck_at = 0.0

    def _follow(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                if _CLIENTS.match(line):
                    self._count()

    def _count(self) -> None:
        with self._lock:
            self.counted += 1
            strike = self._strike if self.counted == self._left else None
        if strike is not None:
            time.sleep(self._pause)
            self.struck_at = time.monotonic()
            with contextlib.suppress(OSError, AssertionError):  # whom it is for has just gone
                strike()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def steps_of(socket_path: str | Path, password: str) -> Steps:
    return Steps(str(socket_path), password)
