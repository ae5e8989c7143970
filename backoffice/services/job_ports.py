"""What the service of jobs needs of their store. As in `ports`: a store matches by shape."""

from __future__ import annotations

from typing import Protocol

from backoffice.domain.audit import AuditEvent
from backoffice.domain.jobs import Job
from backoffice.services.ports import RecordStore


class JobStore(RecordStore[Job], Protocol):
    """Jobs. Facets: `state`, `kind`, `actor`. Order: `created`. `insert` raises TooMany. While one is carried out each
    commit of it (`Actor.job`) has an effect for the worker alone that took it last, else raises LeaseLost."""

    def open(self, limit: int) -> list[Job]:
        """Those that are not over, the oldest first."""

    def ended(self, before: int, limit: int) -> list[Job]:
        """Those that ended before then (ms)."""

    def take(self, job_id: str, token: str, milliseconds: int) -> Job | None:
        """Be the one who carries it out, for so long, or go on being so; the job as it is then. None: another does, or
        it is over."""

    def begun(self, job_id: str) -> frozenset[str]:
        """Records that were done since the last `save`."""

    def save(self, job: Job, token: str, keep: int = 0) -> None:
        """Note how far it is, and let others carry it out, or nobody else for `keep` ms more. Raises LeaseLost."""

    def end(self, old: Job, new: Job, token: str, event: AuditEvent) -> None:
        """It is over. Raises LeaseLost, and VersionMismatch: somebody has just stopped it."""
