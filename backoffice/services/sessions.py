"""Signing in and out, and what a browser's cookie is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import NO_OBJECT, AuditEvent
from backoffice.domain.identities import Identity
from backoffice.domain.ids import new_secret, secret_hash
from backoffice.domain.lifecycle import Ending
from backoffice.domain.limits import MAX_AGENT, MAX_LOGIN, MAX_SESSIONS
from backoffice.domain.roles import Role
from backoffice.domain.sessions import Session
from backoffice.domain.users import User
from backoffice.domain.versions import Version
from backoffice.errors import BadCredentials, Conflict, NotSignedIn, TooMany, VersionMismatch
from backoffice.services.authorization import grants_of, session_credential, user_ref
from backoffice.services.ground import CredentialGround, under_way
from backoffice.services.ports import IdentityStore, Throttle
from backoffice.services.session_care import SessionCare
from backoffice.services.sign_in.outcomes import Authenticated, SignedIn
from backoffice.services.sign_in.passwords import Passwords
from backoffice.services.sign_in.refusals import record_refusal
from backoffice.services.sign_in.throttle import Way, consume, password_ways, sign_in_ways
from backoffice.services.sign_in.trusted_devices import TrustedDevices

TOUCH_MS = 60_000
"""A session's use is written down at most once in so long."""
SPARE_SESSIONS = 3
"""How many places there are after one was made: others may sign in at this moment."""


@dataclass(frozen=True, slots=True)
class Sessions(SessionCare):
    """Sessions die after `idle_ms` without use, `max_ms` after they began, when the user's epoch rises, and let nobody
    in whose account is over (`policy`)."""

    throttle: Throttle
    passwords: Passwords
    devices: TrustedDevices
    identities: IdentityStore
    idle_ms: int = 30 * 60 * 1000
    max_ms: int = 12 * 60 * 60 * 1000

    # -- signing in

    def sign_in(self, actor: Actor, username: str, password: str, device: str = "") -> SignedIn:
        """`actor` is nobody yet, and tells where the request comes from; `device` is the cookie of an earlier sign-in.

        Raises BadCredentials, the same after the same work for every cause; TooMany after many failures.
        """
        readable = len(username) <= MAX_LOGIN and username.isprintable()
        user, roles = self.accounts.find(username) if readable else (None, {})
        known = self.devices.known(device, user.id) if user is not None else ""
        way = self._charge(actor, sign_in_ways(username, known, actor.ip, self.now()), user)
        matches = self.passwords.verify(user.password if user is not None else "", password)
        ended = self.policy.ended(user, roles, self.now()) if user is not None else None
        if user is None or not matches or not user.active or ended:
            self._refused(actor, user, ended)
            raise BadCredentials
        self.throttle.succeed(way)
        user = self._rehashed(actor, user, password)
        return self._start(actor, user, roles, device)

    def start_for(self, actor: Actor, user: User, device: str = "") -> SignedIn:
        """A session for somebody who has just proved to be `user` (by a one-time link, or by the old password)."""
        _, roles = self.accounts.load(user.id)
        if not user.active or self.policy.ended(user, roles, self.now()):
            raise BadCredentials
        return self._start(actor, user, roles, device)

    def reauth(self, actor: Actor, session: Session, password: str) -> tuple[Session, str]:
        """The same session under a new secret, after giving the password again. Raises BadCredentials, TooMany."""
        user, roles = self.accounts.load(session.user)
        if user is None or session.user != actor.id:
            raise NotSignedIn
        way = self._charge(actor, password_ways(user.id), user)
        ended = self.policy.ended(user, roles, self.now(), session.created_at)
        if (
            not self.passwords.verify(user.password, password)
            or not user.active
            or ended
            or user.epoch != session.epoch
        ):
            self._refused(actor, user, ended)
            raise BadCredentials
        self.throttle.succeed(way)
        secret, now = new_secret(), self.now()
        new = replace(
            session,
            id=secret_hash(secret),
            auth_at=now,
            seen_at=now,
            expires_at=min(now + self.idle_ms, session.ends_at),
            version=session.version + 1,
        )
        event = AuditEvent(Actions.SESSION_START, actor, user_ref(user), data={"reauth": True}, at=now)
        self.sessions.replace(session, new, event)
        return new, secret

    # -- each request

    def authenticate(
        self, secret: str, *, ip: str, agent: str, via: str, request_id: str, remembered: bool = False
    ) -> Authenticated | None:
        """Who has this secret now; None = nobody. `remembered`: see `IdentityStore`. Where it is, no round trip, else
        two; one more once a minute."""
        if not (20 <= len(secret) <= 100 and secret.isascii()):
            return None
        found, now = self._identity(secret_hash(secret), remembered), self.now()
        if found is None or not self.lets_in(found.credential, found.user, found.roles):
            return None
        if now - found.credential.seen_at >= TOUCH_MS:
            found = self._touched(found)
        visitor = Actor(id="", name="", via=via, ip=ip, agent=agent, request_id=request_id)
        actor = replace(_actor(visitor, found), ground=self._ground(visitor, found))
        return Authenticated(actor, found.credential, found.user)

    def _ground(self, visitor: Actor, found: Identity[Session]) -> CredentialGround:
        """Of a request that this session let in. As long as it lasts, the session is in use."""

        def read() -> tuple[Actor, Sequence[Version]]:
            nonlocal found
            now = self._under_way(found)
            if now is None:
                raise NotSignedIn
            found = now
            return _actor(visitor, now), now.versions

        def alive(versions: Sequence[Version]) -> bool:
            self._touched(found)
            return self.identities.unmoved(versions)

        return CredentialGround(found.versions, read, alive)

    def _under_way(self, before: Identity[Session]) -> Identity[Session] | None:
        """What a session is now that let in a request which is under way; None where it was ended."""
        session = before.credential
        found = self.identities.of_session(session.id)
        if found is None:
            # The same session has another secret where the password was given again in another window.
            later = (one for one in self.sessions.of_user(session.user) if one.continues(session))
            found = next((self.identities.of_session(one.id) for one in later), None)
        if found is None:
            return None
        user, now = under_way(session.epoch, before.user, found.user), self.now()
        if not found.credential.lets_in(user, now) or self.policy.ended_meanwhile(before, found, now):
            return None
        return found

    def _touched(self, found: Identity[Session]) -> Identity[Session]:
        """The session is in use."""
        session, now = found.credential, self.now()
        expires_at = min(now + self.idle_ms, session.ends_at)
        self.sessions.touch(session, now, expires_at)
        session = replace(session, seen_at=now, expires_at=expires_at)
        self.identities.note_use(session)
        return replace(found, credential=session)

    def _identity(self, session_id: str, remembered: bool) -> Identity[Session] | None:
        found = self.identities.of_session(session_id, remembered=remembered)
        if (
            remembered
            and found is not None
            and (
                found.credential.over(self.now())
                or self.policy.ended(found.user, found.roles, self.now(), found.credential.created_at)
            )
        ):
            # Another process may have noted its use since, or a sign-in, and so have made its life longer.
            self.identities.begin_request()
            found = self.identities.of_session(session_id)
        return found

    # -- parts

    def _start(self, actor: Actor, user: User, roles: Mapping[str, Role], device: str) -> SignedIn:
        now, secret = self.now(), new_secret()
        session = Session(
            id=secret_hash(secret),
            user=user.id,
            epoch=user.epoch,
            created_at=now,
            seen_at=now,
            auth_at=now,
            expires_at=now + min(self.idle_ms, self.max_ms),
            ends_at=now + self.max_ms,
            ip=actor.ip,
            agent=actor.agent[:MAX_AGENT],
        )
        who = replace(actor, id=user.id, name=user.username, credential=session_credential(session.id))
        entered = replace(who, roles=grants_of(user, roles), auth_at=now)
        event = AuditEvent(Actions.SESSION_START, who, user_ref(user), at=now)
        try:
            self.sessions.insert(session, event)
        except Conflict:
            self._end_oldest(who, user)
            self.sessions.insert(session, event)
        self.users.touch(user.id, now, self.policy.inactive_at(user, roles, now))
        return SignedIn(session, secret, user, self.devices.remember(device, user.id), entered)

    def _end_oldest(self, actor: Actor, user: User) -> None:
        """Make room for one more session; somebody may sign in at the same moment."""
        found = sorted(self.sessions.of_user(user.id), key=lambda session: session.seen_at)
        for session in found[: max(0, len(found) + SPARE_SESSIONS - MAX_SESSIONS)]:
            self._end(actor, session, because="too many sessions")

    def _charge(self, actor: Actor, ways: tuple[Way, ...], user: User | None) -> Way:
        try:
            return consume(self.throttle, ways)
        except TooMany:
            target = user_ref(user) if user is not None else NO_OBJECT
            once = f"throttled {ways[0][0].name} {target.id}"
            record_refusal(self.audit, actor, "too many attempts", at=self.now(), target=target, once=once)
            raise

    def _refused(self, actor: Actor, user: User | None, ended: Ending | None = None) -> None:
        """What was typed as a name is not recorded where nobody has it: people type their password there."""
        because = "unknown name" if user is None else "wrong password" if user.active else f"user is {user.status}"
        if ended is not None:
            because = f"account is {ended.why}"
        target = user_ref(user) if user is not None else NO_OBJECT
        record_refusal(self.audit, actor, because, at=self.now(), target=target, once="")

    def _rehashed(self, actor: Actor, user: User, password: str) -> User:
        """The user, with the hash made anew if it was made with other parameters."""
        if not self.passwords.stale(user.password):
            return user
        new = replace(user, password=self.passwords.hash(password), version=user.version + 1)
        who = replace(actor, id=user.id, name=user.username)
        event = AuditEvent(Actions.USER_UPDATE, who, user_ref(user), data={"rehash": True}, at=self.now())
        with suppress(VersionMismatch):  # changed by somebody at this moment: the next sign-in will do it
            self.users.replace(user, new, event)
            return new
        return user


def _actor(visitor: Actor, found: Identity[Session]) -> Actor:
    return replace(
        visitor,
        id=found.user.id,
        name=found.user.username,
        roles=grants_of(found.user, found.roles),
        credential=session_credential(found.credential.id),
        auth_at=found.credential.auth_at,
    )
