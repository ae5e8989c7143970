"""Users: who may change whom, and the one-time links by which people get in for the first time."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.ids import is_id, new_id, secret_hash
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.times import now_ms
from backoffice.domain.users import User, UserStatus, clean_email, clean_username
from backoffice.errors import BadCredentials, Invalid, NotAllowed, NotFound, NotSignedIn, VersionMismatch
from backoffice.services.authority import by_token, held, manages, require, require_fresh, require_held, user_ref
from backoffice.services.limits import charge, password_buckets, settle
from backoffice.services.passwords import Passwords
from backoffice.services.ports import AuditLog, RoleStore, Throttle, TokenStore, UserStore
from backoffice.services.user_changes import FIRST_ADMIN_MS, SETUP, UserChanges

INVITE_MS: Final = 24 * 60 * 60 * 1000
"""A new user's link."""
RESET_MS: Final = 30 * 60 * 1000
"""The link of somebody who has a password."""
MAX_QUOTA: Final = 2**53


class Unset(enum.Enum):
    """Not given, where None means something."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Users:
    """Who holds less than a user may not change, disable, delete or reset that user."""

    users: UserStore
    roles: RoleStore
    tokens: TokenStore
    audit: AuditLog
    throttle: Throttle
    passwords: Passwords
    now: Callable[[], int] = now_ms

    # -- reading

    def page(self, actor: Actor, query: Query) -> Page[User]:
        """Filters `role` and `status`; orders `created` and `username`."""
        require(self.audit, actor, Permissions.USERS_READ)
        return self.users.page(query)

    def get(self, actor: Actor, user_id: str) -> User:
        """Takes users:read, but for oneself."""
        if not actor.signed_in or user_id != actor.id:
            require(self.audit, actor, Permissions.USERS_READ, target=ObjectRef("user", user_id))
        return self._existing(user_id)

    def find(self, actor: Actor, login: str) -> User:
        """By user name or e-mail address."""
        require(self.audit, actor, Permissions.USERS_READ)
        user = self.users.find(login) if login.isprintable() else None
        if user is None:
            raise NotFound(f"There is no user {login[:64]!r}.")
        return user

    def names(self, ids: Iterable[str]) -> dict[str, str]:
        """Id -> user name, for lists of things that belong to users; ids without a user are left out."""
        wanted = list(dict.fromkeys(one for one in ids if is_id(one)))
        return {user.id: user.username for user in self.users.get_many(wanted) if user is not None}

    def manageable(self, actor: Actor) -> Callable[[User], bool]:
        """Whether `actor` may change a user, for views that hide what would be refused; good for one request."""
        roles = self.roles.all()
        return lambda user: Permissions.USERS_WRITE in actor.permissions and manages(actor, user, roles)

    # -- changing

    def create(
        self,
        actor: Actor,
        *,
        username: str,
        email: str = "",
        password: str = "",
        roles: Sequence[str] = ("user",),
        quota_bytes: int | None = None,
    ) -> tuple[User, str]:
        """A new user and, when no password is given, the secret of a one-time link to choose one (else "").

        Raises Invalid, WeakPassword, NameTaken; NotAllowed for roles that grant more than the actor holds.
        """
        require(self.audit, actor, Permissions.USERS_WRITE)
        if set(roles) - {"user"}:
            require_fresh(actor, self.now())
        user = User(
            id=new_id(),
            username=clean_username(username),
            email=clean_email(email),
            created_at=self.now(),
            updated_at=self.now(),
            quota_bytes=_quota(quota_bytes),
            roles=self._grantable(actor, roles, ()),
        )
        return self._changes.insert(actor, user, password, INVITE_MS)

    def update(
        self,
        actor: Actor,
        user_id: str,
        *,
        version: int | None = None,
        username: str | None = None,
        email: str | None = None,
        roles: Sequence[str] | None = None,
        quota_bytes: int | Unset | None = UNSET,
    ) -> User:
        """Change what is given. Other roles end the user's sessions and tokens.

        Raises as `create` does, and VersionMismatch, LastAdmin; ReauthRequired for the address and the roles.
        """
        old = new = self._managed(actor, user_id, version)
        if username is not None:
            new = replace(new, username=clean_username(username))
        if email is not None:
            new = replace(new, email=clean_email(email))
        if roles is not None:
            new = replace(new, roles=self._grantable(actor, roles, old.roles))
        if not isinstance(quota_bytes, Unset):
            new = replace(new, quota_bytes=_quota(quota_bytes))
        if (new.email, new.roles) != (old.email, old.roles):
            require_fresh(actor, self.now())
        if set(new.roles) != set(old.roles):
            new = replace(new, epoch=old.epoch + 1)
        return self._changes.save(actor, old, new, Actions.USER_UPDATE) if new != old else old

    def set_password(self, actor: Actor, user_id: str, password: str) -> User:
        """Give somebody a password; ends their sessions and tokens."""
        old = self._guarded(actor, user_id)
        return self._changes.with_password(actor, old, password)

    def change_password(self, actor: Actor, old: str, new: str) -> User:
        """One's own. Ends all sessions and tokens; the caller begins a new session.

        Raises BadCredentials when `old` is wrong, TooMany after many failures, WeakPassword.
        """
        if not actor.signed_in:
            raise NotSignedIn
        if by_token(actor):
            raise NotAllowed("A token cannot change a password.")
        user = self._existing(actor.id)
        buckets = password_buckets(user.id)
        charge(self.throttle, buckets)
        if not self.passwords.verify(user.password, old):
            raise BadCredentials("The present password is not right.", field="old")
        settle(self.throttle, buckets)
        return self._changes.with_password(actor, user, new)

    def disable(self, actor: Actor, user_id: str, version: int | None = None) -> User:
        """Shut somebody out at once. Raises LastAdmin."""
        old = self._managed(actor, user_id, version)
        if old.status is UserStatus.DISABLED:
            return old
        new = replace(old, status=UserStatus.DISABLED, epoch=old.epoch + 1, invite="", invite_expires_at=0)
        return self._changes.save(actor, old, new, Actions.USER_DISABLE)

    def enable(self, actor: Actor, user_id: str, version: int | None = None) -> User:
        """Let somebody in again."""
        old = self._managed(actor, user_id, version)
        if old.status is not UserStatus.DISABLED:
            return old
        status = UserStatus.ACTIVE if old.password else UserStatus.INVITED
        return self._changes.save(actor, old, replace(old, status=status), Actions.USER_ENABLE)

    def delete(self, actor: Actor, user_id: str, version: int | None = None) -> None:
        """For good; the name stays taken. Raises LastAdmin, InUse while there are files or uploads."""
        old = self._managed(actor, user_id, version)
        self.users.remove(old, AuditEvent(Actions.USER_DELETE, actor, user_ref(old), at=self.now()))
        # Without their user they are worth nothing any more; this only clears them away.
        for token in self.tokens.page(Query(filters=(("user", old.id),), limit=500)).items:
            target = ObjectRef("token", token.id, token.name)
            self.tokens.remove(token, AuditEvent(Actions.TOKEN_REVOKE, actor, target, at=self.now()))

    # -- one-time links

    def invite(self, actor: Actor, user_id: str) -> str:
        """The secret of a new one-time link to choose a password; an older one is void."""
        old = self._guarded(actor, user_id)
        if old.status is UserStatus.DISABLED:
            raise Invalid("This user is disabled; enable the user first.")
        return self._changes.invite(actor, old, RESET_MS if old.password else INVITE_MS)

    def open_invite(self, secret: str) -> User:
        """Whose link it is. Raises NotFound when it is unknown, used or expired."""
        user = self.users.find_invite(secret_hash(secret)) if secret.isascii() and 20 <= len(secret) <= 100 else None
        if user is None or user.invite_expires_at <= self.now() or user.status is UserStatus.DISABLED:
            raise NotFound("This link is not valid any more; ask for another.")
        return user

    def accept_invite(self, actor: Actor, secret: str, password: str) -> User:
        """Choose a password by a one-time link, which is used up. `actor` is nobody yet. Raises NotFound, WeakPassword."""
        user = self.open_invite(secret)
        who = replace(actor, id=user.id, name=user.username)
        try:
            return self._changes.with_password(who, user, password)
        except VersionMismatch as error:
            raise NotFound("This link has just been used.") from error

    def ensure_first_admin(self, admin_users: Sequence[str], password: str) -> tuple[str, str] | None:
        """Unless there is an active administrator: make the users named administrators, active ones if there is a
        password. Returns (user name, secret of a fresh one-time link) as long as there is none, else None.

        Once there is one, names in the settings give nobody anything: somebody could have taken such a name.
        """
        if self.users.count_admins():
            return None
        users = [self._changes.first_admin(name, password) for name in admin_users]
        if password or not users:
            return None
        return users[0].username, self._changes.invite(SETUP, users[0], FIRST_ADMIN_MS)

    # -- parts

    @property
    def _changes(self) -> UserChanges:
        return UserChanges(self.users, self.passwords, self.now)

    def _existing(self, user_id: str) -> User:
        user = self.users.get(user_id) if is_id(user_id) else None
        if user is None:
            raise NotFound
        return user

    def _managed(self, actor: Actor, user_id: str, version: int | None = None) -> User:
        """A user whom the actor may change, unchanged since `version`."""
        require(self.audit, actor, Permissions.USERS_WRITE, target=ObjectRef("user", user_id))
        user = self._existing(user_id)
        require_held(self.audit, actor, Permissions.USERS_WRITE, held(self.roles.all(), user.roles), user_ref(user))
        if version is not None and version != user.version:
            raise VersionMismatch
        return user

    def _guarded(self, actor: Actor, user_id: str) -> User:
        """A user whose way of signing in the actor may change. A token may not, for its own user: it would outlive
        its scopes and its expiry that way."""
        if by_token(actor) and user_id == actor.id:
            raise NotAllowed("A token cannot change a password.")
        require_fresh(actor, self.now())
        return self._managed(actor, user_id)

    def _grantable(self, actor: Actor, names: Sequence[str], has: Sequence[str]) -> tuple[str, ...]:
        """The roles named, in order; those the user does not have yet grant nothing that the actor lacks."""
        roles = self.roles.all()
        for name in names:
            if name not in roles:
                raise Invalid(f"There is no role {name[:40]!r}.", field="roles")
        added = set(names) - set(has)
        require_held(
            self.audit, actor, Permissions.USERS_WRITE, held(roles, added), ObjectRef("role", ",".join(sorted(added)))
        )
        return tuple(sorted(set(names)))


def _quota(quota_bytes: int | None) -> int | None:
    if quota_bytes is not None and not 0 <= quota_bytes <= MAX_QUOTA:
        raise Invalid("A quota is a number of bytes from 0 on.", field="quota_bytes")
    return quota_bytes
