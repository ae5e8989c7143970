"""What changes of users are made of. Nobody is asked for permission here: `users.py` does that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import ADMIN, Actor, system_actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.ids import new_id
from backoffice.domain.usernames import clean_username
from backoffice.domain.users import USERS, User, UserStatus, clean_email
from backoffice.errors import LastAdmin, NameTaken
from backoffice.services.authorization import record_denial, user_ref
from backoffice.services.ports import UserStore
from backoffice.services.records import Records
from backoffice.services.sign_in.credentials import with_link, with_password
from backoffice.services.sign_in.passwords import Passwords

FIRST_ADMIN_MS: Final = 60 * 60 * 1000
"""The link of the first administrator."""
SETUP: Final = system_actor("setup", "system")


@dataclass(frozen=True, kw_only=True)
class UserChanges(Records[User]):
    """Users with their two ways in, a password and a one-time link."""

    noun = USERS
    store: UserStore
    passwords: Passwords

    def _save(self, actor: Actor, old: User, new: User, action: Action | None = None) -> User:
        with self._refusals_recorded(actor, old):
            return super()._save(actor, old, new, action)

    def _remove(self, actor: Actor, old: User) -> None:
        with self._refusals_recorded(actor, old):
            super()._remove(actor, old)

    @contextmanager
    def _refusals_recorded(self, actor: Actor, user: User) -> Iterator[None]:
        """What the store refuses about `user` on a rule, and not for what was entered, is in the log."""
        try:
            yield
        except LastAdmin:
            record_denial(self.audit, actor, USERS.write, user_ref(user), "the last active administrator stays")
            raise

    def _insert_user(self, actor: Actor, user: User, password: str, link_ms: int) -> tuple[User, str]:
        """Keep a new user, with a password or (then its secret is returned, else "") a one-time link."""
        secret = ""
        if password:
            clean = self.passwords.check(password, user.username, user.email)
            user = replace(user, password=self.passwords.hash(clean), status=UserStatus.ACTIVE)
        else:
            user, secret = with_link(user, self.now() + link_ms)
        return self._insert(actor, user), secret

    def _new_invite(self, actor: Actor, old: User, link_ms: int) -> str:
        """Give the user a new one-time link; its secret."""
        new, secret = with_link(old, self.now() + link_ms)
        self._save(actor, old, new, Actions.USER_INVITE)
        return secret

    def _with_password(self, actor: Actor, old: User, password: str) -> User:
        """Give the user a password; ends sessions, tokens and the one-time link. Raises WeakPassword."""
        return self._save(actor, old, with_password(old, password, self.passwords), Actions.USER_PASSWORD)

    def _first_admin(self, name: str, password: str) -> User:
        """The user of that name or address as an administrator, active if there is a password."""
        user = self.store.find(name)
        if user is None:
            now, email = self.now(), clean_email(name) if "@" in name else ""
            username = clean_username(name, reserved=True)
            new = User(new_id(), username, created_at=now, updated_at=now, email=email, roles=(ADMIN,))
            try:
                return self._insert_user(SETUP, new, password, FIRST_ADMIN_MS)[0]
            except NameTaken:
                # Another process started at the same moment.
                user = self.store.find(name)
                if user is None:
                    raise
        if ADMIN not in user.roles:
            roles = tuple(sorted({*user.roles, ADMIN}))
            user = self._save(SETUP, user, replace(user, roles=roles, epoch=user.epoch + 1))
        if password and not user.active:
            user = self._with_password(SETUP, user, password)
        return user
