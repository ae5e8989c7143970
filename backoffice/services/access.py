"""Who may do what, and why; who reaches an object, and through what; who would gain and lose what by a change.

All of it is `decide_act`, and the rule of rank as `authorization.py` has it, asked of what the store says now: nothing
is decided here, and the act itself decides anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from backoffice.domain.access import ADMIN, Actor, parse_permissions
from backoffice.domain.acts import Act, Acts, Whose, all_acts, decide_act
from backoffice.domain.audit import NO_OBJECT, ObjectRef
from backoffice.domain.explanations import Explanation, explain_all
from backoffice.domain.files import File, FileState
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import Role
from backoffice.domain.tokens import Token
from backoffice.domain.users import User
from backoffice.errors import Invalid, NotFound
from backoffice.services.access_effects import BY_PASSWORD, WhatIf, as_actor, what_if
from backoffice.services.authorization import RANKED, authorize, beyond, within_reach
from backoffice.services.file_ports import FileStore
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore, RoleStore, TokenStore, UserStore

PEOPLE: Final = 10
"""Holders of a role that are named at once."""


@dataclass(frozen=True, slots=True)
class UserAccess:
    """What somebody may do. `roles` are those that the user has; `token`: within the scopes of this one alone."""

    user: User
    roles: tuple[Role, ...]
    token: Token | None
    explanations: tuple[Explanation, ...]


@dataclass(frozen=True, slots=True)
class PersonReach:
    """Somebody who may do these acts to the object, with all their roles; none where they are shut out, or where the
    other holds more than they do."""

    user: User
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the object: the owner's, or a role. `acts` is what it opens; `holders` how many users have the role,
    of whom `people` are some, by name; `next_cursor` leads to more of them."""

    role: Role | None
    acts: tuple[Act, ...]
    holders: int
    people: tuple[PersonReach, ...]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """Takes the rights to see users and to see roles, both."""

    accounts: AccountStore
    users: UserStore
    roles: RoleStore
    tokens: TokenStore
    files: FileStore
    audit: AuditLog
    together: Callable[..., list[Any]]

    # -- why

    def why(self, actor: Actor, user_id: str, token_id: str = "") -> UserAccess:
        """What a user may do, act by act, and through which roles; with `token_id` what that one of their tokens lets a
        program do. One round trip. Raises NotFound."""
        self._authorize(actor, ObjectRef("user", user_id))
        if token_id:
            authorize(self.audit, actor, Acts.TOKEN_READ)
        if not is_id(user_id) or (token_id and not is_id(token_id)):
            raise NotFound
        (user, roles), token = self.together(
            lambda: self.accounts.load(user_id), lambda: self.tokens.get(token_id) if token_id else None
        )
        if user is None or (token_id and (token is None or token.user != user.id)):
            raise NotFound
        who = replace(as_actor(user, roles), scopes=token.scopes if token is not None else None)
        return UserAccess(user, tuple(roles[one] for one in user.roles if one in roles), token, tuple(explain_all(who)))

    def holders(self, actor: Actor) -> Mapping[str, int]:
        """Role -> how many users have it. One round trip."""
        self._authorize(actor)
        return self.users.holders()

    # -- who can

    def who_reaches_file(self, actor: Actor, file_id: str, role: str = "", cursor: str = "") -> tuple[Way, ...]:
        """Who gets at a file, in the trash or not, and through what: its owner first. `role`: of that way alone, the
        holders from `cursor` on. Three round trips. Raises NotFound, also where the file is not for this actor."""
        self._authorize(actor)
        file, roles, holders = self.together(
            lambda: self.files.get(file_id) if is_id(file_id) else None, self.roles.all, self.users.holders
        )
        if file is None or file.state in {FileState.WAITING, FileState.GONE, FileState.VERSION}:
            raise NotFound
        authorize(self.audit, actor, Acts.FILE_READ, file.owner, ObjectRef("file", file.id, file.name))
        acts = _acts_on(file)

        def reached(who: Actor) -> tuple[Act, ...]:
            return tuple(act for act in acts if decide_act(who, act, file.owner).allowed)

        return self._ways(roles, holders, reached, role, cursor, owner=file.owner)

    def who_reaches_user(self, actor: Actor, user_id: str, role: str = "", cursor: str = "") -> tuple[Way, ...]:
        """Who may act on somebody's account, sessions and tokens, likewise. Raises NotFound."""
        self._authorize(actor, ObjectRef("user", user_id))
        if not is_id(user_id):
            raise NotFound
        (user, roles), holders = self.together(lambda: self.accounts.load(user_id), self.users.holders)
        if user is None:
            raise NotFound
        acts = [one for one in all_acts() if one.rank in RANKED]

        def reached(who: Actor) -> tuple[Act, ...]:
            permitted = within_reach(who, roles)
            return tuple(act for act in acts if permitted(act, user))

        def opened(who: Actor) -> tuple[Act, ...]:
            return tuple(act for act in acts if decide_act(who, act, _owner_asked(act, user)).allowed)

        return self._ways(roles, holders, reached, role, cursor, opened=opened, besides=user.id)

    def who_reaches_role(self, actor: Actor, name: str, role: str = "", cursor: str = "") -> tuple[Way, ...]:
        """Who may change or delete a role: nobody a built-in one. Raises NotFound."""
        self._authorize(actor)
        roles, holders = self.together(self.roles.all, self.users.holders)
        wanted = roles.get(name)
        if wanted is None:
            raise NotFound
        acts = () if wanted.built_in else (Acts.ROLE_UPDATE, Acts.ROLE_DELETE)

        def opened(who: Actor) -> tuple[Act, ...]:
            return tuple(act for act in acts if decide_act(who, act).allowed)

        def reached(who: Actor) -> tuple[Act, ...]:
            return () if beyond(who, wanted.permissions) else opened(who)

        return self._ways(roles, holders, reached, role, cursor, opened=opened)

    def _ways(
        self,
        roles: Mapping[str, Role],
        holders: Mapping[str, int],
        reached: Callable[[Actor], tuple[Act, ...]],
        only: str,
        cursor: str,
        *,
        opened: Callable[[Actor], tuple[Act, ...]] | None = None,
        owner: str = "",
        besides: str = "",
    ) -> tuple[Way, ...]:
        """`opened`: what a role alone opens, where what somebody reaches depends on more than that."""
        opens = [(one, found) for one in roles.values() if (found := (opened or reached)(_with_role(one)))]
        if only:
            opens = [pair for pair in opens if pair[0].name == only]
        pages: list[Any] = self.together(
            lambda: self.users.get(owner) if owner and not only else None,
            *(_asks(self.users, one.name, cursor if only else "", PEOPLE) for one, _ in opens),
        )
        ways = [
            Way(one, acts, holders.get(one.name, 0), tuple(_people(page, roles, reached, besides)), page.next_cursor)
            for (one, acts), page in zip(opens, pages[1:], strict=True)
        ]
        if pages[0] is None:
            return tuple(ways)
        mine = reached(as_actor(pages[0], roles))
        return (Way(None, mine, 1, (PersonReach(pages[0], mine if pages[0].active else ()),)), *ways)

    # -- what if

    def if_role(self, actor: Actor, name: str, permissions: Iterable[str] | None) -> WhatIf:
        """What comes of giving a role these permissions (None: of there being no such role any more) to those who have
        it. Three round trips. Raises NotFound, Invalid."""
        return self.if_roles(actor, {name: permissions})

    def if_roles(self, actor: Actor, changes: Mapping[str, Iterable[str] | None]) -> WhatIf:
        """The same of several roles changed at once."""
        self._authorize(actor)
        before, held = self.together(self.roles.all, self.users.holders)
        after = dict(before)
        for name, permissions in changes.items():
            role = before.get(name)
            if role is None:
                raise NotFound
            after.pop(name)
            if permissions is not None:
                after[name] = replace(role, permissions=_permissions(permissions))
        changed = [name for name in changes if before.get(name) != after.get(name)]
        pages = self.together(*(_asks(self.users, name, "", MAX_LIMIT) for name in changed)) if changed else []
        people = {user.id: user for page in pages for user in page.items}
        exact = all(not page.next_cursor for page in pages)
        many = len(people) if exact else sum(held.get(name, 0) for name in changed)
        return what_if(people.values(), before, after, many, exact)

    def if_user(self, actor: Actor, user_id: str, roles: Sequence[str]) -> WhatIf:
        """What comes of giving a user these roles. Two round trips. Raises NotFound, Invalid."""
        self._authorize(actor, ObjectRef("user", user_id))
        if not is_id(user_id):
            raise NotFound
        (user, known), admins = self.together(lambda: self.accounts.load(user_id), self.users.count_admins)
        if user is None:
            raise NotFound
        for name in roles:
            if name not in known:
                raise Invalid(f"There is no role {name[:40]!r}.", field="roles")
        found = what_if([user], known, known, 1, exact=True, roles=tuple(roles))
        last = user.active and ADMIN in user.roles and ADMIN not in roles and admins == 1
        return replace(found, last_admin=last)

    def _authorize(self, actor: Actor, target: ObjectRef = NO_OBJECT) -> None:
        authorize(self.audit, actor, Acts.USER_ACCESS, target=target)
        authorize(self.audit, actor, Acts.ROLE_READ, target=target)


def _acts_on(file: File) -> tuple[Act, ...]:
    """What can be done to a file as it is: in the trash, or not."""
    if file.state is FileState.TRASHED:
        return Acts.FILE_READ, Acts.FILE_RESTORE, Acts.FILE_PURGE
    found = (one for one in all_acts() if one.name.startswith("file.") and one.whose is Whose.OWN_OR_ALL)
    return tuple(one for one in found if one is not Acts.FILE_RESTORE)


def _with_role(role: Role) -> Actor:
    """Somebody who has this role alone."""
    return Actor("somebody", role.name, ((role.name, role.permissions),), credential=BY_PASSWORD)


def _owner_asked(act: Act, user: User) -> str | None:
    return None if act.whose is Whose.ACCOUNT else user.id


def _asks(users: UserStore, role: str, cursor: str, limit: int) -> Callable[[], Page[User]]:
    query = Query(filters=(("role", role),), limit=limit, cursor=cursor)
    return lambda: users.page(query)


def _people(
    page: Page[User], roles: Mapping[str, Role], reached: Callable[[Actor], tuple[Act, ...]], besides: str
) -> Iterator[PersonReach]:
    for user in page.items:
        if user.id != besides:
            yield PersonReach(user, reached(as_actor(user, roles)) if user.active else ())


def _permissions(names: Iterable[str]) -> frozenset[Permission]:
    try:
        return parse_permissions(names)
    except ValueError as error:
        raise Invalid(f"{error}.".capitalize(), field="permissions") from None
