"""What the services need of the log; see `ports.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from backoffice.domain.actions import Action
from backoffice.domain.audit import AuditEntry, AuditEvent, CountedReads, CountedRefusals
from backoffice.domain.log_archive import Archived, LogPage, Seal, Trimmed


class AuditLog(Protocol):
    """The log. Facets: `actor` (id), `object` (`type:id`), `action`, `ip`."""

    def record(self, event: AuditEvent, once: str = "", seconds: int = 0) -> str:
        """Write an event that changes nothing else. With `once` (a name for what happened), not again for that
        long. The event's id, "" when it was not written again."""

    def refuse(self, event: AuditEvent, alike: str, network: str) -> bool:
        """Write that somebody who is not signed in was refused; or count it, where one that is `alike` was written just
        now ("": none is), or too many others. Whether what was counted is due to be written. One round trip."""

    def counted_refusals(self, action: Action, now: int) -> CountedRefusals | None:
        """What was counted, where it is due."""

    def write_counted_refusals(self, counted: CountedRefusals, event: AuditEvent) -> None:
        """Write `event` instead of what was counted, unless it was written or more was counted meanwhile."""

    def counted_reads(self, now: int, limit: int) -> list[CountedReads]:
        """What was counted of readings of files (`FileStore.record_read`) in spans that are over."""

    def write_counted_reads(self, counted: CountedReads, event: AuditEvent) -> None:
        """As `write_counted_refusals`."""

    def page(
        self,
        filters: Sequence[tuple[str, str]],
        cursor: str,
        limit: int,
        *,
        since: int | None = None,
        until: int | None = None,
    ) -> LogPage[AuditEntry]:
        """Newest first, written from `since` on and before `until` (ms). Several filters: the smallest index drives,
        the others are checked in bounded windows. `cursor`: id of the last entry seen, "" = from the newest."""

    def get(self, entry_id: str) -> AuditEntry | None: ...
    def trimmed(self) -> Trimmed | None:
        """What was exported, sealed and trimmed; None = the log has everything."""

    def counts(self, indexes: Sequence[tuple[str, str]], edges: Sequence[int]) -> list[list[int]]:
        """For each (facet, value), how many entries there are from each edge (ms) up to the next."""

    def wait(self, after: str, milliseconds: int) -> list[AuditEntry]:
        """Entries written after this id (`$` = from now on); waits for one up to that long."""


class LogArchive(Protocol):
    """The log as a whole, its seals, and the one way by which entries leave it. All of it goes on in a full store."""

    def read(self, first: str, last: str) -> Iterator[list[AuditEntry]]:
        """The entries from one id to another, both included, in their order; "" = from the oldest, to the newest."""

    def state(self) -> Archived:
        """What was sealed and trimmed."""

    def add_seal(self, seal: Seal, event: AuditEvent) -> None:
        """Raises Conflict when there is one of this number."""

    def begin_trim(self, before: Trimmed | None, now: Trimmed, event: AuditEvent) -> None:
        """Record that the log begins behind `now.last`; `finish_trim` carries that out. Raises Conflict unless what was
        trimmed is `before`, and while another trim is not finished."""

    def finish_trim(self, on_progress: Callable[[int], None]) -> None:
        """Carry out what was begun, if anything was: in steps, so that the store answers everybody meanwhile, and from
        wherever it was stopped. `on_progress` is told how many entries were looked at."""


class LogSegments(Protocol):
    """The indexes of the log, which are kept in segments."""

    def cut_some(self) -> bool:
        """Cut some of what an earlier version left in one piece, if anything; whether there may be more. Nothing of the
        log changes, so this is no act."""
