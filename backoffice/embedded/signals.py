"""Signals as something to wait for: no work is done inside a handler."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType
from typing import Final

STOP: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


class Signals:
    """Catches SIGCHLD and the signals that mean "stop" while it is open. `stops` counts the latter."""

    def __init__(self) -> None:
        self.stops = 0
        self._wake, self._end = socket.socketpair()
        for end in (self._wake, self._end):
            end.setblocking(False)
        self._before = {number: signal.signal(number, self._note) for number in (*STOP, signal.SIGCHLD)}
        self._fd_before = signal.set_wakeup_fd(self._end.fileno(), warn_on_full_buffer=False)

    def wait(self, seconds: float) -> bool:
        """Sleep until a signal comes or the time is over. True when told to stop, now or earlier."""
        if select.select([self._wake], [], [], max(seconds, 0.0))[0]:
            self._wake.recv(4096)
        return self.stops > 0

    def close(self) -> None:
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._wake.close()
        self._end.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in STOP:
            self.stops += 1
