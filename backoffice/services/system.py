"""The state of the whole, for probes and operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backoffice.domain.access import Actor, Permission
from backoffice.services.authority import require
from backoffice.services.ports import AuditLog, Durability, StoreHealth


@dataclass(frozen=True, slots=True)
class System:
    """Whether it works, and how."""

    health: StoreHealth
    durability: Durability
    audit: AuditLog

    def ready(self) -> None:
        """Raises Unavailable while the store does not answer."""
        self.health.ping()

    @property
    def durability_level(self) -> str:
        """What a 201 promises: see `docs/operation.md`."""
        return self.durability.level

    def status(self, actor: Actor) -> Mapping[str, str]:
        """Facts about the store."""
        require(self.audit, actor, Permission.SYSTEM_READ)
        return {**self.health.info(), "durability": self.durability.level, "room": str(self.health.room()).lower()}
