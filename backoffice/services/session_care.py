"""Looking after sessions, one's own and everybody's: seeing them and ending them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.ids import is_id
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.paging import Page, Query
from backoffice.domain.roles import Role
from backoffice.domain.sessions import HeldSession, Session, SessionState
from backoffice.domain.times import now_ms
from backoffice.domain.users import User
from backoffice.errors import NotFound, NotSignedIn, VersionMismatch
from backoffice.services.authorization import authorize, authorize_account, session_credential
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore, SessionStore, UserStore

_SESSION_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class SessionCare:
    """The part of `Sessions` that lets nobody in."""

    sessions: SessionStore
    users: UserStore
    accounts: AccountStore
    audit: AuditLog
    policy: AccountPolicy = field(default=OPEN_END, kw_only=True)
    now: Callable[[], int] = field(default=now_ms, kw_only=True)

    def page(self, actor: Actor, query: Query) -> Page[HeldSession]:
        """Everybody's, the one used last first: `query` may name the filters `user` (an id) and `ip`. Takes
        sessions:all. Three round trips."""
        authorize(self.audit, actor, Acts.SESSION_READ_ALL)
        living = replace(query, sort="expires", ranges=(*query.ranges, ("expires", self.now(), None)))
        found = self.sessions.page(living)
        users, roles = self.accounts.load_many([one.user for one in found.items])
        return found.map(lambda one: self._held(one, users.get(one.user), roles))

    def get(self, actor: Actor, session_id: str) -> HeldSession:
        """One of them. Raises NotFound."""
        authorize(self.audit, actor, Acts.SESSION_READ_ALL)
        session = self._existing(session_id)
        user, roles = self.accounts.load(session.user)
        return self._held(session, user, roles)

    def mine(self, actor: Actor) -> list[Session]:
        """The actor's living sessions, the one used last first."""
        authorize(self.audit, actor, Acts.SESSION_LIST, target=ObjectRef("user", actor.id))
        user, roles = self.accounts.load(actor.id)
        return self._active(user, roles) if user is not None else []

    def of_user(self, actor: Actor, user_id: str) -> list[Session]:
        """Another user's living sessions. Takes sessions:all."""
        authorize(self.audit, actor, Acts.SESSION_READ_ALL, target=ObjectRef("user", user_id))
        user, roles = self.accounts.load(user_id) if is_id(user_id) else (None, {})
        if user is None:
            raise NotFound
        return self._active(user, roles)

    def sign_out(self, actor: Actor, session: Session) -> None:
        """End this session. Doing it twice is no error."""
        self._end(replace(actor, ground=None), session)

    def end(self, actor: Actor, session_id: str) -> None:
        """End one session, an own one or (sessions:all) somebody else's. NotFound for a stranger's."""
        if not actor.signed_in:
            raise NotSignedIn
        session = self._existing(session_id)
        if session.user == actor.id:
            authorize(self.audit, actor, Acts.SESSION_END, actor.id, ObjectRef("user", actor.id))
        else:
            authorize_account(self.audit, actor, Acts.SESSION_END_ALL, self.accounts, session.user)
        self._end(actor, session)

    def end_all(self, actor: Actor, user_id: str) -> int:
        """End all of a user's sessions; how many there were. Takes sessions:all; NotAllowed for who holds more."""
        authorize_account(self.audit, actor, Acts.SESSION_END_ALL, self.accounts, user_id)
        living = self.of_user(actor, user_id)
        for session in living:
            self._end(actor, session)
        return len(living)

    def sweep(self) -> int:
        """Drop what is left in the indexes of sessions that ran out; how many."""
        return self.sessions.sweep(self.now())

    # -- parts

    def lets_in(self, session: Session, user: User, roles: Mapping[str, Role]) -> bool:
        """Whether it lets `user`, whose it is, in now: whoever lets somebody in by it and whoever lists sessions ask
        this."""
        now = self.now()
        return session.lets_in(user, now) and self.policy.ended(user, roles, now, session.created_at) is None

    def _existing(self, session_id: str) -> Session:
        session = self.sessions.get(session_id) if _SESSION_ID.fullmatch(session_id) else None
        if session is None:
            raise NotFound
        return session

    def _held(self, session: Session, user: User | None, roles: Mapping[str, Role]) -> HeldSession:
        active = user is not None and self.lets_in(session, user, roles)
        return HeldSession(session, user, SessionState.ACTIVE if active else SessionState.ENDED)

    def _active(self, user: User, roles: Mapping[str, Role]) -> list[Session]:
        living = [one for one in self.sessions.of_user(user.id) if self.lets_in(one, user, roles)]
        return sorted(living, key=lambda session: session.seen_at, reverse=True)

    def _end(self, actor: Actor, session: Session, because: str = "") -> None:
        data = {"session": session_credential(session.id), **({"because": because} if because else {})}
        event = AuditEvent(Actions.SESSION_END, actor, ObjectRef("user", session.user), data=data, at=self.now())
        with suppress(VersionMismatch):  # ended by another request, which recorded it
            self.sessions.remove(session, event)
