"""Whom the throttle of sign-ins slows or keeps waiting, and letting them go on.

A block lifts by itself, soon; this is for the person on the telephone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.blocked import Blocked, BlockedKind, Counted
from backoffice.domain.ids import is_id
from backoffice.domain.paging import Page, Query
from backoffice.domain.throttling import Limit
from backoffice.domain.times import now_ms
from backoffice.domain.users import User
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import ThrottleTables, UserStore
from backoffice.services.sign_in.throttle import ACCOUNT, NETWORK, typed

MOST: Final = 200
"""Of each kind, those that failed last; whoever has to wait now failed within the last minutes."""
TABLES: Final[Mapping[BlockedKind, tuple[str, Limit]]] = {
    BlockedKind.ADDRESS: ("network", NETWORK),
    BlockedKind.NAME: ("account", ACCOUNT),
}


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Reads what sign-ins are counted in. Memory is bounded, however many there are."""

    tables: ThrottleTables
    users: UserStore
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def page(self, actor: Actor, query: Query) -> Page[Blocked]:
        """Who waits now before who will after the next failure, the longest first."""
        authorize(self.audit, actor, Acts.BLOCK_READ)
        found = self._all()
        return Page(tuple(found[query.offset : query.offset + query.limit]), len(found))

    def get(self, actor: Actor, block_id: str) -> Blocked:
        """Raises NotFound."""
        authorize(self.audit, actor, Acts.BLOCK_READ)
        return self._existing(block_id)

    def lift(self, actor: Actor, block_id: str) -> None:
        """Forget the failures; every process lets this one try again from now on. Raises NotFound."""
        authorize(self.audit, actor, Acts.BLOCK_LIFT)
        block = self._existing(block_id)
        target = ObjectRef("block", block.id, block.username or block.who)
        event = AuditEvent(Actions.BLOCK_LIFT, actor, target, data={"failures": block.failures}, at=self.now())
        self.tables.forget(TABLES[block.kind][0], block.who, event)

    def _existing(self, block_id: str) -> Blocked:
        block = next((one for one in self._all() if one.id == block_id), None)
        if block is None:
            raise NotFound
        return block

    def _all(self) -> list[Blocked]:
        now = self.now()
        rows = {kind: self.tables.counted(table, now, MOST) for kind, (table, _) in TABLES.items()}
        names = self._names() if rows[BlockedKind.NAME] else {}
        found = [
            _blocked(kind, row, names.get(row.who))
            for kind, some in rows.items()
            for row in some
            if row.failures > TABLES[kind][1].free
        ]
        return sorted(found, key=lambda one: (-one.until, one.id))

    def _names(self) -> Mapping[str, User]:
        """Whose names and addresses were tried lately, by how the throttle calls them: the log of refusals says whose
        they are, and nothing else does."""
        refused = self.audit.page((("action", str(Actions.SESSION_REFUSE)),), "", MOST).items
        ids = list(dict.fromkeys(one.event.get("object", {}).get("id", "") for one in refused))
        users = [user for user in self.users.get_many([one for one in ids if is_id(one)]) if user is not None]
        return {typed(login): user for user in users for login in (user.username, user.email) if login}


def _blocked(kind: BlockedKind, row: Counted, user: User | None) -> Blocked:
    return Blocked(
        kind,
        row.who,
        user.id if user is not None else "",
        user.username if user is not None else "",
        row.failures,
        row.until,
        row.forgotten_at,
    )
