"""What hangs on an account: what ends, stays or stands in the way when somebody disables, demotes or deletes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backoffice.domain.access import ADMIN, Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import ObjectRef
from backoffice.domain.ids import is_id
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.tokens import Token, TokenState
from backoffice.domain.users import User
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.file_ports import FileStore, UploadStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore, LinkStore, SessionStore, ShareStore, TokenStore, UserStore


class Obstacle(StrEnum):
    """Why an account cannot be deleted now. `waiting`: guests have delivered something that was neither accepted nor
    refused; `clearing`: bytes of deleted files are still being freed."""

    FILES = "files"
    TRASH = "trash"
    WAITING = "waiting"
    UPLOADS = "uploads"
    CLEARING = "clearing"
    LAST_ADMIN = "last_admin"


@dataclass(frozen=True, slots=True)
class UserConsequences:
    """What a user has at this moment.

    `files` outside of the trash, `trashed` in it, `waiting` those that guests have delivered and nobody has accepted,
    `used_bytes` of all of them, and of what is being freed. `uploads` are those
    not finished, for which `reserved_bytes` are held. `sessions` and `tokens` are those that let the person in now:
    disabling, deleting and other roles end them for good, and so does a new password; enabling brings none back.
    `links` and `shares` are those of share links, requests for files and shares with others that nothing has closed and
    whose time is not over: disabling shuts them, and they stay shut until an operator opens them again; deleting
    removes them.
    """

    user: User
    files: int
    trashed: int
    waiting: int
    used_bytes: int
    uploads: int
    reserved_bytes: int
    sessions: int
    tokens: int
    links: int
    shares: int
    open_link: bool
    last_admin: bool

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What has to go before the account can be deleted; none: it can be."""
        nothing = not (self.files or self.trashed or self.waiting or self.uploads)
        found = {
            Obstacle.FILES: self.files,
            Obstacle.TRASH: self.trashed,
            Obstacle.WAITING: self.waiting,
            Obstacle.UPLOADS: self.uploads,
            Obstacle.CLEARING: nothing and (self.used_bytes or self.reserved_bytes),
            Obstacle.LAST_ADMIN: self.last_admin,
        }
        return tuple(one for one, there in found.items() if there)


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """The one answer for the question before an act, on pages and for programs, and the numbers of a user's page. The
    act itself decides anew."""

    accounts: AccountStore
    users: UserStore
    files: FileStore
    uploads: UploadStore
    sessions: SessionStore
    tokens: TokenStore
    links: LinkStore
    shares: ShareStore
    audit: AuditLog
    together: Callable[..., list[Any]]
    policy: AccountPolicy = OPEN_END
    now: Callable[[], int] = now_ms

    def of(self, actor: Actor, user_id: str) -> UserConsequences:
        """Of one account. Takes users:read, but for oneself. Two round trips. Raises NotFound."""
        if not actor.signed_in or user_id != actor.id:
            authorize(self.audit, actor, Acts.USER_READ, target=ObjectRef("user", user_id))
        if not is_id(user_id):
            raise NotFound
        (user, roles), usage, admins, files, trashed, waiting, uploads, *ends = self.together(
            lambda: self.accounts.load(user_id),
            lambda: self.files.usage(user_id),
            self.users.count_admins,
            lambda: self.files.page(_of("owner", user_id, 1)),
            lambda: self.files.page(_of("trash", user_id, 1, "purge")),
            lambda: self.files.page(_of("waiting", user_id, 1, "delivered")),
            lambda: self.uploads.page(_of("owner", user_id, 1)),
            lambda: self.sessions.page(_of("user", user_id, MAX_LIMIT)),
            lambda: self.tokens.page(_of("user", user_id, MAX_LIMIT)),
            lambda: self.links.page(_of("owner", user_id, MAX_LIMIT)),
            lambda: self.shares.page(_of("owner", user_id, MAX_LIMIT)),
        )
        if user is None:
            raise NotFound
        used, reserved = usage
        sessions, tokens, links, shares = (page.items for page in ends)
        return UserConsequences(
            user=user,
            files=files.total,
            trashed=trashed.total,
            waiting=waiting.total,
            used_bytes=used,
            uploads=uploads.total,
            reserved_bytes=reserved,
            sessions=self._living(user, roles, sessions),
            tokens=self._working(user, roles, tokens),
            links=sum(not one.closed_at and one.expires_at > self.now() for one in links),
            shares=sum(not one.closed_at for one in shares),
            open_link=user.has_open_link(self.now()),
            last_admin=user.active and ADMIN in user.roles and admins == 1,
        )

    def _living(self, user: User, roles: Mapping[str, Role], sessions: Sequence[Session]) -> int:
        """How many of these sessions let the person in now."""
        now = self.now()
        living = [one for one in sessions if one.lets_in(user, now)]
        return sum(self.policy.ended(user, roles, now, one.created_at) is None for one in living)

    def _working(self, user: User, roles: Mapping[str, Role], tokens: Sequence[Token]) -> int:
        """Likewise."""
        now = self.now()
        shut = self.policy.ended(user, roles, now) is not None
        return sum(one.state(user, now, shut=shut) is TokenState.ACTIVE for one in tokens)


def _of(facet: str, user_id: str, limit: int, sort: str = "") -> Query:
    return Query(sort=sort, filters=((facet, user_id),), limit=limit)
