"""The worker's loop. Every job can be interrupted at any point and run by several workers at once: what a job does
is decided by a commit, and a job that comes second finds nothing left to do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from backoffice.domain.audit import AuditEntry
from backoffice.errors import BackofficeError, StoreFull, Unavailable
from backoffice.services.container import Services

WAIT_MS = 1_000
"""How long the worker listens to the log before it looks at the clock; also how fast it stops."""
BACK_OFF_SECONDS = 2.0


class Heartbeat(Protocol):
    """Tells everybody that this worker lives."""

    def beat(self, host: str, seconds: int) -> None: ...


class Listen(Protocol):
    """The log, read as it grows."""

    def wait(self, after: str, milliseconds: int) -> list[AuditEntry]: ...


@dataclass(slots=True)
class Job:
    """Something to do every `seconds`, and at once after one of `actions`."""

    name: str
    seconds: float
    run: Callable[[], int]
    actions: frozenset[str] = frozenset()
    due: float = 0.0


@dataclass(slots=True)
class Worker:
    """Runs its jobs until `stop` is set."""

    services: Services
    log: Listen
    heart: Heartbeat
    host: str = field(default_factory=socket.gethostname)
    stop: threading.Event = field(default_factory=threading.Event)
    _damaged: set[str] = field(default_factory=set)

    def jobs(self) -> list[Job]:
        """What is to be done, and when."""
        files, uploads = self.services.files, self.services.uploads
        return [
            Job("beat", 10, self._beat),
            Job("digest", 5, lambda: files.digest_pending(self._damaged), frozenset({"file.create", "file.restore"})),
            Job("expire", 15, uploads.expire_due),
            Job("collect uploads", 30, uploads.collect),
            Job("purge", 30, files.purge_due),
            Job("collect files", 30, files.collect),
            Job("sweep sessions", 300, self.services.sessions.sweep),
            Job("forget damage", 3600, self._forget_damage),
        ]

    def _beat(self) -> int:
        self.heart.beat(self.host, 30)
        return 0

    def _forget_damage(self) -> int:
        """Damaged files are looked at again now and then: a restored backup may have mended them."""
        self._damaged.clear()
        return 0

    def run(self) -> None:
        """Until `stop` is set. While the store is away it waits, and goes on when it is back."""
        jobs, seen = self.jobs(), "$"
        while not self.stop.is_set():
            for job in jobs:
                if time.monotonic() >= job.due and not self.stop.is_set():
                    self._attempt(job)
            try:
                entries = self.log.wait(seen, WAIT_MS)
            except BackofficeError as error:
                _tell("listen", error)
                self.stop.wait(BACK_OFF_SECONDS)
                continue
            seen = entries[-1].id if entries else seen
            acts = {str(entry.event.get("action")) for entry in entries}
            for job in jobs:
                if job.actions & acts:
                    job.due = 0

    def _attempt(self, job: Job) -> None:
        """One that fails must not keep the others from their work: in a full store, some of them make room."""
        try:
            done = job.run()
        except BackofficeError as error:
            _tell(job.name, error)
            job.due = time.monotonic() + BACK_OFF_SECONDS
        else:
            # A full batch means that there is more.
            job.due = time.monotonic() + (0 if done >= 100 else job.seconds)


def _tell(job: str, error: BackofficeError) -> None:
    log = structlog.get_logger("worker")
    if isinstance(error, Unavailable | StoreFull):
        log.warning("store", job=job, because=error.code)
    else:
        log.error("job failed", job=job, exc_info=error)
