"""API tokens: what scripts sign in with. A token never holds more than its user, and makes no other token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor, parse_permissions
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts
from backoffice.domain.audit import NO_OBJECT, ObjectRef
from backoffice.domain.identities import Identity
from backoffice.domain.ids import is_id, new_id, new_secret, secret_hash
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.limits import DEFAULT_TOKEN_DAYS, MAX_TOKEN_DAYS, MAX_TOKEN_NAME, MAX_TOKENS
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.domain.text import clean_line
from backoffice.domain.tokens import PREFIX, TOKENS, HeldToken, Token, TokenState, split_token
from backoffice.domain.users import User, UserStatus
from backoffice.domain.versions import Version
from backoffice.errors import Invalid, NotAllowed, NotFound, NotSignedIn, VersionMismatch
from backoffice.services.authorization import (
    authorize,
    authorize_account,
    deny,
    grants_of,
    permissions_of,
    token_credential,
)
from backoffice.services.ground import CredentialGround, under_way
from backoffice.services.ports import AccountStore, IdentityStore, TokenStore
from backoffice.services.records import Records
from backoffice.services.sign_in.refusals import fingerprint, record_refusal

DAY_MS = 24 * 60 * 60 * 1000
NOT_VALID: Final = "The token is unknown, expired or revoked."
TOUCH_MS = 60_000
"""A token's use is written down at most once in so long."""


@dataclass(frozen=True, kw_only=True)
class Tokens(Records[Token]):
    """Tokens die when they expire, are revoked, and when their user's epoch rises; they let nobody in whose account is
    over (`policy`). `page` has the filter `user` and the orders `created` and `name`."""

    noun = TOKENS
    store: TokenStore
    accounts: AccountStore
    identities: IdentityStore
    policy: AccountPolicy = OPEN_END

    def create(
        self,
        actor: Actor,
        *,
        name: str,
        user_id: str = "",
        scopes: Iterable[str] | None = None,
        days: int | None = None,
    ) -> tuple[Token, str]:
        """A new token and its text, which is told this once. `user_id` "" = one's own; only the shell makes one for
        another. `scopes` None = all that the user holds at any time; `days` None = 365.

        Raises Invalid; NotAllowed for a scope that is not held, and to an actor that is itself a token; ReauthRequired.
        """
        owner = user_id or actor.id
        act, target = Acts.TOKEN_CREATE, ObjectRef("user", owner)
        # The shell acts for everybody.
        authorize(self.audit, actor, act, owner if actor.via != "shell" else None, target, now=self.now())
        user, roles = self.accounts.load(owner) if is_id(owner) else (None, {})
        if user is None or not user.active or self.policy.ended(user, roles, self.now()):
            raise NotFound(_nobody(user))
        narrowed = _scopes(scopes)
        if excess := sorted((narrowed or frozenset()) - permissions_of(roles, user.roles)):
            because = f"{user.username} does not hold {', '.join(excess)}"
            error = NotAllowed(f"The user does not hold {', '.join(excess)}.", field="scopes")
            deny(self.audit, actor, act.takes, target, because, error)
        now, secret = self.now(), new_secret()
        token = Token(
            id=new_id(),
            user=user.id,
            name=_name(name),
            secret=secret_hash(secret),
            epoch=user.epoch,
            created_at=now,
            expires_at=now + _days(days) * DAY_MS,
            scopes=narrowed,
        )
        data = {"scopes": sorted(narrowed)} if narrowed is not None else {}
        self.store.insert(token, self._event(TOKENS.create, actor, token, data={"user": user.id, **data}))
        return token, f"{PREFIX}_{token.id}_{secret}"

    def authenticate(
        self, text: str, *, ip: str, agent: str, request_id: str, remembered: bool = False
    ) -> tuple[Actor, User] | None:
        """Who sent this token; None = nobody, which is recorded. `remembered`: see `IdentityStore`. Where it is, no
        round trip, else two; one more once a minute.

        Raises IdentityChanged where it is remembered and would be refused: the refusal's entry in the log is the first
        trip to the store then, and confirms it.
        """
        visitor = Actor(id="", name="", via="api", ip=ip, agent=agent, request_id=request_id)
        found, now = self._identity(visitor, text, remembered=remembered), self.now()
        if found is None:
            return None
        token = found.credential
        if now - token.used_at >= TOUCH_MS:
            self.store.touch(token, now)
            self.identities.note_use(replace(token, used_at=now))
        ground = CredentialGround(found.versions, self._reader(visitor, found), self.identities.unmoved)
        return replace(_actor(visitor, found), ground=ground), found.user

    def _reader(self, visitor: Actor, found: Identity[Token]) -> Callable[[], tuple[Actor, Sequence[Version]]]:
        """What reads anew who is asking by a token that let a request in."""
        token, before = found.credential, found

        def read() -> tuple[Actor, Sequence[Version]]:
            nonlocal before
            now = self.identities.of_token(token.id)
            if now is None:
                self.refuse(visitor, "unknown or revoked token", token=self.ref(token))
                raise NotSignedIn(NOT_VALID)
            shut = self.policy.ended_meanwhile(before, now, self.now())
            state = now.credential.state(under_way(token.epoch, before.user, now.user), self.now(), shut=shut)
            if state not in {TokenState.ACTIVE, TokenState.EXPIRED}:
                self.refuse(visitor, f"token is {state}", token=self.ref(token))
                raise NotSignedIn(NOT_VALID)
            before = now
            return _actor(visitor, now), now.versions

        return read

    def _identity(self, visitor: Actor, text: str, *, remembered: bool) -> Identity[Token] | None:
        parts = split_token(text) if text.isascii() else None
        if parts is None:
            self.refuse(visitor, "no token of this site", fingerprint(text))
            return None
        found = self.identities.of_token(parts[0], remembered=remembered)
        if remembered and found is not None and self.policy.ended(found.user, found.roles, self.now()):
            # There may have been a sign-in since it was remembered.
            self.identities.begin_request()
            found = self.identities.of_token(parts[0])
        if found is None:
            self.refuse(visitor, "unknown or revoked token", {"token": parts[0], **fingerprint(text)})
            return None
        token = found.credential
        ended = self.policy.ended(found.user, found.roles, self.now())
        state = token.state(found.user, self.now(), shut=ended is not None)
        if not token.matches(parts[1]):
            self.refuse(visitor, "wrong secret", fingerprint(text), self.ref(token))
        elif state is not TokenState.ACTIVE:
            because = f"account is {ended.why}" if state is TokenState.BLOCKED and ended else f"token is {state}"
            self.refuse(visitor, because, token=self.ref(token))
        else:
            return found
        return None

    def refuse(
        self, visitor: Actor, because: str, data: Mapping[str, str] | None = None, token: ObjectRef = NO_OBJECT
    ) -> None:
        """Record that a request was refused for what it sent as a token; once a minute for the same network, reason
        and token."""
        at, action = self.now(), Actions.TOKEN_REFUSE
        record_refusal(self.audit, visitor, because, at=at, target=token, action=action, data=data)

    def mine(self, actor: Actor) -> list[Token]:
        """One's own, the newest first, with those that let nobody in any more (`Token.state`). (Everybody's, by `page`,
        take tokens:all.)"""
        authorize(self.audit, actor, Acts.TOKEN_LIST)
        return list(
            self.store.page(Query(filters=(("user", actor.id),), descending=True, sort="created", limit=500)).items
        )

    def held(self, actor: Actor, query: Query) -> Page[HeldToken]:
        """Everybody's, with whose they are and what they are worth. Takes tokens:all. Three round trips."""
        found = self.page(actor, query)
        users, roles = self.accounts.load_many([one.user for one in found.items])
        return found.map(lambda one: self._held(one, users.get(one.user), roles))

    def held_one(self, actor: Actor, token_id: str) -> HeldToken:
        """One of them. Raises NotFound."""
        token = self.get(actor, token_id)
        user, roles = self.accounts.load(token.user)
        return self._held(token, user, roles)

    def of_user(self, actor: Actor, user_id: str) -> list[HeldToken]:
        """All of one user, the newest first. Takes tokens:all."""
        everything = Query(filters=(("user", user_id),), descending=True, sort="created", limit=MAX_TOKENS)
        return list(self.held(actor, everything).items)

    def _held(self, token: Token, user: User | None, roles: Mapping[str, Role]) -> HeldToken:
        now = self.now()
        shut = user is not None and self.policy.ended(user, roles, now) is not None
        return HeldToken(token, user, token.state(user, now, shut=shut))

    def revoke_all(self, actor: Actor, user_id: str) -> int:
        """Revoke all of a user's; how many there were. Takes tokens:all, but for one's own; NotAllowed where that user
        holds more."""
        authorize_account(self.audit, actor, Acts.TOKEN_REVOKE, self.accounts, user_id)
        found = self.store.page(Query(filters=(("user", user_id),), sort="created", limit=MAX_TOKENS)).items
        for token in found:
            self._revoke(actor, token)
        return len(found)

    def revoke(self, actor: Actor, token_id: str) -> None:
        """End a token: one's own, or (tokens:all) that of anybody who holds no more than the actor. NotFound for a
        stranger's, NotAllowed for that of somebody who holds more."""
        token = self.store.get(token_id) if is_id(token_id) else None
        if token is None:
            authorize(self.audit, actor, Acts.TOKEN_LIST)
            raise NotFound
        authorize_account(self.audit, actor, Acts.TOKEN_REVOKE, self.accounts, token.user, self.ref(token))
        self._revoke(actor, token)

    def _revoke(self, actor: Actor, token: Token) -> None:
        event = self._event(TOKENS.delete, actor, token, data={"user": token.user})
        with suppress(VersionMismatch):  # revoked by another request, which recorded it
            self.store.remove(token, event)


def _actor(visitor: Actor, found: Identity[Token]) -> Actor:
    return replace(
        visitor,
        id=found.user.id,
        name=found.user.username,
        roles=grants_of(found.user, found.roles),
        scopes=found.credential.scopes,
        credential=token_credential(found.credential.id),
    )


def _scopes(names: Iterable[str] | None) -> frozenset[Permission] | None:
    if names is None:
        return None
    try:
        scopes = parse_permissions(names)
    except ValueError as error:
        raise Invalid(f"{error}.".capitalize(), field="scopes") from None
    if not scopes:
        raise Invalid("A token needs at least one scope.", field="scopes")
    return scopes


def _days(days: int | None) -> int:
    if days is not None and not 1 <= days <= MAX_TOKEN_DAYS:
        raise Invalid(f"A token lives 1 to {MAX_TOKEN_DAYS} days.", field="days")
    return DEFAULT_TOKEN_DAYS if days is None else days


def _name(name: str) -> str:
    return clean_line(name, field="name", what="A token's name", least=1, most=MAX_TOKEN_NAME)


def _nobody(user: User | None) -> str:
    """Why there is nobody to have a token. Only who may make one for everybody gets to ask for others."""
    if user is not None and user.status is UserStatus.INVITED:
        return f"{user.username} has not opened the link to choose a password yet; `user invite` makes a new one."
    return "There is no such active user."
