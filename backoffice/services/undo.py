"""Undo, for everything that can be undone: one act, all that one request did, a job, somebody's leaving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEntry, Outcome
from backoffice.domain.jobs import Job
from backoffice.domain.log_archive import position
from backoffice.domain.times import parse_time
from backoffice.domain.undo import WHOLES, is_recent, opposite, undone_entry
from backoffice.errors import AlreadyUndone, NotReversible, UndoExpired
from backoffice.services.authorization import authorize
from backoffice.services.jobs import Jobs
from backoffice.services.undo_jobs import UNDO, JobActs, acts_of
from backoffice.services.undo_records import Undone, UndoRecords

PAGE: Final = 200
MOST_PAGES: Final = 5
"""Of one's own newest entries, from the same address and then from all, among which those of a request are looked
for: it was made a moment ago."""
_ENDED: Final = (("upload.cancel", "uploads"), ("file.refuse", "deliveries"))
"""Kinds of jobs of somebody's leaving, and what they end for good."""
LEAVING_MS: Final = 10 * 60 * 1000
"""Somebody is disabled at the beginning of the request at whose end the leaving is recorded."""


@dataclass(frozen=True, slots=True)
class UndoneAll:
    """What was undone at once, the jobs that undo the rest, and what stays: words for what nobody brings back."""

    done: tuple[Undone, ...] = ()
    jobs: tuple[Job, ...] = ()
    stays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undo:
    """It takes being signed in, and what each opposite act takes."""

    records: UndoRecords
    acts: JobActs
    jobs: Jobs

    def entry(self, actor: Actor, entry_id: str) -> UndoneAll:
        """Undo what an entry of the log says, whosever act it was.

        Raises NotFound, NotReversible, UndoExpired, AlreadyUndone, ChangedSince, and what the opposite acts raise.
        """
        authorize(self.records.log, actor, Acts.ACT_UNDO)
        entry = self.records.entry(entry_id)
        if entry.event.get("action") not in WHOLES or entry.event.get("outcome") == Outcome.DENIED:
            return UndoneAll((self.records.undo_entry(actor, entry),))
        if entry.event["action"] == Actions.USER_LEAVE:
            return self._leaving(actor, entry)
        return UndoneAll(jobs=(self.job(actor, entry.event["object"]["id"]),))

    def of_request(self, actor: Actor, request_id: str) -> list[AuditEntry]:
        """What the actor did in a request that was made a moment ago and can be undone, the newest first."""
        authorize(self.records.log, actor, Acts.ACT_UNDO)
        found: list[AuditEntry] = []
        if request_id and actor.ip:
            # What the worker does in somebody's name has no address, and may have been done by thousands since.
            found = self._of_request((("actor", actor.id), ("ip", actor.ip)), request_id)
        if request_id and not found:
            found = self._of_request((("actor", actor.id),), request_id)
        return _wholes(found)

    def _of_request(self, filters: Sequence[tuple[str, str]], request_id: str) -> list[AuditEntry]:
        found: list[AuditEntry] = []
        cursor = ""
        for _ in range(MOST_PAGES):
            page = self.records.log.page(filters, cursor, PAGE)
            mine = [entry for entry in page.items if entry.event.get("request_id") == request_id]
            found += [entry for entry in mine if opposite(entry) is not None or entry.event.get("action") in WHOLES]
            cursor = page.next_cursor
            if not cursor or (found and not mine):
                break
        return found

    def job(self, actor: Actor, job_id: str) -> Job:
        """The job that undoes one that is over. Raises NotFound, NotReversible, Conflict, and what starting raises."""
        self.acts.job(actor, job_id)
        return self.jobs.start(actor, UNDO, acts_of(job_id))

    # -- somebody's leaving

    def _leaving(self, actor: Actor, entry: AuditEntry) -> UndoneAll:
        """Let in again, and the files brought back by jobs. Sessions, tokens and uploads that were ended stay so."""
        event = entry.event
        user = self.records.users.get(actor, event["object"]["id"])
        if not is_recent(parse_time(event["at"]), self.records.now()):
            raise UndoExpired
        actor = replace(actor, undoes=entry.id)
        before, again = self._around(entry, user.id)
        if again:
            raise AlreadyUndone
        data = event.get("data", {})
        known = [job for job in map(self.jobs.store.get, data.get("jobs", ())) if job is not None]
        moving = [self.acts.job(actor, job.id) for job in known if job.kind not in self.acts.final]
        if before is None and not moving:
            raise NotReversible
        for job in moving:
            # Refused now rather than half way.
            authorize(self.records.log, actor, Acts.JOB_START, actor.id)
            self.jobs.plan(actor, UNDO, acts_of(job.id), None)
        done = (self.records.undo_entry(actor, before),) if before is not None else ()
        stays = tuple(word for word in ("sessions", "tokens") if data.get(word))
        ended = {job.kind for job in known}
        stays += tuple(word for kind, word in _ENDED if kind in ended)
        return UndoneAll(done, tuple(self.jobs.start(actor, UNDO, acts_of(job.id)) for job in moving), stays)

    def _around(self, leaving: AuditEntry, user_id: str) -> tuple[AuditEntry | None, bool]:
        """The entry by which the leaver was disabled, if it is a part of it; and whether the leaving is undone."""
        at = position(leaving.id)
        disabled, undone, cursor = None, False, ""
        for _ in range(MOST_PAGES):
            page = self.records.log.page((("object", f"user:{user_id}"),), cursor, PAGE, since=at[0] - LEAVING_MS)
            for entry in page.items:
                undone = undone or undone_entry(entry.event) == leaving.id
                if disabled is None and position(entry.id) < at and _is_part(entry.event, leaving.event):
                    disabled = entry
            cursor = page.next_cursor
            if not cursor:
                break
        return disabled, undone


def _is_part(event: Mapping[str, Any], leaving: Mapping[str, Any]) -> bool:
    """Whether somebody was disabled by the request that let them leave."""
    same = (event.get(part) == leaving.get(part) for part in ("actor", "request_id"))
    return event.get("action") == Actions.USER_DISABLE and event.get("outcome") == Outcome.OK and all(same)


def _wholes(entries: list[AuditEntry]) -> list[AuditEntry]:
    """Without the parts of somebody's leaving, which undoes its steps itself."""
    return [entry for entry in entries if entry.event["action"] == Actions.USER_LEAVE] or entries


def make_undo(records: UndoRecords, jobs: Jobs) -> Undo:
    """With the kind of job that undoes others in the table of kinds."""
    acts = JobActs(jobs.store, records, frozenset(kind.name for kind in jobs.bulk.kinds.values() if kind.final))
    jobs.bulk.include(acts.kind())
    return Undo(records, acts, jobs)
