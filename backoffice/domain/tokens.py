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

    def state(self, user: User | None, now: int) -> TokenState:
        """What this token of `user` (None: no such user any more) is worth at `now` (ms). Whoever lets somebody
        in by a token and whoever lists tokens ask this."""
        if user is None or user.epoch != self.epoch:
            return TokenState.ENDED
        if not user.active:
            return TokenState.BLOCKED
        return TokenState.EXPIRED if self.expires_at and self.expires_at <= now else TokenState.ACTIVE

    def __repr__(self) -> str:
        """Without the hash."""
        return f"Token(id={self.id!r}, user={self.user!r}, name={self.name!r})"


def split_token(text: str) -> tuple[str, str] | None:
    """`bo_<id>_<secret>` -> (id, secret); None when it has another form."""
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not is_id(token_id) or not 20 <= len(secret) <= 100:
        return None
    return token_id, secret
