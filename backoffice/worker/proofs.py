"""The worker's proofs of backups: now and then the newest one is restored on trial, by a process of its own, because
that takes long, and memory of which a worker has none to spare."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import structlog

from backoffice.domain.times import now_ms
from backoffice.services.backup_schedule import BackupSchedule

AGAIN_MS: Final = 6 * 3600 * 1000
"""After a proof that failed."""
NICENESS: Final = "10"
TOLD: Final = 2000


def proving(file: Path) -> Sequence[str]:
    """The command, which yields to whoever serves people."""
    return ("nice", "-n", NICENESS, sys.executable, "-m", "backoffice", "backup", "prove", str(file))


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

    def run(self) -> bool:
        """Look whether it has ended, or begin one that is due. There is never more to do at once."""
        if self._process is not None:
            status = self._process.poll()
            if status is not None:
                self._ended(status)
        elif self.now() >= self._not_before and (due := self.schedule.to_be_proven()) is not None:
            self._begin(due)
        return False

    def stop(self) -> None:
        """End it; the next worker begins anew."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._told()

    def _begin(self, file: Path) -> None:
        self._output, self._file = tempfile.TemporaryFile(), file  # noqa: SIM115 - read when the process has ended
        self._process = subprocess.Popen(  # noqa: S603 - our own program, without a shell
            list(self.command(file)), stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT
        )

    def _told(self) -> str:
        """The last line of what the process that has ended has said."""
        self._process, output, self._output = None, self._output, None
        if output is None:
            return ""
        with output:
            output.seek(0)
            return output.read(TOLD).decode(errors="replace").strip().rpartition("\n")[2]

    def _ended(self, status: int) -> None:
        last = self._told()
        log = structlog.get_logger("worker")
        if not status:
            log.info("backup proven", file=self._file.name)
            return
        self._not_before = self.now() + AGAIN_MS
        log.error("backup not proven", file=self._file.name, because=last)
        self.schedule.note_failure(f"{self._file.name} could not be restored on trial: {last}")
