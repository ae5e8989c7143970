"""API tokens: what a script signs in with."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum

from backoffice.domain.actions import Actions
from backoffice.domain.ids import is_id, secret_hash
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.users import User

TOKENS = Noun(
    "token",
    read=Permissions.TOKENS_ALL,
    write=Permissions.TOKENS_OWN,
    create=Actions.TOKEN_CREATE,
    delete=Actions.TOKEN_REVOKE,
)
PREFIX = "bo"
"""Makes a leaked token recognisable to secret scanners: `bo_<id>_<secret>`."""


class TokenState(StrEnum):
    """What a token is worth. `ended`: since it was made, its user's password or roles changed, or the user was
    disabled; `blocked`: its user cannot sign in now. (A revoked token is no record any more.)"""

    ACTIVE = "active"
    EXPIRED = "expired"
    ENDED = "ended"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Token:
    """`secret` is the hash of the secret part. `scopes` None = all that the user holds. Times in ms, 0 = never."""

    id: str
    user: str
    name: str
    secret: str
    epoch: int
    created_at: int
    expires_at: int = 0
    used_at: int = 0
    scopes: frozenset[Permission] | None = None
    version: int = 1

    def matches(self, secret: str) -> bool:
        """Whether `secret` is this token's, in constant time."""
        return bool(self.secret) and hmac.compare_digest(self.secret, secret_hash(secret))

    def state(self, user: User | None, now: int, *, shut: bool = False) -> TokenState:
        """What this token of `user` (None: no such user any more) is worth at `now` (ms). `shut`: the account is over
        (`lifecycle.py`). Whoever lets somebody in by a token and whoever lists tokens ask this."""
        if user is None or user.epoch != self.epoch:
            return TokenState.ENDED
        if not user.active or shut:
            return TokenState.BLOCKED
        return TokenState.EXPIRED if self.expires_at and self.expires_at <= now else TokenState.ACTIVE

    def __repr__(self) -> str:
        """Without the hash."""
        return f"Token(id={self.id!r}, user={self.user!r}, name={self.name!r})"


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token, whose it is, and what it is worth. `holder` None: that user is deleted."""

    token: Token
    holder: User | None
    state: TokenState

    @property
    def id(self) -> str:
        return self.token.id

    @property
    def user(self) -> str:
        """The holder's id."""
        return self.token.user

    @property
    def username(self) -> str:
        return self.holder.username if self.holder is not None else self.token.user

    @property
    def name(self) -> str:
        return self.token.name

    @property
    def scopes(self) -> frozenset[Permission] | None:
        return self.token.scopes

    @property
    def created_at(self) -> int:
        return self.token.created_at

    @property
    def expires_at(self) -> int:
        return self.token.expires_at

    @property
    def used_at(self) -> int:
        return self.token.used_at


def split_token(text: str) -> tuple[str, str] | None:
    """`bo_<id>_<secret>` -> (id, secret); None when it has another form."""
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not is_id(token_id) or not 20 <= len(secret) <= 100:
        return None
    return token_id, secret
