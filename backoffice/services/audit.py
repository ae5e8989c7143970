"""Reading the audit log, which is itself recorded. There is no way to change or delete an entry here; what was exported
and sealed is trimmed in the shell (`archive.py`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NoReturn

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import NO_OBJECT, AuditEntry, AuditEvent, ObjectRef
from backoffice.domain.ids import is_id
from backoffice.domain.invisible import is_readable
from backoffice.domain.limits import MAX_LIMIT, MAX_LOG_FILTER_VALUE, MAX_SEARCH
from backoffice.domain.log_archive import LogPage
from backoffice.domain.log_query import FoundEntries, Histogram, LogQuery
from backoffice.domain.permissions import Permission
from backoffice.domain.times import now_ms, rfc3339
from backoffice.errors import Invalid, NotAllowed, NotFound
from backoffice.services.authorization import authorize, deny, record_denial
from backoffice.services.log_ports import AuditLog
from backoffice.services.log_search import histogram, search
from backoffice.services.sign_in.refusals import REFUSALS, record_counted, record_refusal

FACETS = ("actor", "object", "action", "ip")
READ_SECONDS = 60
"""Readings by one actor within so long are one event."""
MOST_READERS: Final = 1000
"""That a process remembers."""
MAX_MS = 10**15 - 1
"""Ids of entries have no more digits."""
_ID = re.compile(r"(?a:\d{1,15}-\d{1,19})")


@dataclass(frozen=True, slots=True)
class Audit:
    """Facets: `actor` (an id), `object` (`type:id`), `action`, `ip`."""

    log: AuditLog
    now: Callable[[], int] = now_ms
    _read: dict[str, float] = field(default_factory=dict, compare=False, repr=False)
    """Until when (of the monotonic clock) a reading by this actor is in the log already."""

    def page(
        self,
        actor: Actor,
        *,
        filters: Sequence[tuple[str, str]] = (),
        cursor: str = "",
        limit: int = 50,
        since: int | None = None,
        until: int | None = None,
    ) -> LogPage[AuditEntry]:
        """Newest first, written from `since` on and before `until` (ms). `cursor`: the `next_cursor` of the page
        before. `total` is exact by one filter, else it may be a lower bound (`exact`).

        Raises Invalid for an unknown facet, a value or time that no entry can have.
        """
        self._reading(actor)
        check_query(LogQuery(tuple(filters), cursor=cursor, limit=limit, since=since, until=until))
        return self.log.page(tuple(filters), cursor, limit, since=since, until=until)

    def search(self, actor: Actor, query: LogQuery) -> FoundEntries[AuditEntry]:
        """Likewise, also by time, by several actions and by words; what is found within bounds says how far they
        reached. Raises Invalid."""
        return self.opened(actor)(query)

    def opened(self, actor: Actor) -> Callable[[LogQuery], FoundEntries[AuditEntry]]:
        """What searches likewise: that somebody reads is recorded by now, so it does nothing but read."""
        self._reading(actor)
        return self._search

    def _search(self, query: LogQuery) -> FoundEntries[AuditEntry]:
        check_query(query)
        return search(self.log, query)

    def note_reading(self, actor: Actor) -> None:
        """Record that the log is read, for who reads it together with other things afterwards. Raises NotAllowed."""
        self._reading(actor)

    def histogram(self, actor: Actor, query: LogQuery, edges: Sequence[int]) -> Histogram:
        """How many entries there are from each of these times (ms) up to the next one. Raises Invalid."""
        self._reading(actor)
        check_query(query)
        return histogram(self.log, query, edges)

    def concerning(self, actor: Actor, user_id: str, limit: int = 50) -> list[AuditEntry]:
        """What somebody did and what was done to them, the newest first."""
        self._reading(actor)
        if not is_id(user_id):
            raise NotFound
        both = (("actor", user_id), ("object", f"user:{user_id}"))
        found = {one.id: one for facet in both for one in self.log.page((facet,), "", limit).items}
        return sorted(found.values(), key=lambda one: tuple(map(int, one.id.split("-"))), reverse=True)[:limit]

    def get(self, actor: Actor, entry_id: str) -> AuditEntry:
        """One entry. Raises NotFound, which says so where it was trimmed."""
        self._reading(actor)
        entry = self.log.get(entry_id)
        if entry is not None:
            return entry
        trimmed = self.log.trimmed() if _ID.fullmatch(entry_id) else None
        if trimmed is not None and trimmed.covers(entry_id):
            raise NotFound(f"Entries up to {trimmed.last} were exported, and left the log at {rfc3339(trimmed.at)}.")
        raise NotFound

    def follow(self, actor: Actor, after: str, milliseconds: int) -> list[AuditEntry]:
        """Entries after this id (`$` = from now on), oldest first; waits for one up to that long."""
        self._reading(actor)
        if after != "$" and not _ID.fullmatch(after):
            raise Invalid("This is not the id of an entry.", field="after")
        return self.log.wait(after, milliseconds)

    def denied(self, actor: Actor, target: ObjectRef, because: str) -> None:
        """Record a refusal that an edge passes on as something else, once a minute for each actor, object, reason."""
        record_denial(self.log, actor, None, target, because)

    def refuse(
        self,
        actor: Actor,
        because: str,
        error: NotAllowed,
        *,
        permission: Permission | None = None,
        target: ObjectRef = NO_OBJECT,
    ) -> NoReturn:
        """Record a refusal that an edge decided, and raise it. Those of strangers are bounded, as others of theirs."""
        if actor.signed_in:
            deny(self.log, actor, permission, target, because, error)
        record_refusal(self.log, actor, because, at=self.now())
        raise error

    def exported(self, actor: Actor, name: str, records: int) -> None:
        """Record that somebody took a whole list with them, which whoever may read it may; once a minute for each."""
        data = {"list": name, "records": records}
        event = AuditEvent(Actions.LIST_EXPORT, actor, data=data, at=self.now())
        self.log.record(event, f"list.export {actor.id} {name}", READ_SECONDS)

    def close_counted(self) -> bool:
        """Write what was counted of refusals of strangers (`refusals.py`) and is due; False: nothing is left then."""
        for action in REFUSALS:
            record_counted(self.log, action, self.now())
        return False

    def _reading(self, actor: Actor) -> None:
        authorize(self.log, actor, Acts.AUDIT_READ)
        now = monotonic()
        if now < self._read.get(actor.id, 0.0):
            return
        event = AuditEvent(Actions.AUDIT_READ, actor, at=self.now())
        # Whoever wrote it knows that the store would not write it again for so long.
        if self.log.record(event, f"audit.read {actor.id}", READ_SECONDS):
            if len(self._read) >= MOST_READERS:
                self._read.clear()
            self._read[actor.id] = now + READ_SECONDS


def check_query(query: LogQuery) -> None:
    """Raises Invalid for what cannot be asked for."""
    for facet, value in query.filters:
        if facet not in FACETS:
            raise Invalid(f"There is no filter {facet[:40]!r}; there are {', '.join(FACETS)}.", field=facet[:40])
        if not 0 < len(value) <= MAX_LOG_FILTER_VALUE or not is_readable(value):
            raise Invalid("This cannot be what a filter asks for.", field=facet)
    if query.cursor and not _ID.fullmatch(query.cursor):
        raise Invalid("The cursor is not valid for this list.", field="cursor")
    if not 1 <= query.limit <= MAX_LIMIT:
        raise Invalid(f"limit is a number from 1 to {MAX_LIMIT}.", field="limit")
    for name, bound in (("since", query.since), ("until", query.until)):
        if bound is not None and not 0 <= bound <= MAX_MS:
            raise Invalid("This is no time that the log could have.", field=name)
    if len(query.words) > MAX_SEARCH:
        raise Invalid(f"At most {MAX_SEARCH} characters can be searched for.", field="words")
