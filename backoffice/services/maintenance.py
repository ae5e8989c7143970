"""Looking after the store as a whole: is it sound, and if not, repairing it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.acts import Acts
from backoffice.domain.maintenance import OnFinding, OnProgress, Report, ignore
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog, LogSegments
from backoffice.services.ports import StoreCheck

WORKER = system_actor("worker", "worker")


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Checks of the whole store. They read everything, so they take a while, and work goes on meanwhile.

    Whoever asks is told of each finding as soon as it is certain (`on_finding`), of how far it is (`on_progress`), and
    gets the numbers in the end. Both methods raise Unavailable.
    """

    store: StoreCheck
    audit: AuditLog
    segments: LogSegments

    def check(self, actor: Actor, *, on_finding: OnFinding = ignore, on_progress: OnProgress = ignore) -> Report:
        """Look, and change nothing. Raises NotAllowed."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        return self.store.check(on_finding=on_finding, on_progress=on_progress)

    def repair(self, actor: Actor, *, on_finding: OnFinding = ignore, on_progress: OnProgress = ignore) -> Report:
        """Look, and repair what can be repaired; the log has an entry of `actor`'s for each repair.

        Raises NotAllowed and StoreFull.
        """
        authorize(self.audit, actor, Acts.SYSTEM_REPAIR)
        return self.store.repair(actor, on_finding=on_finding, on_progress=on_progress)

    def steps(
        self, actor: Actor, *, repair: bool = False, on_finding: OnFinding = ignore
    ) -> Generator[tuple[int, int], None, Report]:
        """Either of them in pieces: keys that were looked at, and how many there are about, after each; the numbers in
        the end. Raises as they do, the refusals at once."""
        authorize(self.audit, actor, Acts.SYSTEM_REPAIR if repair else Acts.SYSTEM_READ)
        return self.store.steps(actor if repair else None, on_finding=on_finding)

    # -- what the worker does

    def index_looks(self, cursor: str) -> str:
        """Take note of how the user names look that there are, as long as two look alike. One step, from `cursor` on
        ("" = the first); where the next one goes on, "" when it was done, now or before."""
        return self.store.index_looks(WORKER, cursor)

    def cut_log_indexes(self) -> bool:
        """Once after an update: one step of cutting the indexes of the log that are in one piece. Whether there may be
        more; until it is done they are read as they are."""
        return self.segments.cut_some()
