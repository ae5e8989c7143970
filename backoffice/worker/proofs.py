"""The worker's proofs of backups: now and then the newest one is restored on trial, by a process of its own, because
that takes long, and memory of which a worker has none to spare."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import structlog

from backoffice.domain.ids import new_id
from backoffice.domain.times import now_ms
from backoffice.errors import BackofficeError
from backoffice.services.backup_schedule import BackupSchedule

AGAIN_MS: Final = 6 * 3600 * 1000
"""After a proof that failed."""
NICENESS: Final = "10"
TOLD: Final = 2000
PATIENCE: Final = 20
"""Seconds that a proof has to take its files away when the worker ends; the next one does what it has left."""


def proving(file: Path) -> Sequence[str]:
    """The command, which yields to whoever serves people."""
    return ("nice", "-n", NICENESS, sys.executable, "-m", "backoffice", "backup", "prove", "--by-worker", str(file))


@dataclass(slots=True)
class Proofs:
    """One at a time."""

    schedule: BackupSchedule
    command: Callable[[Path], Sequence[str]] = proving
    now: Callable[[], int] = now_ms
    _process: subprocess.Popen[bytes] | None = None
    _output: IO[bytes] | None = None
    _file: Path = field(default_factory=Path)
    _not_before: int = 0
    _token: str = field(default_factory=new_id)

    def run(self) -> bool:
        """Look whether it has ended, or begin one that is due. There is never more to do at once."""
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                self.schedule.may_prove(self._token)
            else:
                self._ended(status)
        elif self.now() >= self._not_before:
            due = self.schedule.to_be_proven()
            if due is not None and self.schedule.may_prove(self._token):
                self._begin(due)
        return False

    def stop(self) -> None:
        """End it; the next worker begins anew."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._told()
        with suppress(BackofficeError):  # it ends by itself
            self.schedule.proves_no_more(self._token)

    def _begin(self, file: Path) -> None:
        self._file = file
        try:
            self._output = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
            self._process = subprocess.Popen(  # noqa: S603 - our own program, without a shell
                list(self.command(file)), stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT
            )
        except OSError as error:  # nowhere to write to, no process any more, no `nice`
            self._told()
            self._failed(f"{error.filename or self.schedule.directory}: {error.strerror}")

    def _told(self) -> str:
        """The last line of what the process that has ended has said; "" where there was none."""
        self._process, output, self._output = None, self._output, None
        if output is None:
            return ""
        with output:
            size = output.seek(0, os.SEEK_END)
            output.seek(max(0, size - TOLD))
            return output.read().decode(errors="replace").strip().rpartition("\n")[2]

    def _ended(self, status: int) -> None:
        last = self._told()
        if status:
            self._failed(last)
            return
        structlog.get_logger("worker").info("backup proven", file=self._file.name)
        self.schedule.proves_no_more(self._token)

    def _failed(self, because: str) -> None:
        self._not_before = self.now() + AGAIN_MS
        structlog.get_logger("worker").error("backup not proven", file=self._file.name, because=because)
        self.schedule.proves_no_more(self._token)
        self.schedule.note_failure(f"{self._file.name} could not be restored on trial: {because}")
