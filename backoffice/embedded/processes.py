"""One program kept running: started so that it cannot outlive us, restarted with back-off, stopped with patience."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 60.0
STEADY_AFTER: Final = 60.0  # having run this long, a program is tried again at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. `patience`: seconds between asking it to stop and making it."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    patience: float
    keep: tuple[int, ...] = ()  # file descriptors it inherits
    niceness: int = 0


@dataclass(slots=True)
class Child:
    """A program and the process that runs it now, if any."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float | None = None  # when to start it again, on the monotonic clock
    extra: tuple[str, ...] = field(default=())

    @property
    def running(self) -> bool:
        return self.process is not None

    def start(self, extra: Sequence[str] = (), keep: Sequence[int] = ()) -> None:
        """Run the program; `extra` arguments and descriptors are for this run only."""
        self.due = None
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*self.program.command, *extra],
            env=dict(self.program.environ),
            stdin=subprocess.DEVNULL,
            pass_fds=(*self.program.keep, *keep),
            # A session of its own: Ctrl-C reaches us alone, and we stop the programs in order.
            start_new_session=True,
            umask=0o077,
            preexec_fn=_before_exec(os.getpid(), self.program.niceness),  # noqa: PLW1509 -- this process has one thread
        )

    def reap(self) -> int | None:
        """The exit status, once, when the process has ended; a start is then due, later after each failure in a row."""
        if self.process is None or self.process.poll() is None:
            return None
        status = self.process.returncode
        self._kill_group()  # what it left behind, e.g. web workers without their master
        self.process = None
        steady = time.monotonic() - self.started > STEADY_AFTER
        self.failures = 1 if steady else self.failures + 1
        self.due = time.monotonic() + self.delay
        return status

    @property
    def delay(self) -> float:
        return min(FIRST_DELAY * 2.0 ** (self.failures - 1), LONGEST_DELAY)

    def ask_to_restart(self) -> None:
        """To take the code and the settings of now without an end, of a program that can (SIGHUP)."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, pause: Callable[[float], bool]) -> bool:
        """Stop it: SIGTERM, wait, SIGKILL. `pause(seconds)` sleeps and says whether to be quick.

        False: it had to be killed.
        """
        self.due = None
        if self.process is None:
            return True
        self.ask_to_stop()
        end = time.monotonic() + self.program.patience
        while self.process.poll() is None and time.monotonic() < end:
            if pause(0.2):
                end = min(end, time.monotonic() + 1.0)
        gentle = self.process.poll() is not None
        self._kill_group()
        self.process.wait()
        self.process = None
        return gentle

    def _kill_group(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left, or (macOS) only zombies
                os.killpg(self.process.pid, signal.SIGKILL)


def would_run(program: Program, seconds: float) -> bool:
    """Whether it would start by the code and the settings of now; it is asked by `--check`."""
    try:
        check = subprocess.run(
            [*program.command, "--check"],
            env=dict(program.environ),
            stdin=subprocess.DEVNULL,
            pass_fds=program.keep,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return check.returncode == 0


def describe(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _before_exec(parent: int, niceness: int) -> Callable[[], None]:
    """What the child does first: on Linux, have the kernel send it SIGTERM when `parent` dies, however it dies."""

    def prepare() -> None:
        if niceness:
            os.nice(niceness)
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

    return prepare
