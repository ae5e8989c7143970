"""What the worker does about jobs: step by step, each record by the same method as a person's act.

A step begins by reading the account of who started the job, as it is now: whoever was disabled or has lost a right acts
no more, and nobody gets more than they held at the start. A worker that is killed leaves a step half done; which of its
records are done, each record's own commit has noted, so none is left out or counted twice. Each commit also checks that
this worker still has the job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from backoffice.domain.access import Actor, JobMark
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef, Outcome
from backoffice.domain.ids import new_id
from backoffice.domain.jobs import Job, JobState
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.times import now_ms
from backoffice.domain.versions import Version
from backoffice.errors import (
    BackofficeError,
    KeyMissing,
    LeaseLost,
    NotAllowed,
    NotFound,
    NotSignedIn,
    StoreFull,
    Unavailable,
    VersionMismatch,
)
from backoffice.services.authorization import deny, grants_of
from backoffice.services.bulk import Bulk, BulkKind
from backoffice.services.checks import CheckKind, Checks, Progress
from backoffice.services.ground import CredentialGround
from backoffice.services.job_ports import JobStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore

STEP: Final = 100
"""Records of a step: well below a second, so that other work and other jobs get their turn. A step that was cut off is
gone through again by one of the same length, or what it did is counted twice."""
LEASE_MS: Final = 30_000
"""After so long a worker that has said nothing is taken for dead."""
AT_ONCE: Final = 50
"""Jobs that are looked at in a turn."""
ATTEMPTS: Final = 5
CHECK_SECONDS: Final = 0.5
"""Of a check in a turn, for the same reason."""
CHECK_LEASE_MS: Final = 120_000
"""A check stands in the memory of the worker that began it; where that one dies another begins anew."""
UNEXPECTED: Final = "Something went wrong on our side. The log of the worker says more."


@dataclass(slots=True)
class _Running:
    """A check that this worker has begun."""

    token: str
    steps: Iterator[Progress]


@dataclass(slots=True)
class _Step:
    """What came of the records of a step. `begun`: those that were done before it was cut off."""

    begun: frozenset[str]
    seen: set[str] = field(default_factory=set)
    done: int = 0
    absent: int = 0
    refusals: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None
    """One that nobody expected, such as of a record that cannot be read."""

    def add(self, job: Job) -> Job:
        """The job after this step."""
        done = job.done + self.done + len(self.begun - self.seen)
        return replace(job, done=done, absent=job.absent + self.absent).with_refusals(self.refusals)


@dataclass(frozen=True, slots=True)
class JobRunner:
    """One turn of a worker; any number may run."""

    store: JobStore
    accounts: AccountStore
    bulk: Bulk
    audit: AuditLog
    now: Callable[[], int] = now_ms
    lease_ms: int = LEASE_MS
    step: int = STEP
    checks: Checks = field(default_factory=Checks)
    running: dict[str, _Running] = field(default_factory=dict)

    def run_some(self) -> bool:
        """A step of each job that nobody else carries out; whether there is more to do at once. What goes wrong with
        one is in no other's way: it is raised in the end."""
        more, failures = False, list[Exception]()
        jobs = self.store.open(AT_ONCE)
        for ended in self.running.keys() - {job.id for job in jobs}:  # by another, while this worker was away
            del self.running[ended]
        for job in jobs:
            begun, check = self.running.get(job.id), job.kind in self.checks.kinds
            token = begun.token if begun is not None else new_id()
            taken = self.store.take(job.id, token, CHECK_LEASE_MS if check else self.lease_ms)
            if taken is None:
                self.running.pop(job.id, None)
                continue
            try:
                more = self._run(taken, token, failures) or more
            except LeaseLost:
                continue  # this worker was away for so long that another went on
            except BackofficeError as error:
                if isinstance(error, Unavailable) and not isinstance(error, KeyMissing):
                    raise  # of the store, for all
                failures.append(error)
        if failures:
            raise failures[0]
        return more

    def _run(self, job: Job, token: str, failures: list[Exception]) -> bool:
        """One step; whether another follows. `failures`: gets what nobody expected."""
        try:
            actor = self._actor(job, token)
            kind = self.checks.kinds.get(job.kind) or self.bulk.kind(job.kind)
            self._check(actor, kind.needed(job), job)
            if job.state is JobState.STOPPING:
                self.running.pop(job.id, None)
                self._end(job, actor, token, JobState.STOPPED)
                return False
            if isinstance(kind, CheckKind):
                return self._check_on(job, token, actor, kind)
            return self._step(job, token, actor, kind, failures)
        except (NotSignedIn, NotAllowed, NotFound) as refusal:  # NotFound: what it is about as a whole
            self._fail(job, token, str(refusal))
        except BackofficeError:
            raise
        except Exception as error:  # noqa: BLE001 - raised in the end; the next worker would find the same
            failures.append(error)
            self._fail(job, token, UNEXPECTED)
        return False

    def _check_on(self, job: Job, token: str, actor: Actor, kind: CheckKind) -> bool:
        """A check for a while; whether it goes on. What ends it in the middle ends it for this worker: it is begun
        anew."""
        begun = self.running.pop(job.id, None) or _Running(token, kind.steps(actor))
        until, latest = time.monotonic() + CHECK_SECONDS, None
        while (step := next(begun.steps, None)) is not None:
            latest = step
            if time.monotonic() >= until:
                break
        more, after = step is not None, job
        if latest is not None:
            after = replace(job, done=latest.done, total=latest.total, report=latest.report.dump())
        if more:
            self.store.save(after, token, CHECK_LEASE_MS)
            self.running[job.id] = begun
        else:
            self._end(after, actor, token, JobState.DONE, before=job)
        return more

    def _step(self, job: Job, token: str, actor: Actor, kind: BulkKind, failures: list[Exception]) -> bool:
        keys, cursor, position, more = self._next(job, actor, kind)
        step = _Step(self.store.begun(job.id))
        for key in keys:
            self._act(step, actor, kind, key, job)
        after = step.add(replace(job, cursor=cursor, position=position))
        after = replace(after, total=max(after.total, after.handled))
        if more:
            self.store.save(after, token)
        else:
            self._end(after, actor, token, JobState.DONE, before=job)
        failures += [step.failure] if step.failure is not None else []
        return more

    def _next(self, job: Job, actor: Actor, kind: BulkKind) -> tuple[Sequence[str], str, int, bool]:
        """Identifiers of the next records, where it stands after them, and whether there are more."""
        if job.ids:
            stop = job.position + self.step
            return job.ids[job.position : stop], "", min(stop, len(job.ids)), stop < len(job.ids)
        query, over = job.selection.query, kind.over
        if query is None:
            raise TypeError("a job names records or a question")
        asked = replace(query, sort=over.sort, descending=over.descending, limit=self.step, cursor=job.cursor)
        page = over.page(actor, asked)
        meant = [record.id for record in page.items if over.since(record) <= job.created_at]
        return meant, page.next_cursor, job.position + len(meant), bool(page.next_cursor)

    def _act(self, step: _Step, actor: Actor, kind: BulkKind, key: str, job: Job) -> None:
        step.seen.add(key)
        if actor.job is not None:
            actor = replace(actor, job=replace(actor.job, record=key))
        try:
            kind.run(actor, key, job.arguments)
        except (LeaseLost, NotSignedIn, Unavailable, StoreFull):
            raise
        except NotFound:
            step.done += key in step.begun
            step.absent += key not in step.begun
        except BackofficeError as error:
            step.refusals.append((key, str(error)))
        except Exception as error:  # noqa: BLE001 - raised when the step is done
            step.refusals.append((key, UNEXPECTED))
            step.failure = step.failure or error
        else:
            step.done += 1

    # -- in whose name

    def _actor(self, job: Job, token: str) -> Actor:
        """Who started it, as they are now, within what they held then. Raises NotSignedIn."""
        actor, versions = self._read(job, token)
        ground = CredentialGround(versions, lambda: self._read(job, token), lambda _: True)
        return replace(actor, ground=ground)

    def _read(self, job: Job, token: str) -> tuple[Actor, Sequence[Version]]:
        user, roles, versions = self.accounts.load_with_versions(job.actor)
        if user is None or not user.active:
            raise NotSignedIn(f"{job.actor_name}, who started it, is not active any more.")
        held = set(job.held)
        actor = Actor(
            user.id,
            user.username,
            roles=grants_of(user, roles),
            scopes=frozenset(one for one in all_permissions() if one in held),
            via="job",
            credential=job.credential,
            auth_at=self.now() if job.fresh else 0,
            job=JobMark(job.id, token),
        )
        return actor, versions

    def _check(self, actor: Actor, needed: Permission | None, job: Job) -> None:
        """Once for all records: a job whose starter has lost the right is over, and not refused for each of them."""
        if needed is not None and needed not in actor.permissions:
            because, nobody = f"{actor.name} does not hold {needed} any more", replace(actor, ground=None, job=None)
            deny(self.audit, nobody, needed, ObjectRef("job", job.id, job.title), because, NotAllowed(f"{because}."))

    # -- its end

    def _fail(self, job: Job, token: str, because: str) -> None:
        self.running.pop(job.id, None)
        nobody = Actor(job.actor, job.actor_name, via="job", credential=job.credential)
        self._end(job, nobody, token, JobState.FAILED, because)

    def _end(
        self, job: Job, actor: Actor, token: str, state: JobState, failure: str = "", *, before: Job | None = None
    ) -> None:
        """`job` as it is after its last step, `before` as it was taken."""
        old, now = before or job, self.now()
        actor = replace(actor, ground=None, job=None)
        for attempt in range(ATTEMPTS):
            new = replace(
                job, state=state, ended_at=now, updated_at=now, failure=failure, lease_until=0, version=old.version + 1
            )
            try:
                self.store.end(old, new, token, self._ended(actor, new))
            except VersionMismatch:
                latest = self.store.get(job.id)
                if latest is None or latest.over or attempt == ATTEMPTS - 1:
                    raise
                old = latest
            else:
                return

    def _ended(self, actor: Actor, job: Job) -> AuditEvent:
        counts = {"done": job.done, "refused": job.refused, "absent": job.absent, "of": job.total}
        data: dict[str, Any] = {"state": str(job.state), **{name: count for name, count in counts.items() if count}}
        if job.refused:
            data["reasons"] = {reason.text[:100]: reason.count for reason in job.why_refused[:5]}
        data |= job.found.counts
        if job.failure:
            data["because"] = job.failure
        outcome = Outcome.ERROR if job.state is JobState.FAILED else Outcome.OK
        return AuditEvent(
            Actions.JOB_END, actor, ObjectRef("job", job.id, job.title), outcome, data=data, at=self.now()
        )
