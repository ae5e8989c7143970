"""The worker's loop. Every job can be interrupted at any point and run by several workers at once: what a job does
is decided by a commit, and a job that comes second finds nothing left to do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from backoffice.domain.migrations import LOOK_SECONDS
from backoffice.domain.system import NOTHING_DONE
from backoffice.errors import BackofficeError, StoreFull, Unavailable
from backoffice.logs import cause_of
from backoffice.measures import timed
from backoffice.services.container import Services
from backoffice.traces import traced
from backoffice.worker.counts import WorkCounts
from backoffice.worker.proofs import Proofs

DIGEST_SECONDS = 1.0
"""How long a new file waits for its digest at most, while the worker has nothing else to do."""
STEP_SECONDS = 0.2
"""How fast the worker stops when it rests. It sleeps in steps, for a signal's handler may not set an event that its own
thread waits for."""
BACK_OFF_SECONDS = 2.0
UNEXPECTED_SECONDS = 60.0
"""Until a job is tried again after an error that nobody expected: it will hardly go away by itself."""
BEAT_SECONDS = 10.0
"""Between two heartbeats; well within the time that one lasts (`stores/heartbeat.py`)."""


class Heart(Protocol):
    """Tells everybody that this worker lives."""

    def beat(self, host: str, done: Mapping[str, int] = NOTHING_DONE) -> None: ...


@dataclass(slots=True)
class Job:
    """Something to do every `seconds`.

    `run` does one batch and says whether more is left: then the next one follows as soon as the other jobs have had
    their turn.
    """

    name: str
    seconds: float
    run: Callable[[], bool]
    due: float = 0.0


@dataclass(slots=True)
class Worker:
    """Runs its jobs until `stop` is set.

    It looks at what is due by the clock, and reads no log: being told of every event cost more, on a busy site, than
    all that it does.
    """

    services: Services
    heart: Heart
    host: str = field(default_factory=socket.gethostname)
    stop: threading.Event = field(default_factory=threading.Event)
    counts: WorkCounts = field(default_factory=WorkCounts)
    _damaged: set[str] = field(default_factory=set)
    _beaten: float = 0.0
    _looks: str = ""
    _ends: str = ""
    _proofs: Proofs | None = None

    def jobs(self) -> list[Job]:
        """What is to be done, and when."""
        files, uploads, folders = self.services.files, self.services.uploads, self.services.folders
        return [
            Job("form", LOOK_SECONDS, self._look_at_form),
            Job("beat", BEAT_SECONDS, self._beat),
            Job("index looks", 3600, self._index_looks),
            # Asked again now and then: an older backup may be put back.
            Job("migrate", 3600, self.services.migrations.work),
            Job("account ends", 60, self._note_ends),
            Job("cut log indexes", 60, self.services.maintenance.cut_log_indexes),
            Job("digest", DIGEST_SECONDS, self._digest),
            Job("expire", 15, uploads.cleanup.expire_due),
            Job("collect uploads", 30, uploads.cleanup.collect),
            Job("sweep chunks", 300, uploads.cleanup.sweep),
            Job("follow folders", 1, folders.follow),
            Job("purge folders", 30, folders.purge_due),
            Job("purge", 30, files.purge_due),
            Job("collect files", 30, files.collect),
            Job("count refusals", 15, self.services.audit.close_counted),
            Job("count downloads", 15, files.close_counted),
            Job("jobs", 1, self.services.jobs.runner.run_some),
            Job("forget jobs", 3600, self.services.jobs.forget_old),
            Job("sweep sessions", 300, self._sweep_sessions),
            Job("backup", 60, self.services.backup_schedule.run_some),
            Job("prove backups", 30, self._prove),
            Job("forget damage", 3600, self._forget_damage),
        ]

    def _look_at_form(self) -> bool:
        """A later version may change the form of the store while this one works: then it ends."""
        reason = self.services.migrations.newer()
        if reason:
            structlog.get_logger("worker").error("stopped", because=reason)
            self.stop.set()
        return False

    def _beat(self) -> bool:
        done = self.counts.since()
        self.heart.beat(self.host, done)
        self.counts.noted(done)
        self._beaten = time.monotonic()
        return False

    def _still_alive(self) -> None:
        """A heartbeat in the middle of a job that may take longer than one lasts."""
        if time.monotonic() - self._beaten >= BEAT_SECONDS:
            self._beat()

    def _digest(self) -> bool:
        return self.services.files.digest_pending(self._damaged, self._still_alive)

    def _sweep_sessions(self) -> bool:
        self.services.sessions.sweep()
        return False

    def _forget_damage(self) -> bool:
        """Damaged files are looked at again now and then: a restored backup may have mended them."""
        self._damaged.clear()
        return False

    def _index_looks(self) -> bool:
        """Again while two look alike: the one who has the look may have got another name since."""
        self._looks = self.services.maintenance.index_looks(self._looks)
        return bool(self._looks)

    def _note_ends(self) -> bool:
        """Asked again now and then: roles and the site may be given other days."""
        self._ends = self.services.users.note_ends(self._ends)
        return bool(self._ends)

    def _prove(self) -> bool:
        self._proofs = self._proofs or Proofs(self.services.backup_schedule)
        return self._proofs.run()

    def run(self) -> None:
        """Until `stop` is set. While the store is away it waits, and goes on when it is back."""
        self.counts.listen()
        jobs = self.jobs()
        try:
            while not self.stop.is_set():
                self._work(jobs)
                self.rest(min(job.due for job in jobs))
        finally:
            if self._proofs is not None:
                self._proofs.stop()

    def rest(self, until: float) -> None:
        """Nothing to do before this moment of the monotonic clock."""
        while not self.stop.is_set() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, STEP_SECONDS))

    def _work(self, jobs: Sequence[Job]) -> None:
        """All that is due, batch by batch and in turn, so that one with much to do does not keep the others waiting."""
        while due := [job for job in jobs if time.monotonic() >= job.due]:
            for job in due:
                if self.stop.is_set():
                    return
                self._attempt(job)

    def _attempt(self, job: Job) -> None:
        """One that fails must not keep the others from their work: in a full store, some of them make room."""
        try:
            with traced(f"job {job.name}"), timed("job", job.name):
                more = job.run()
        except BackofficeError as error:
            _tell(job.name, error)
            job.due = time.monotonic() + BACK_OFF_SECONDS
        except Exception as error:  # noqa: BLE001 - such as of a record that cannot be read, which would end each worker
            _tell(job.name, error)
            job.due = time.monotonic() + UNEXPECTED_SECONDS
        else:
            job.due = time.monotonic() + (0 if more else job.seconds)


def _tell(job: str, error: Exception) -> None:
    log = structlog.get_logger("worker")
    if isinstance(error, Unavailable | StoreFull):
        log.warning("store", job=job, because=error.code, cause=cause_of(error))
    else:
        log.error("job failed", job=job, exc_info=error)
