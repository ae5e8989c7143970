"""Jobs in the store."""

from __future__ import annotations

from typing import Final

from backoffice.domain.audit import AuditEvent
from backoffice.domain.jobs import Job
from backoffice.domain.limits import MAX_JOBS, MAX_OPEN_JOBS
from backoffice.domain.paging import Query
from backoffice.errors import LeaseLost, TooMany
from backoffice.stores.records.commit import Commit
from backoffice.stores.records.indexes import Facet, Sorted
from backoffice.stores.records.store import RedisRecords

PROGRESS: Final = ("total", "exact", "done", "refused", "absent", "reasons", "cursor", "position", "report")
"""What a worker notes after each step. None of it is in an index."""


class RedisJobs(RedisRecords[Job]):
    """Port `JobStore`. `busy` are those of a person that are not over."""

    noun, record = "jobs", Job
    indexes = (
        Sorted("created", lambda job: job.created_at),
        Sorted("open", lambda job: None if job.over else job.created_at),
        Sorted("ended", lambda job: job.ended_at or None),
        Facet("state", lambda job: (job.state.value,), lambda job: job.created_at, "created", listed=True),
        Facet("kind", lambda job: (job.kind,), lambda job: job.created_at, "created", listed=True),
        Facet("actor", lambda job: (job.actor,), lambda job: job.created_at, "created"),
        Facet("busy", lambda job: () if job.over else (job.actor,), lambda job: job.created_at, "created"),
    )

    def insert(self, record: Job, event: AuditEvent) -> None:
        """Keep a new one. Raises TooMany: of open ones, or of those started today."""
        commit = self._commit(event)
        busy = self._keys.index(self.noun, "busy", record.actor)
        many = TooMany(f"At most {MAX_OPEN_JOBS} jobs can be open at a time.", limit=MAX_OPEN_JOBS, retry_after=60)
        commit.check("fewer", busy, MAX_OPEN_JOBS, error=many)
        commit.charge("jobs", event, MAX_JOBS)
        self.collection.insert(commit, record)
        commit.run(self._db, when_full=True)

    def open(self, limit: int) -> list[Job]:
        """Those that are not over, the oldest first."""
        return list(self.page(Query(sort="open", limit=limit)).items)

    def ended(self, before: int, limit: int) -> list[Job]:
        """Those that ended before then."""
        return list(self.page(Query(sort="ended", ranges=(("ended", None, before),), limit=limit)).items)

    def take(self, job_id: str, token: str, milliseconds: int) -> Job | None:
        """Be the one who carries it out, for so long, or go on being so; the job as it is then. None: another does, or
        it is over."""
        keys = [self._keys.record(self.noun, job_id), self._keys.job_step(job_id)]
        if self._db.script("job", keys, ["take", token, milliseconds], allow_oom=True) != b"ok":
            return None
        return self.get(job_id)

    def begun(self, job_id: str) -> frozenset[str]:
        """Records that were done in a step that was cut off before it could be saved."""
        return frozenset(one.decode() for one in self._db.call("HKEYS", self._keys.job_step(job_id)))

    def save(self, job: Job, token: str, keep: int = 0) -> None:
        """Note how far it is, and let others carry it out, or nobody else for `keep` ms more. Raises LeaseLost."""
        keys = [self._keys.record(self.noun, job.id), self._keys.job_step(job.id)]
        fields = [part for name in PROGRESS for part in (name, self.collection.codec.text(job, name) or "")]
        if self._db.script("job", keys, ["save", token, keep, *fields], allow_oom=True) != b"ok":
            raise LeaseLost

    def end(self, old: Job, new: Job, token: str, event: AuditEvent) -> None:
        """It is over. Raises LeaseLost, and VersionMismatch: somebody has just stopped it."""
        commit = self._commit(event)
        commit.check("equal", self._keys.record(self.noun, old.id), "lease", token, error=LeaseLost())
        self.collection.replace(commit, old, new)
        commit.write("DEL", self._keys.job_step(old.id))
        commit.run(self._db, when_full=True)

    def _removing(self, commit: Commit, old: Job) -> None:
        commit.write("DEL", self._keys.job_step(old.id))
