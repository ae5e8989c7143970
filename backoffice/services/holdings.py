"""What belongs to a person, in numbers: for the page of a user, and for what is said before something ends for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import ObjectRef
from backoffice.domain.holdings import FileCounts, WaysIn
from backoffice.domain.ids import is_id
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.limits import MAX_TOKENS
from backoffice.domain.paging import Query
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.tokens import Token, TokenState
from backoffice.domain.users import User
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore, HoldingStore, SessionStore, TokenStore


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """Whoever may see users may see these numbers."""

    store: HoldingStore
    accounts: AccountStore
    sessions: SessionStore
    tokens: TokenStore
    audit: AuditLog
    policy: AccountPolicy = OPEN_END
    now: Callable[[], int] = now_ms

    def files(self, actor: Actor, user_id: str) -> FileCounts:
        """One round trip."""
        self._authorize(actor, user_id)
        return self.store.of(user_id)

    def sessions_of(self, actor: Actor, user_id: str) -> list[Session]:
        """All that the store has, ended ones among them, for `ways_in`. Two round trips."""
        self._authorize(actor, user_id)
        return self.sessions.of_user(user_id)

    def tokens_of(self, actor: Actor, user_id: str) -> Sequence[Token]:
        """Likewise."""
        self._authorize(actor, user_id)
        return self.tokens.page(Query(filters=(("user", user_id),), sort="created", limit=MAX_TOKENS)).items

    def ways_in(self, user: User, *, shut: bool, sessions: Sequence[Session], tokens: Sequence[Token]) -> WaysIn:
        """How many of these let the person in now; `shut`: the account is over. No round trip."""
        now = self.now()
        living = 0 if shut else sum(one.lets_in(user, now) for one in sessions)
        working = sum(one.state(user, now, shut=shut) is TokenState.ACTIVE for one in tokens)
        return WaysIn(living, working)

    def count_ways_in(self, actor: Actor, user_id: str) -> WaysIn:
        """The same, read by itself. Five round trips."""
        sessions, tokens = self.sessions_of(actor, user_id), self.tokens_of(actor, user_id)
        user, roles = self.accounts.load(user_id)
        if user is None:
            raise NotFound
        shut = self.policy.ended(user, roles, self.now()) is not None
        return self.ways_in(user, shut=shut, sessions=sessions, tokens=tokens)

    def _authorize(self, actor: Actor, user_id: str) -> None:
        if not is_id(user_id):
            raise NotFound
        authorize(self.audit, actor, Acts.USER_READ, target=ObjectRef("user", user_id))
