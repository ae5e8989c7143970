"""Jobs: previewed and started by people, carried out by the worker (`job_runner.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts, Whose
from backoffice.domain.audit import NO_OBJECT
from backoffice.domain.ids import new_id
from backoffice.domain.jobs import JOBS, Job, JobState, Reason, Selection, with_refusals
from backoffice.domain.limits import JOB_DAYS, MAX_JOB_IDS, MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.errors import Conflict, Invalid, NotAllowed, NotFound, VersionMismatch
from backoffice.services.authorization import FRESH_MS, authorize, deny, is_authorized
from backoffice.services.bulk import Bulk, BulkKind
from backoffice.services.bulk_lists import BulkList
from backoffice.services.checks import Checks
from backoffice.services.job_ports import JobStore
from backoffice.services.job_runner import JobRunner
from backoffice.services.ports import AccountStore
from backoffice.services.records import Records

SAMPLE: Final = 10
MAX_WEIGHED: Final = 2_000
"""Records that a preview looks at; beyond them its sums are lower bounds."""
MAX_LOOKS: Final = 10
"""Pages of a list that it asks for: a search among very many may find few on each."""
ATTEMPTS: Final = 5
DAY_MS: Final = 24 * 3600 * 1000
WORKER = system_actor("worker", "worker")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a job would be about. `count` is a lower bound unless `exact`; `bytes` (None: these have none) and `people`
    (how many they belong to) unless `weighed`. `absent`: of the records named, so many are not there. `refused`: of
    those looked at, what is known to be refused, and why; the rest may be, too, when its turn comes."""

    kind: BulkKind
    selection: Selection
    args: Mapping[str, Any]
    count: int
    exact: bool
    bytes: int | None
    people: int
    weighed: bool
    sample: tuple[tuple[str, str], ...] = field(default=())
    absent: int = 0
    refused: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Jobs(Records[Job]):
    """Who may start jobs sees their own; `jobs:read` sees everybody's. Filters: `state`, `kind`, `actor`."""

    noun = JOBS
    store: JobStore
    accounts: AccountStore
    bulk: Bulk
    checks: Checks = field(default_factory=Checks)

    @property
    def runner(self) -> JobRunner:
        """What the worker does."""
        return JobRunner(self.store, self.accounts, self.bulk, self.audit, self.now, checks=self.checks)

    # -- reading

    def page(self, actor: Actor, query: Query, *, everybody: bool | None = None) -> Page[Job]:
        """The newest first, everybody's or one's own; None: everybody's for who may see these. Raises NotAllowed,
        Invalid."""
        if everybody is None:
            own = is_authorized(self.audit, actor, Acts.JOBS_LIST)
            everybody = not own or is_authorized(self.audit, actor, Acts.JOBS_LIST_ALL)
        authorize(self.audit, actor, Acts.JOBS_LIST_ALL if everybody else Acts.JOBS_LIST)
        query = query if query.sort else replace(query, sort="created", descending=True)
        if not everybody:
            query = replace(query, filters=tuple(dict.fromkeys([*query.filters, ("actor", actor.id)])))
        return self.store.page(query)

    def get(self, actor: Actor, record_id: str, /) -> Job:
        """Raises NotFound, also where it is not for this actor."""
        job = self._existing(record_id)
        authorize(self.audit, actor, Acts.JOB_READ, job.actor, self.ref(job))
        return job

    # -- starting and stopping

    def preview(self, actor: Actor, kind: str, selection: Selection, args: Mapping[str, Any] | None = None) -> Preview:
        """What a job would do, before it is started; without `args`, whatever these will be. Raises NotAllowed,
        ReauthRequired, Invalid."""
        found, selection, cleaned = self.plan(actor, kind, selection, args)
        if selection.query is None:
            looked = list(self._there(actor, found, selection.ids))
            preview = self._weighed(actor, found, selection, cleaned, looked, Page((), len(looked)))
            return replace(preview, absent=len(selection.ids) - len(looked))
        query = replace(selection.query, limit=MAX_LIMIT)
        first = page = found.over.page(actor, query)
        looked, looks = list(page.items), 1
        while page.next_cursor and len(looked) < MAX_WEIGHED and looks < MAX_LOOKS:
            page, looks = found.over.page(actor, replace(query, cursor=page.next_cursor)), looks + 1
            looked += page.items
        if not page.next_cursor:
            first = Page((), len(looked))
        return self._weighed(actor, found, selection, cleaned, looked, replace(first, next_cursor=page.next_cursor))

    def plan(
        self, actor: Actor, name: str, selection: Selection, args: Mapping[str, Any] | None
    ) -> tuple[BulkKind, Selection, dict[str, Any]]:
        """What is asked for, in order, if the actor may do that to something at all. Raises NotAllowed, Invalid."""
        kind = self.bulk.kind(name)
        self._authorize_kind(actor, kind, selection)
        cleaned, asked = kind.clean(args) if args is not None else {}, selection.query
        if asked is not None:
            order = replace(asked, sort=kind.over.sort, descending=kind.over.descending, offset=0, cursor="")
            return kind, Selection(query=self._settled(actor, kind.over, order)), cleaned
        ids = tuple(dict.fromkeys(selection.ids))
        if not 0 < len(ids) <= MAX_JOB_IDS:
            raise Invalid(f"Name 1 to {MAX_JOB_IDS} records, or use a filter.", field="ids")
        if not all(kind.over.is_key(one) for one in ids):
            raise Invalid("This is no identifier.", field="ids")
        return kind, Selection(ids), cleaned

    def _settled(self, actor: Actor, over: BulkList, query: Query) -> Query:
        """The question with its way of searching: where the act takes the records away that have the words, those that
        have parts of them somewhere must not come next."""
        if not query.search or query.parts is not None:
            return query
        found = over.page(actor, replace(query, parts=False, limit=1))
        return replace(query, parts=not (found.items or found.total or found.next_cursor))

    def _there(self, actor: Actor, kind: BulkKind, ids: tuple[str, ...]) -> Iterator[Any]:
        for one in ids:
            try:
                yield kind.over.get(actor, one)
            except NotFound:
                continue

    def _weighed(
        self,
        actor: Actor,
        kind: BulkKind,
        selection: Selection,
        args: Mapping[str, Any],
        looked: list[Any],
        of: Page[Any],
    ) -> Preview:
        """`of`: their number, and a cursor where there are more than were looked at."""
        over = kind.over
        size = sum(map(over.size, looked)) if over.size is not None else None
        sample = tuple((str(one.id), over.title(one)) for one in looked[:SAMPLE])
        people = len({over.who(one) for one in looked})
        count = max(of.total, len(looked))
        doubt = kind.doubts(actor)
        refused = with_refusals((), ((str(one.id), why) for one in looked if (why := doubt(one))))
        return Preview(
            kind, selection, args, count, of.exact, size, people, not of.next_cursor, sample, refused=tuple(refused)
        )

    def start(self, actor: Actor, kind: str, selection: Selection, args: Mapping[str, Any] | None = None) -> Job:
        """A job of that, in the actor's name and with no more than the actor's present rights. Raises what `preview`
        raises, Invalid where there is nothing to do, TooMany."""
        self._authorize_start(actor)
        found, chosen, cleaned = self.plan(actor, kind, selection, args or {})
        page: Page[Any] = Page((), len(chosen.ids))
        if chosen.query is not None:
            page = found.over.page(actor, replace(chosen.query, limit=1))
        if not page.total and not page.next_cursor:
            raise Invalid("There is nothing that this would be done to.", field="ids")
        noun = found.over.noun
        many = f"{page.total:,} {noun}{'' if page.total == 1 else 's'}"
        new = self._new(actor, kind, f"{found.text}: {many if page.exact else f'at least {many}'}")
        job = replace(
            new,
            ids=chosen.ids,
            query=chosen.dump(),
            args=json.dumps(cleaned, separators=(",", ":")),
            total=page.total,
            exact=int(page.exact),
        )
        return self._insert(actor, job)

    def check(self, actor: Actor, name: str) -> Job:
        """A check of the site as a job. Raises NotAllowed, Invalid, TooMany, and Conflict while there is such a one."""
        self._authorize_start(actor)
        kind = self.checks.kind(name)
        authorize(self.audit, actor, kind.act)
        if any(job.kind == name for job in self.store.open(MAX_LIMIT)):
            raise Conflict("This is under way already: look at the jobs.")
        return self._insert(actor, replace(self._new(actor, name, kind.text), exact=0))

    def _authorize_start(self, actor: Actor) -> None:
        authorize(self.audit, actor, Acts.JOB_START, actor.id)
        if not actor.credential:
            deny(self.audit, actor, JOBS.write, NO_OBJECT, "a job is started by a person", NotAllowed())

    def _new(self, actor: Actor, kind: str, title: str) -> Job:
        now = self.now()
        return Job(
            id=new_id(),
            kind=kind,
            title=title,
            actor=actor.id,
            actor_name=actor.name,
            created_at=now,
            updated_at=now,
            credential=actor.credential,
            held=tuple(sorted(actor.permissions)),
            fresh=int(now - actor.auth_at < FRESH_MS),
        )

    def stop(self, actor: Actor, job_id: str) -> Job:
        """Let it do no more than what it is doing at this moment; what it did stays. Once it is over, nothing. Raises
        NotAllowed, NotFound, also where it is not for this actor to see."""
        for attempt in range(ATTEMPTS):
            self._authorize(actor, Acts.JOB_STOP, job_id)
            job = self.get(actor, job_id)
            if job.state is not JobState.OPEN:
                return job
            try:
                return self._save(actor, job, replace(job, state=JobState.STOPPING), Actions.JOB_STOP)
            except VersionMismatch:
                if attempt == ATTEMPTS - 1:
                    raise
        raise VersionMismatch

    def forget_old(self, limit: int = 100) -> bool:
        """Remove reports that were kept long enough; whether more is left."""
        old = self.store.ended(self.now() - JOB_DAYS * DAY_MS, limit)
        for job in old:
            self.store.remove(job, self._event(Actions.JOB_DELETE, WORKER, job))
        return len(old) == limit

    def _authorize_kind(self, actor: Actor, kind: BulkKind, selection: Selection) -> None:
        """Whether the actor may do this to something; to all that a list of everybody's finds, where that is meant."""
        owner = None if kind.act.whose is Whose.SITE else actor.id
        authorize(self.audit, actor, kind.act, owner, now=self.now())
        needed = kind.act.foreign
        if selection.query is not None and needed is not None and needed not in actor.permissions:
            because = f"{actor.name} does not hold {needed}"
            deny(self.audit, actor, needed, NO_OBJECT, because, NotAllowed(f"This takes the right {needed}."))
