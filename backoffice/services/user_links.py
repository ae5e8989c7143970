"""The one-time links by which people get in for the first time, and again when they have forgotten their password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts
from backoffice.domain.audit import NO_OBJECT
from backoffice.domain.ids import secret_hash
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.roles import Role
from backoffice.domain.users import User, UserStatus
from backoffice.errors import Invalid, NotFound, VersionMismatch
from backoffice.services.authorization import authorize_account, authorize_over
from backoffice.services.ports import AccountStore, RoleStore
from backoffice.services.records import expect
from backoffice.services.sign_in.refusals import fingerprint, record_refusal
from backoffice.services.user_changes import FIRST_ADMIN_MS, SETUP, UserChanges

INVITE_MS: Final = 24 * 60 * 60 * 1000
"""A new user's link."""
RESET_MS: Final = 30 * 60 * 1000
"""The link of somebody who has a password."""


@dataclass(frozen=True, kw_only=True)
class UserLinks(UserChanges):
    """The part of `Users` that makes links and lets in by them."""

    accounts: AccountStore
    roles: RoleStore
    policy: AccountPolicy = OPEN_END

    def invite(self, actor: Actor, user_id: str) -> str:
        """The secret of a new one-time link to choose a password; an older one is void."""
        old, known = self._managed(actor, Acts.USER_INVITE, user_id)
        if old.password:
            authorize_over(self.audit, actor, Acts.USER_RESET, old, known, now=self.now())
        if old.status is UserStatus.DISABLED:
            raise Invalid("This user is disabled; enable the user first.")
        ended = self.policy.ended(old, known, self.now())
        if ended is not None:
            raise Invalid(f"This account is {ended.why}; enable the user first.")
        return self._new_invite(actor, old, RESET_MS if old.password else INVITE_MS)

    def open_invite(self, actor: Actor, secret: str) -> User:
        """Whose link it is; `actor` is nobody yet. Raises NotFound, recorded, when it is unknown, used or expired."""
        user = self.store.find_invite(secret_hash(secret)) if secret.isascii() and 20 <= len(secret) <= 100 else None
        ended = self.policy.ended(user, self.roles.all(), self.now()) if user is not None else None
        if user is None or ended is not None or not user.has_open_link(self.now()):
            target = self.ref(user) if user is not None else NO_OBJECT
            because = "unknown or used link" if user is None else "expired link"
            if ended is not None:
                because = f"account is {ended.why}"
            record_refusal(self.audit, actor, because, at=self.now(), target=target, data=fingerprint(secret))
            raise NotFound("This link is not valid any more; ask for another.")
        return user

    def accept_invite(self, actor: Actor, secret: str, password: str) -> User:
        """Choose a password by a one-time link, which is used up. `actor` is nobody yet.

        Raises NotFound, WeakPassword.
        """
        user = self.open_invite(actor, secret)
        who = replace(actor, id=user.id, name=user.username)
        try:
            return self._with_password(who, user, password)
        except VersionMismatch as error:
            raise NotFound("This link has just been used.") from error

    def ensure_first_admin(self, admin_users: Sequence[str], password: str) -> tuple[str, str] | None:
        """Unless there is an active administrator: make the users named administrators, active ones if there is a
        password. Returns (user name, secret of a fresh one-time link) as long as there is none, else None.

        Once there is one, names in the settings give nobody anything: somebody could have taken such a name.
        """
        if self.store.count_admins():
            return None
        users = [self._first_admin(name, password) for name in admin_users]
        if password or not users:
            return None
        return users[0].username, self._new_invite(SETUP, users[0], FIRST_ADMIN_MS)

    def _managed(
        self, actor: Actor, act: Act, user_id: str, version: int | None = None
    ) -> tuple[User, Mapping[str, Role]]:
        """A user to whom the actor may do this, unchanged since `version`, and all roles as they are at that moment."""
        user, roles = authorize_account(self.audit, actor, act, self.accounts, user_id, now=self.now())
        if user is None:
            raise NotFound
        expect(user, version)
        return user, roles
