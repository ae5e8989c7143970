"""Roles: nobody makes one that grants more than they hold, or changes one that does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from backoffice.domain import words
from backoffice.domain.access import Actor, parse_permissions
from backoffice.domain.acts import Act, Acts, decide_act
from backoffice.domain.audit import ObjectRef
from backoffice.domain.lifecycle import clean_inactive_days
from backoffice.domain.limits import MAX_DESCRIPTION
from backoffice.domain.link_rules import clean_share_days, clean_share_password
from backoffice.domain.nouns import all_permissions
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import ROLES, Role, clean_role_name
from backoffice.domain.text import clean_line
from backoffice.errors import Conflict, Invalid, NameTaken, NotFound
from backoffice.services.authorization import authorize, authorize_grant, beyond
from backoffice.services.ports import RoleStore
from backoffice.services.records import EditableRecords, expect
from backoffice.services.sharing import role_with_break


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What one of several roles is to grant; `version` is the one that was seen (None: whatever it is at)."""

    permissions: Iterable[str]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is to change of a role besides what it grants; None stays."""

    description: str | None
    inactive_days: int | None
    share_days: int | None
    share_password: int | None

    def put_into(self, role: Role) -> Role:
        """Raises Invalid."""
        if self.description is not None:
            role = replace(role, description=_description(self.description))
        if self.inactive_days is not None:
            role = replace(role, inactive_days=clean_inactive_days(self.inactive_days) or 0)
        if self.share_days is not None:
            role = replace(role, share_days=clean_share_days(self.share_days))
        if self.share_password is not None:
            role = replace(role, share_password=clean_share_password(self.share_password))
        return role


@dataclass(frozen=True, kw_only=True)
class Roles(EditableRecords[Role]):
    """A change of a role holds from the next request of everybody who has it."""

    noun, record = ROLES, Role
    store: RoleStore

    def all(self, actor: Actor) -> list[Role]:
        """Built-in and custom ones, by name."""
        authorize(self.audit, actor, Acts.ROLE_READ)
        return sorted(self.store.all().values(), key=lambda role: role.name)

    def page(self, actor: Actor, query: Query) -> Page[Role]:
        """By name. There are few, so a page is cut from all of them; search: beginnings of words of the
        name and the description."""
        found = self.all(actor)
        if query.search.strip():
            found = _search(found, query.search)
        if query.descending:
            found.reverse()
        return Page(tuple(found[query.offset : query.offset + query.limit]), len(found))

    def create(  # type: ignore[override] # these fields and no others
        self,
        actor: Actor,
        *,
        name: str,
        description: str = "",
        permissions: Iterable[str],
        inactive_days: int = 0,
        share_days: int = 0,
        share_password: int = 0,
        copied_from: str = "",
    ) -> Role:
        """`copied_from`: the role that it is made like; one that is not there is not noted.

        Raises Invalid, NameTaken; NotAllowed for permissions that the actor does not hold.
        """
        target = ObjectRef("role", name[:40], name[:40])
        authorize(self.audit, actor, Acts.ROLE_CREATE, target=target, now=self.now())
        granted = _permissions(permissions)
        now = self.now()
        role = Role(
            clean_role_name(name),
            _description(description),
            granted,
            created_at=now,
            updated_at=now,
            inactive_days=clean_inactive_days(inactive_days) or 0,
            share_days=clean_share_days(share_days),
            share_password=clean_share_password(share_password),
            copied_from=copied_from if copied_from and copied_from in self.store.all() else "",
        )
        if role.built_in:
            raise NameTaken("This is the name of a built-in role.", field="name")
        authorize_grant(self.audit, actor, Acts.ROLE_CREATE, granted, target)
        return self._insert(actor, role)

    def update(  # type: ignore[override] # these fields and no others
        self,
        actor: Actor,
        name: str,
        *,
        version: int | None = None,
        description: str | None = None,
        permissions: Iterable[str] | None = None,
        inactive_days: int | None = None,
        share_days: int | None = None,
        share_password: int | None = None,
    ) -> Role:
        """Change what is given. Raises Conflict for a built-in role, VersionMismatch, and as `create` does."""
        rules = _Rules(description, inactive_days, share_days, share_password)
        old, new = self._changed(actor, name, version, permissions, rules)
        return self._save(actor, old, new)

    def update_several(self, actor: Actor, changes: Mapping[str, RoleChange]) -> list[Role]:
        """Other permissions for several roles, by name, all or none of them; those that differ, as they are then.
        Raises as `update` does (`details["role"]`: the first one that cannot be changed)."""
        pairs = [(old, *self._stamped(actor, old, new)) for old, new in self._foreseen(actor, changes)]
        if pairs:
            self.store.replace_several([(old, new) for old, new, _ in pairs], [event for _, _, event in pairs])
        return [new for _, new, _ in pairs]

    def foresee(self, actor: Actor, changes: Mapping[str, RoleChange]) -> None:
        """Refuse now what `update_several` would refuse as things stand: so nobody is asked about what cannot be."""
        self._foreseen(actor, changes)

    def _foreseen(self, actor: Actor, changes: Mapping[str, RoleChange]) -> list[tuple[Role, Role]]:
        pairs = []
        for name, change in changes.items():
            try:
                old, new = self._changed(actor, name, change.version, change.permissions)
            except (Invalid, Conflict, NotFound) as error:
                error.details["role"] = name
                raise
            if new != old:
                pairs.append((old, new))
        return pairs

    def _changed(
        self,
        actor: Actor,
        name: str,
        version: int | None,
        permissions: Iterable[str] | None,
        rules: _Rules | None = None,
    ) -> tuple[Role, Role]:
        """A role as it is, and as it is to be."""
        old = new = self._changeable(actor, Acts.ROLE_UPDATE, name, version)
        if permissions is not None:
            granted = _permissions(permissions)
            authorize_grant(self.audit, actor, Acts.ROLE_UPDATE, granted, self.ref(old))
            # What a later version has stored, it will find again.
            unknown = old.permissions.difference(all_permissions())
            new = role_with_break(old, replace(new, permissions=granted | unknown), self.now())
        return old, rules.put_into(new) if rules is not None else new

    def permitted(self, actor: Actor, act: Act, role: Role) -> bool:
        """Whether `actor` may do this to the role, after giving the password if that is all it takes. For views, which
        hide what would be refused."""
        return not role.built_in and decide_act(actor, act).allowed and not beyond(actor, role.permissions)

    def _existing(self, name: str) -> Role:
        role = self.store.all().get(name)
        if role is None:
            raise NotFound
        return role

    def _changeable(self, actor: Actor, act: Act, name: str, version: int | None) -> Role:
        target = ObjectRef("role", name[:40], name[:40])
        authorize(self.audit, actor, act, target=target, now=self.now())
        role = self._existing(name)
        if role.built_in:
            raise Conflict("A built-in role stays as it is.")
        authorize_grant(self.audit, actor, act, role.permissions, self.ref(role))
        expect(role, version)
        return role


def _search(roles: list[Role], question: str) -> list[Role]:
    """Those with the words of the question; where there are none such, with its parts."""
    wanted = words.terms(question)
    found = [role for role in roles if words.has_words(_text(role), wanted)] if wanted else []
    if found or not words.has_text(question):
        return found
    return [role for role in roles if words.has_parts(_text(role), question)]


def _text(role: Role) -> str:
    return f"{role.name} {role.description}"


def _permissions(names: Iterable[str]) -> frozenset[Permission]:
    try:
        granted = parse_permissions(names)
    except ValueError as error:
        raise Invalid(f"{error}.".capitalize(), field="permissions") from None
    if not granted:
        raise Invalid("A role grants at least one permission.", field="permissions")
    return granted


def _description(text: str) -> str:
    return clean_line(text, field="description", what="A description", most=MAX_DESCRIPTION)
