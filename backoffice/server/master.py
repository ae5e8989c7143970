"""The web server's first process, and how another one takes its place without an end to anything.

On SIGHUP the new code and settings are tried in a process of their own; where that fails, all goes on as it was. Then
this process becomes the new program (`exec`): its number, its listening socket and its children stay. The new one
starts workers, and when they are ready tells those of before to retire: they accept nobody any more, answer whoever is
connected, and end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from gunicorn.arbiter import Arbiter

from backoffice.logs import logger
from backoffice.server.main_loop import RETIRE, RETIRE_SECONDS
from backoffice.web.counted_files import bring_together

CHECK_SECONDS: Final = 60.0

_log = logger("backoffice.serve")


@dataclass(frozen=True, slots=True)
class Succession:
    """How the next program is started. `check`: the command that tries whether it would run. `command`: the one that
    becomes this process, of the listening socket and of the workers that are left to it. `predecessors`: those that
    were left to this one."""

    check: Sequence[str]
    command: Callable[[int, Sequence[int]], Sequence[str]]
    predecessors: tuple[int, ...] = ()


class Master(Arbiter):  # type: ignore[misc] # gunicorn is not typed
    """gunicorn's, with another SIGHUP: its own starts new workers of the code that is loaded already."""

    def __init__(self, app: Any, succession: Succession | None) -> None:
        self._succession = succession
        self._predecessors = list(succession.predecessors) if succession else []
        self._told: float | None = None
        self._asked = False
        # Each worker writes a byte when it is ready.
        self._ready, self.tell_ready = os.pipe()
        os.set_blocking(self._ready, False)
        self._counted = 0
        self.some_ended = True
        """Whether files of numbers may be there of processes that have ended: of the trial of this program, too."""
        super().__init__(app)

    def handle_hup(self) -> None:
        """Called in the main loop. While workers are still starting it waits for them."""
        self._asked = self._succession is not None

    def murder_workers(self) -> None:
        """Called in each turn of the main loop, once a second at least."""
        super().murder_workers()
        self._retire_predecessors()
        counts = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if self.some_ended and counts:
            self.some_ended = not bring_together(counts, _lives)
        if self._asked and self._all_ready:
            self._asked = False
            self._give_way()

    @property
    def _all_ready(self) -> bool:
        with suppress(BlockingIOError):
            self._counted += len(os.read(self._ready, 4096))
        return self._counted >= int(self.num_workers)

    def _retire_predecessors(self) -> None:
        if not self._predecessors:
            return
        now = time.monotonic()
        if self._told is None and self._all_ready:
            self._told = now
            self._signal_predecessors(RETIRE)
            _log.info("restarted", retiring=len(self._predecessors))
        elif self._told is not None and now - self._told > RETIRE_SECONDS + self.cfg.graceful_timeout:
            self._signal_predecessors(signal.SIGKILL)
        self.reap_workers()  # who ended before this process looked after its children
        for pid in [pid for pid in self._predecessors if not _lives(pid)]:
            self._predecessors.remove(pid)
            self.some_ended = True

    def _signal_predecessors(self, number: signal.Signals) -> None:
        for pid in self._predecessors:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _give_way(self) -> None:
        """Returns where the new program would not run."""
        succession = self._succession
        if succession is None:
            return
        try:
            done = subprocess.run(  # noqa: S603 -- this very program
                succession.check, stdin=subprocess.DEVNULL, timeout=CHECK_SECONDS, check=False
            )
            refused = "" if done.returncode == 0 else f"it ended with status {done.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            refused = str(error)
        if refused:
            _log.error("not restarted: the new program would not run; this one goes on", because=refused)
            return
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the new program waits for it: else it would be its end
        command = succession.command(self.LISTENERS[0].fileno(), [*self._predecessors, *self.WORKERS])
        os.execv(sys.executable, list(command))  # noqa: S606 -- this very program

    def stop(self, graceful: bool = True) -> None:
        """Predecessors have as long as the others."""
        until = time.monotonic() + self.cfg.graceful_timeout
        self._signal_predecessors(signal.SIGTERM if graceful else signal.SIGQUIT)
        super().stop(graceful)
        while any(map(_lives, self._predecessors)) and graceful and time.monotonic() < until:
            self.reap_workers()
            time.sleep(0.1)
        self._signal_predecessors(signal.SIGKILL)


def _lives(pid: int) -> bool:
    """Whether it is a process of ours: the number of one that has ended may be somebody else's by now."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
