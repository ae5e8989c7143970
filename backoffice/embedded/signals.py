"""Signals as something to wait for: no work is done inside a handler."""

from __future__ import annotations

import os
import select
import signal
import socket
from types import FrameType
from typing import Final

STOP: Final = frozenset({signal.SIGINT, signal.SIGTERM})
TERMINAL: Final = "/dev/tty"


class Signals:
    """Catches SIGCHLD and the signals that mean "stop" or "restart" while it is open. `stops` counts the former,
    `restart` says whether one of the latter came.

    SIGHUP means "restart", unless it says that the terminal this was started from has gone: then nobody is there any
    more, and it means "stop".
    """

    def __init__(self) -> None:
        self.stops = 0
        self.restart = False
        self._has_terminal = _opens_terminal()
        self._wake, self._end = socket.socketpair()
        for end in (self._wake, self._end):
            end.setblocking(False)
        self._before = {number: signal.signal(number, self._note) for number in (*STOP, signal.SIGHUP, signal.SIGCHLD)}
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
        if number in STOP or (number == signal.SIGHUP and self._has_terminal and not _opens_terminal()):
            self.stops += 1
        elif number == signal.SIGHUP:
            self.restart = True


def _opens_terminal() -> bool:
    """Whether this process has a terminal, and it is there."""
    try:
        os.close(os.open(TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
