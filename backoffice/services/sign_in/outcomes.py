"""What signing in, and a credential that comes with a request, turn out to be."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.domain.access import Actor
from backoffice.domain.sessions import Session
from backoffice.domain.users import User


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`secret` goes into the session's cookie, `device` into the one that outlives it. `actor`: who entered, without a
    ground."""

    session: Session
    secret: str
    user: User
    device: str
    actor: Actor

    def __repr__(self) -> str:
        """Without the secret."""
        return f"SignedIn(user={self.user!r})"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who sent a session's cookie."""

    actor: Actor
    session: Session
    user: User
