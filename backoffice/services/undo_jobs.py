"""Undoing a job: a job of its own that undoes the entries of that one, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEntry, ObjectRef
from backoffice.domain.ids import is_id
from backoffice.domain.jobs import JOBS, Job, Selection
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import parse_time
from backoffice.domain.undo import is_recent, opposite
from backoffice.errors import AlreadyUndone, Conflict, Invalid, NotFound, NotReversible, UndoExpired
from backoffice.services.authorization import authorize
from backoffice.services.bulk import Arguments, BulkKind
from backoffice.services.bulk_lists import BulkList
from backoffice.services.job_ports import JobStore
from backoffice.services.undo_records import UndoRecords

UNDO: Final = "undo"
"""The kind of such a job. What it is about is the question with the filter `job`."""


def acts_of(job_id: str) -> Selection:
    """All that a job did."""
    return Selection(query=Query(filters=(("job", job_id),)))


@dataclass(frozen=True, slots=True)
class JobAct:
    """Something that a job did. `created_at` in ms."""

    id: str
    title: str
    who: str
    created_at: int

    @classmethod
    def of(cls, entry: AuditEntry) -> JobAct:
        target = entry.event.get("object", {})
        title = str(target.get("name") or target.get("id", ""))
        return cls(entry.id, title, str(target.get("id", "")), parse_time(entry.event["at"]))


@dataclass(frozen=True, slots=True)
class JobActs:
    """What a job that is over did, as a list that another job walks."""

    jobs: JobStore
    records: UndoRecords
    final: frozenset[str]
    """Kinds that cannot be undone."""

    def kind(self) -> BulkKind:
        """The row of the table of kinds."""
        who = BulkList("act", self.page, self.get, lambda act: str(act.title), who=lambda act: str(act.who))
        return BulkKind(UNDO, "Undo", "undone", Acts.ACT_UNDO, who, self.run)

    def job(self, actor: Actor, job_id: str) -> Job:
        """A job that can be undone. Raises NotFound, NotReversible, UndoExpired, Conflict while it is not over."""
        job = self.jobs.get(job_id) if is_id(job_id) else None
        if job is None:
            raise NotFound
        authorize(self.records.log, actor, Acts.JOB_READ, job.actor, ObjectRef(JOBS.name, job.id, job.title))
        if job.kind in self.final:
            raise NotReversible
        if not job.over:
            raise Conflict("The job is not over yet: stop it first.")
        if not is_recent(job.created_at, self.records.now()):
            raise UndoExpired
        return job

    def page(self, actor: Actor, query: Query) -> Page[JobAct]:
        """The newest first. The number is that of the records that the job changed."""
        if len(query.filters) != 1 or query.filters[0][0] != "job" or query.search or query.ranges:
            raise Invalid("Name the job to undo: the filter `job`, and no other.", field="filter")
        job = self.job(actor, query.filters[0][1])
        found = self.records.log.page((("object", f"job:{job.id}"),), query.cursor, query.limit)
        acts = tuple(JobAct.of(entry) for entry in found.items if opposite(entry) is not None)
        return Page(acts, job.done, True, found.next_cursor)

    def get(self, _actor: Actor, _key: str) -> Any:
        """Entries are not named one by one: who sees an act sees its record."""
        raise NotFound

    def run(self, actor: Actor, key: str, _args: Arguments) -> None:
        """A worker that died may have undone it, and not said so."""
        try:
            self.records.undo(actor, key)
        except AlreadyUndone as error:
            if actor.job is None or error.job != actor.job.id:
                raise
