"""Users: who may change whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict, Unpack

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Act, Acts
from backoffice.domain.audit import ObjectRef
from backoffice.domain.ids import is_id, new_id
from backoffice.domain.lifecycle import Standing, clean_expiry, clean_inactive_days
from backoffice.domain.limits import MAX_QUOTA
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.usernames import clean_username
from backoffice.domain.users import User, UserStatus, clean_email
from backoffice.errors import (
    BadCredentials,
    Invalid,
    NotFound,
    TooMany,
)
from backoffice.services.authorization import (
    authorize,
    authorize_grant,
    authorize_over,
    permissions_of,
    within_reach,
)
from backoffice.services.belongings import Belongings
from backoffice.services.ports import Throttle
from backoffice.services.records import UNSET, Unset
from backoffice.services.sharing import with_break
from backoffice.services.sign_in.refusals import record_refusal
from backoffice.services.sign_in.throttle import consume, password_ways
from backoffice.services.user_links import INVITE_MS, UserLinks

NOTED_TOGETHER: Final = 100
"""Users in one step of the worker."""


class UserFields(TypedDict, total=False):
    """What can be changed of a user, and the version that is meant."""

    version: int | None
    username: str | None
    email: str | None
    roles: Sequence[str] | None
    quota_bytes: int | Unset | None
    expires_at: int | Unset
    inactive_days: int | Unset | None


@dataclass(frozen=True, kw_only=True)
class Users(UserLinks):
    """Who holds less than a user may not change, disable, delete or reset that user. `page` has the filters `role` and
    `status` and the orders of `UserStore`."""

    belongings: Belongings
    throttle: Throttle

    # -- reading

    def get(self, actor: Actor, user_id: str) -> User:
        """Takes users:read, but for oneself."""
        if not actor.signed_in or user_id != actor.id:
            authorize(self.audit, actor, Acts.USER_READ, target=ObjectRef("user", user_id))
        return self._existing(user_id)

    def find(self, actor: Actor, login: str) -> User:
        """By user name or e-mail address."""
        authorize(self.audit, actor, Acts.USER_READ)
        user = self.store.find(login) if login.isprintable() else None
        if user is None:
            raise NotFound(f"There is no user {login[:64]!r}.")
        return user

    def names(self, ids: Iterable[str]) -> dict[str, str]:
        """Id -> user name, for lists of things that belong to users; ids without a user are left out."""
        return {user.id: user.username for user in self._by_id(ids)}

    def owners(self, actor: Actor, ids: Iterable[str]) -> dict[str, User]:
        """Id -> user, likewise; for lists that show what these can still do. One round trip."""
        authorize(self.audit, actor, Acts.USER_READ)
        return {user.id: user for user in self._by_id(ids)}

    def _by_id(self, ids: Iterable[str]) -> list[User]:
        wanted = list(dict.fromkeys(one for one in ids if is_id(one)))
        return [user for user in self.store.get_many(wanted) if user is not None]

    def permitted(self, actor: Actor) -> Callable[[Act, User], bool]:
        """Whether `actor` may do something to a user's account, after giving the password if that is all it takes. For
        views, which hide what would be refused; good for one request."""
        return within_reach(actor, self.roles.all())

    def standings(self) -> Callable[[User], Standing]:
        """Whether and when accounts end by themselves, of users who were read. For views; good for one request."""
        roles, now = self.roles.all(), self.now()
        return lambda user: self.policy.standing(user, roles, now)

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
        expires_at: int = 0,
        inactive_days: int | None = None,
    ) -> tuple[User, str]:
        """A new user and, when no password is given, the secret of a one-time link to choose one (else "").

        Raises Invalid, WeakPassword, NameTaken; NotAllowed for roles that grant more than the actor holds.
        """
        act = Acts.USER_CREATE_WITH_ROLES if set(roles) - {"user"} else Acts.USER_CREATE
        authorize(self.audit, actor, act, now=self.now())
        known = self.roles.all()
        user = User(
            id=new_id(),
            username=clean_username(username),
            email=clean_email(email),
            created_at=self.now(),
            updated_at=self.now(),
            quota_bytes=_quota(quota_bytes),
            roles=self._grantable(actor, act, known, roles, ()),
            expires_at=clean_expiry(expires_at),
            inactive_days=clean_inactive_days(inactive_days),
        )
        user = replace(user, inactive_at=self.policy.inactive_at(user, known))
        return self._insert_user(actor, user, password, INVITE_MS)

    def update(self, actor: Actor, user_id: str, **fields: Unpack[UserFields]) -> User:
        """Change what is given. Other roles end the user's sessions and tokens. `expires_at` (ms) 0 = never;
        `inactive_days` 0 = any number, None = what the roles or the site say.

        Raises as `create` does, and VersionMismatch, LastAdmin; ReauthRequired for the name, the address and the roles;
        NotAllowed for the address of somebody who holds as much as the actor, and for roles that take from them.
        """
        return self._save(actor, *self._changed(actor, user_id, **fields))

    def foresee(self, actor: Actor, user_id: str, **fields: Unpack[UserFields]) -> None:
        """Refuse now what `update` would refuse as things stand: so nobody is asked about what cannot be."""
        self._changed(actor, user_id, **fields)

    def set_password(self, actor: Actor, user_id: str, password: str) -> User:
        """Give somebody a password; ends their sessions and tokens."""
        old, _ = self._managed(actor, Acts.USER_PASSWORD, user_id)
        return self._with_password(actor, old, password)

    def change_password(self, actor: Actor, old: str, new: str) -> User:
        """One's own. Ends all sessions and tokens; the caller begins a new session.

        Raises BadCredentials when `old` is wrong, TooMany after many failures, WeakPassword.
        """
        authorize(self.audit, actor, Acts.PASSWORD_CHANGE, actor.id, ObjectRef("user", actor.id))
        user = self._existing(actor.id)
        try:
            way = consume(self.throttle, password_ways(user.id))
        except TooMany:
            record_refusal(self.audit, actor, "too many attempts", at=self.now(), target=self.ref(user))
            raise
        if not self.passwords.verify(user.password, old):
            record_refusal(self.audit, actor, "wrong password", at=self.now(), target=self.ref(user), once="")
            raise BadCredentials("The present password is not right.", field="old")
        self.throttle.succeed(way)
        return self._with_password(actor, user, new)

    def disable(self, actor: Actor, user_id: str, version: int | None = None) -> User:
        """Shut somebody out at once. Raises LastAdmin."""
        old, _ = self._managed(actor, Acts.USER_DISABLE, user_id, version)
        if old.status is UserStatus.DISABLED:
            return old
        new = replace(old, status=UserStatus.DISABLED, epoch=old.epoch + 1, invite="", invite_expires_at=0)
        return self._save(actor, old, replace(new, inactive_at=0), Actions.USER_DISABLE)

    def enable(self, actor: Actor, user_id: str, version: int | None = None) -> User:
        """Let somebody in again whose account was disabled or is over: a date that is past goes, and the days without
        signing in count from now on."""
        old, known = self._managed(actor, Acts.USER_ENABLE, user_id, version)
        now = self.now()
        disabled, ended = old.status is UserStatus.DISABLED, self.policy.ended(old, known, now)
        if not disabled and ended is None:
            return old
        new = replace(old, enabled_at=now, expires_at=0 if 0 < old.expires_at <= now else old.expires_at)
        if disabled:
            new = replace(new, status=UserStatus.ACTIVE if old.password else UserStatus.INVITED)
        new = replace(new, inactive_at=self.policy.inactive_at(new, known))
        return self._save(actor, old, new, Actions.USER_ENABLE)

    def delete(self, actor: Actor, user_id: str, version: int | None = None) -> None:
        """For good; the name stays taken. Raises LastAdmin, InUse while there are files or uploads."""
        old, _ = self._managed(actor, Acts.USER_DELETE, user_id, version)
        self._remove(actor, old)
        self.belongings.clear(actor, old.id, self.now())

    # -- what the worker does

    def note_ends(self, cursor: str) -> str:
        """After an update, and after other days were given to a role or the site: note of everybody when days without
        signing in end the account, for lists. One step, from `cursor` on ("" = the first); where the next one goes on,
        "" when it was done, now or before."""
        roles = self.roles.all()
        rules = self.policy.fingerprint(roles)
        if not cursor and self.store.ends_noted_by() == rules:
            return ""
        page = self.store.page(Query(sort="created", cursor=cursor, limit=NOTED_TOGETHER))
        if page.items:
            self.store.note_ends([(one, self.policy.inactive_at(one, roles)) for one in page.items])
        if not page.next_cursor:
            self.store.ends_are_noted(rules)
        return page.next_cursor

    # -- parts

    def _changed(
        self,
        actor: Actor,
        user_id: str,
        *,
        version: int | None = None,
        username: str | None = None,
        email: str | None = None,
        roles: Sequence[str] | None = None,
        quota_bytes: int | Unset | None = UNSET,
        expires_at: int | Unset = UNSET,
        inactive_days: int | Unset | None = UNSET,
    ) -> tuple[User, User]:
        """A user as they are, and as they are to be."""
        old, known = self._managed(actor, Acts.USER_UPDATE, user_id, version)
        new = old
        if username is not None and username != old.username:
            new = replace(new, username=clean_username(username))
        if email is not None:
            new = replace(new, email=clean_email(email))
        if roles is not None:
            new = replace(new, roles=self._grantable(actor, Acts.USER_GIVE_ROLES, known, roles, old.roles))
        if not isinstance(quota_bytes, Unset):
            new = replace(new, quota_bytes=_quota(quota_bytes))
        if not isinstance(expires_at, Unset):
            new = replace(new, expires_at=clean_expiry(expires_at))
        if not isinstance(inactive_days, Unset):
            new = replace(new, inactive_days=clean_inactive_days(inactive_days))
        for act in _guarded(old, new, known):
            authorize_over(self.audit, actor, act, old, known, now=self.now())
        if set(new.roles) != set(old.roles):
            new = replace(new, epoch=old.epoch + 1)
        if (new.roles, new.inactive_days) != (old.roles, old.inactive_days):
            new = replace(new, inactive_at=self.policy.inactive_at(new, known))
        return old, with_break(old, new, known, self.policy, self.now())

    def _grantable(
        self, actor: Actor, act: Act, known: Mapping[str, Role], names: Sequence[str], has: Sequence[str]
    ) -> tuple[str, ...]:
        """The roles named, in order; those the user does not have yet grant nothing that the actor lacks."""
        for name in names:
            if name not in known:
                raise Invalid(f"There is no role {name[:40]!r}.", field="roles")
        added = set(names) - set(has)
        target = ObjectRef("role", ",".join(sorted(added)))
        authorize_grant(self.audit, actor, act, permissions_of(known, added), target)
        return tuple(sorted(set(names)))


def _guarded(old: User, new: User, known: Mapping[str, Role]) -> Iterator[Act]:
    """What the change of an account is, beyond another quota."""
    if new.username != old.username:
        yield Acts.USER_RENAME
    if new.email != old.email:
        yield Acts.USER_ADDRESS
    if (new.expires_at, new.inactive_days) != (old.expires_at, old.inactive_days):
        yield Acts.USER_END
    if set(new.roles) != set(old.roles):
        less = permissions_of(known, old.roles) - permissions_of(known, new.roles)
        yield Acts.USER_TAKE_ROLES if less else Acts.USER_GIVE_ROLES


def _quota(quota_bytes: int | None) -> int | None:
    if quota_bytes is not None and not 0 <= quota_bytes <= MAX_QUOTA:
        raise Invalid("A quota is a number of bytes from 0 on.", field="quota_bytes")
    return quota_bytes
