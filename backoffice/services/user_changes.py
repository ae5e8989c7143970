"""How a user's record changes, once it is decided that it may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from backoffice.domain.access import ADMIN, Actor, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.ids import new_id, new_secret, secret_hash
from backoffice.domain.users import User, UserStatus, clean_email, clean_username
from backoffice.errors import NameTaken
from backoffice.services.authority import user_ref
from backoffice.services.passwords import Passwords
from backoffice.services.ports import UserStore

FIRST_ADMIN_MS: Final = 60 * 60 * 1000
RECORDED: Final = ("username", "email", "roles", "status", "quota_bytes")
"""Fields whose old and new value go into the log."""
SETUP: Final = system_actor("setup", "system")


@dataclass(frozen=True, slots=True)
class UserChanges:
    """Asks nobody for permission: `Users` does."""

    users: UserStore
    passwords: Passwords
    now: Callable[[], int]

    def insert(self, actor: Actor, user: User, password: str, link_ms: int) -> tuple[User, str]:
        """Keep a new user, with a password or (then its secret is returned, else "") a one-time link."""
        secret = ""
        if password:
            clean = self.passwords.check(password, user.username, user.email)
            user = replace(user, password=self.passwords.hash(clean), status=UserStatus.ACTIVE)
        else:
            secret = new_secret()
            user = replace(user, invite=secret_hash(secret), invite_expires_at=self.now() + link_ms)
        changes = {name: (None, _plain(getattr(user, name))) for name in RECORDED if getattr(user, name)}
        self.users.insert(user, AuditEvent(Actions.USER_CREATE, actor, user_ref(user), changes=changes, at=self.now()))
        return user, secret

    def save(self, actor: Actor, old: User, new: User, action: Action) -> User:
        """Put `new` in the place of `old`, with the next version."""
        new = replace(new, version=old.version + 1, updated_at=self.now())
        changes = {
            name: (_plain(getattr(old, name)), _plain(getattr(new, name)))
            for name in RECORDED
            if getattr(old, name) != getattr(new, name)
        }
        self.users.replace(old, new, AuditEvent(action, actor, user_ref(new), changes=changes, at=self.now()))
        return new

    def invite(self, actor: Actor, old: User, link_ms: int) -> str:
        """Give the user a new one-time link; its secret."""
        secret = new_secret()
        new = replace(old, invite=secret_hash(secret), invite_expires_at=self.now() + link_ms)
        self.save(actor, old, new, Actions.USER_INVITE)
        return secret

    def with_password(self, actor: Actor, old: User, password: str) -> User:
        """Give the user a password; ends sessions, tokens and the one-time link. Raises WeakPassword."""
        clean = self.passwords.check(password, old.username, old.email)
        new = replace(
            old,
            password=self.passwords.hash(clean),
            status=UserStatus.ACTIVE if old.status is UserStatus.INVITED else old.status,
            epoch=old.epoch + 1,
            invite="",
            invite_expires_at=0,
        )
        return self.save(actor, old, new, Actions.USER_PASSWORD)

    def first_admin(self, name: str, password: str) -> User:
        """The user of that name or address as an administrator, active if there is a password."""
        user = self.users.find(name)
        if user is None:
            now, email = self.now(), clean_email(name) if "@" in name else ""
            new = User(new_id(), clean_username(name), created_at=now, updated_at=now, email=email, roles=(ADMIN,))
            try:
                return self.insert(SETUP, new, password, FIRST_ADMIN_MS)[0]
            except NameTaken:
                # Another process started at the same moment.
                user = self.users.find(name)
                if user is None:
                    raise
        if ADMIN not in user.roles:
            roles = tuple(sorted({*user.roles, ADMIN}))
            user = self.save(SETUP, user, replace(user, roles=roles, epoch=user.epoch + 1), Actions.USER_UPDATE)
        if password and not user.active:
            user = self.with_password(SETUP, user, password)
        return user


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
