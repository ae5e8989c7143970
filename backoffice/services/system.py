"""The state of the whole, for probes and operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backoffice.domain import diagnosis
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent
from backoffice.domain.diagnosis import Finding
from backoffice.domain.durability import weaker
from backoffice.domain.encryption import Encryption
from backoffice.domain.system import SCHEMA, Heartbeat, Installation, SiteState
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, KeyMissing
from backoffice.services.authorization import authorize
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.number_ports import NumberStore
from backoffice.services.ports import Durability, Heartbeats, InstallationStore, StoreHealth

SERIES: Final[Mapping[str, tuple[Action, ...]]] = {
    "uploads": (Actions.FILE_CREATE, Actions.FILE_REPLACE),
    "downloads": (Actions.FILE_DOWNLOAD,),
    "refusals": (Actions.ACCESS_DENY, Actions.SESSION_REFUSE, Actions.TOKEN_REFUSE, Actions.LINK_REFUSE),
}
"""What is counted over time, and of which actions it consists."""
SETUP: Final = system_actor("setup", "system")
HOUR_MS: Final = 60 * 60 * 1000


class Span(StrEnum):
    """How far back: by the hour or by the day, both in UTC."""

    DAY = "day"
    MONTH = "month"


_STEPS: Final = {Span.DAY: (HOUR_MS, 24), Span.MONTH: (24 * HOUR_MS, 30)}


@dataclass(frozen=True, slots=True)
class Activity:
    """How often things happened: `counts[name][n]` from `starts[n]` (ms) on, for `step` ms; the last goes on."""

    starts: tuple[int, ...]
    step: int
    counts: Mapping[str, tuple[int, ...]]


def one_after_the_other(*reads: Callable[[], Any]) -> list[Any]:
    """What these return, each with round trips of its own."""
    return [read() for read in reads]


@dataclass(frozen=True, slots=True)
class System:
    """Whether it works, and how."""

    health: StoreHealth
    durability: Durability
    chunks: ChunkStore
    audit: AuditLog
    heartbeats: Heartbeats
    installation: InstallationStore
    numbers: NumberStore
    together: Callable[..., list[Any]] = one_after_the_other
    now: Callable[[], int] = now_ms
    encryption: Callable[[], Encryption] = Encryption
    """What is encrypted, and by which keys. Raises KeyMissing."""

    def ready(self) -> None:
        """Raises Unavailable while the store does not answer."""
        self.health.ping()

    @property
    def durability_level(self) -> str:
        """What a 201 promises: see `docs/operation.md`."""
        return weaker(self.durability.level, self.chunks.level)

    def status(self, actor: Actor) -> Mapping[str, str]:
        """Facts about the store."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        room = self.health.room() and self.chunks.room()
        return {**self.health.info(), "durability": self.durability_level, "room": str(room).lower()}

    def workers(self, actor: Actor) -> Sequence[Heartbeat]:
        """The background workers that live, by host. None: nothing expires, is purged or gets its checksum."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        return self.heartbeats.alive()

    def state(self, actor: Actor) -> SiteState:
        """All that a scrape of the numbers asks of the site as a whole. Two round trips, and one more every few
        seconds."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        now = self.now()
        reads = (lambda: self.numbers.read(now), self.heartbeats.alive, self.health.info)
        numbers, workers, info = self.together(*reads)
        room = self.health.room() and self.chunks.room()
        return SiteState(numbers, workers, info, self.durability_level, room)

    def findings(self, actor: Actor) -> list[Finding]:
        """Whether store, records and workers are sound."""
        store, workers = diagnosis.of_store(self.status(actor)), diagnosis.workers(self.workers(actor))
        return [*store, *self.readable(actor), workers]

    def readable(self, actor: Actor) -> list[Finding]:
        """Whether this process can read what is stored: records of its form, bytes by its keys. Two round trips."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        found = self.installation.get()
        form = diagnosis.schema(found.schema if found is not None else None, SCHEMA)
        try:
            return [form, diagnosis.keys(self.encryption())]
        except KeyMissing as error:
            return [form, diagnosis.encryption(str(error), 0)]

    def install(self, version: str) -> None:
        """Note, once, when this store was set up and by which version of the product. For every start of a process:
        any number may do it at once, and a store of before there was such a note gets it at the next start."""
        if self.installation.get() is not None:
            return
        found = Installation(self.now(), version)
        data = {"version": found.version, "schema": found.schema}
        event = AuditEvent(Actions.SYSTEM_INSTALL, SETUP, data=data, at=found.created_at)
        with suppress(Conflict):  # another process came first at this moment
            self.installation.insert(found, event)

    def activity(self, actor: Actor, span: Span) -> Activity:
        """Uploads, downloads and refusals over time: numbers only, so it does not take the right to read the log."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        step, many = _STEPS[span]
        last = self.now() // step * step
        edges = [last + (at - many + 1) * step for at in range(many + 1)]
        indexes = [("action", str(action)) for actions in SERIES.values() for action in actions]
        rows = iter(self.audit.counts(indexes, edges))
        counts = {
            name: tuple(map(sum, zip(*(next(rows) for _ in actions), strict=True))) for name, actions in SERIES.items()
        }
        return Activity(tuple(edges[:-1]), step, counts)
