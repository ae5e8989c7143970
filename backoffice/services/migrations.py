"""Bringing the store into the form of this version: by the worker, or by an operator who wants to see it done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from backoffice.domain.access import Actor, system_actor
from backoffice.domain.acts import Acts
from backoffice.domain.migrations import Migration, MigrationState
from backoffice.errors import Conflict
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import Heartbeats

WORKER = system_actor("worker", "worker")


class MigrationStore(Protocol):
    """How far the migrations are, and their steps. Any number of processes may take them at once."""

    def schema(self) -> int:
        """The form that the store is in; 0: nothing was ever stored."""

    def newer(self) -> str:
        """Why a later version's form must not be touched, "" while it is one that we know. Where it is not, the store
        takes no more changes of this process."""

    def states(self) -> list[MigrationState]:
        """All that this version knows, in their order."""

    def step(self, actor: Actor, migration: Migration) -> bool:
        """Some hundred records; whether more is left. What it changes, and its end, are events of `actor`'s."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """Each can be stopped after any step, and goes on there."""

    store: MigrationStore
    audit: AuditLog
    heartbeats: Heartbeats

    def states(self, actor: Actor) -> Sequence[MigrationState]:
        """Raises NotAllowed."""
        authorize(self.audit, actor, Acts.SYSTEM_READ)
        return self.store.states()

    def run(self, actor: Actor) -> Iterator[MigrationState]:
        """All that is left, one after the other: how far it is, after each step. Raises NotAllowed at once, and
        Conflict where one comes that is done while nobody works, and a worker lives."""
        authorize(self.audit, actor, Acts.SYSTEM_REPAIR)
        return self._run(actor)

    def _run(self, actor: Actor) -> Iterator[MigrationState]:
        for state in self.store.states():
            if state.done:
                continue
            migration = state.migration
            if not migration.online and self.heartbeats.alive():
                raise Conflict(
                    f"Migration {migration.number} ({migration.name}) wants all processes of the site stopped,"
                    " and a worker runs. Stop them on every host, and ask again."
                )
            steps, more = state.steps, True
            while more:
                more = self.store.step(actor, migration)
                steps += 1
                yield MigrationState(migration, not more, steps)

    def newer(self) -> str:
        """Why this process must stop: a later version has changed the form of the store meanwhile. "": it has not."""
        return self.store.newer()

    def work(self) -> bool:
        """What the worker does: one step of the first that is left, if it may do it. Whether there is more."""
        left = [state.migration for state in self.store.states() if not state.done]
        if not left or not left[0].online:
            return False
        return self.store.step(WORKER, left[0]) or len(left) > 1
