"""Sessions: a browser that signed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backoffice.domain.users import User


@dataclass(frozen=True, slots=True)
class Session:
    """`id` is the hash of the cookie's secret (the secret itself is nowhere). Times in ms. Dead when `expires_at` or
    `ends_at` has passed or the user's epoch is another; `auth_at` is when the password was last given."""

    id: str
    user: str
    epoch: int
    created_at: int
    seen_at: int
    auth_at: int
    expires_at: int
    ends_at: int
    ip: str = ""
    agent: str = ""
    version: int = 1

    def over(self, now: int) -> bool:
        """Whether its time has run out at `now` (ms)."""
        return min(self.expires_at, self.ends_at) <= now

    def continues(self, other: Session) -> bool:
        """Whether this is `other` under a later secret."""
        since = (self.user, self.created_at, self.ends_at, self.ip, self.agent)
        return self.version > other.version and since == (
            other.user,
            other.created_at,
            other.ends_at,
            other.ip,
            other.agent,
        )

    def lets_in(self, user: User, now: int) -> bool:
        """Whether it lets `user`, whose it is, in at `now` (ms). Whoever lets somebody in by it and whoever lists
        sessions ask this."""
        return user.active and user.epoch == self.epoch and not self.over(now)


class SessionState(StrEnum):
    """What a session is worth. `ended`: its user was disabled since, or has another password, other roles or an account
    that is over; its record goes when its time does."""

    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A session, whose it is, and what it is worth. `holder` None: that user is deleted."""

    session: Session
    holder: User | None
    state: SessionState

    @property
    def id(self) -> str:
        return self.session.id

    @property
    def user(self) -> str:
        """The holder's id."""
        return self.session.user

    @property
    def username(self) -> str:
        return self.holder.username if self.holder is not None else self.session.user

    @property
    def ip(self) -> str:
        return self.session.ip

    @property
    def agent(self) -> str:
        return self.session.agent

    @property
    def created_at(self) -> int:
        return self.session.created_at

    @property
    def seen_at(self) -> int:
        return self.session.seen_at

    @property
    def auth_at(self) -> int:
        return self.session.auth_at

    @property
    def expires_at(self) -> int:
        return self.session.expires_at
