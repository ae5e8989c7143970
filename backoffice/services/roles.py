"""Roles: nobody makes one that grants more than they hold, or changes one that does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from backoffice.domain.access import Actor, parse_permissions
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.roles import Role, clean_role_name
from backoffice.domain.times import now_ms
from backoffice.errors import Conflict, Invalid, NameTaken, NotFound, VersionMismatch
from backoffice.services.authority import require, require_fresh, require_held
from backoffice.services.ports import AuditLog, RoleStore

MAX_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class Roles:
    """A change of a role holds from the next request of everybody who has it."""

    roles: RoleStore
    audit: AuditLog
    now: Callable[[], int] = now_ms

    def all(self, actor: Actor) -> list[Role]:
        """Built-in and custom ones, by name."""
        require(self.audit, actor, Permissions.ROLES_READ)
        return sorted(self.roles.all().values(), key=lambda role: role.name)

    def get(self, actor: Actor, name: str) -> Role:
        require(self.audit, actor, Permissions.ROLES_READ)
        role = self.roles.all().get(name)
        if role is None:
            raise NotFound
        return role

    def create(self, actor: Actor, *, name: str, description: str = "", permissions: Iterable[str]) -> Role:
        """Raises Invalid, NameTaken; NotAllowed for permissions that the actor does not hold."""
        target = ObjectRef("role", name[:40], name[:40])
        require(self.audit, actor, Permissions.ROLES_WRITE, target=target)
        require_fresh(actor, self.now())
        granted = _permissions(permissions)
        now = self.now()
        role = Role(clean_role_name(name), _description(description), granted, created_at=now, updated_at=now)
        if role.built_in:
            raise NameTaken("This is the name of a built-in role.", field="name")
        require_held(self.audit, actor, Permissions.ROLES_WRITE, granted, target)
        changes = {"permissions": (None, sorted(granted)), "description": (None, role.description)}
        self.roles.insert(role, AuditEvent(Actions.ROLE_CREATE, actor, _ref(role), changes=changes, at=now))
        return role

    def update(
        self,
        actor: Actor,
        name: str,
        *,
        version: int | None = None,
        description: str | None = None,
        permissions: Iterable[str] | None = None,
    ) -> Role:
        """Change what is given. Raises Conflict for a built-in role, VersionMismatch, and as `create` does."""
        old = self._changeable(actor, name, version)
        new = old
        if description is not None:
            new = replace(new, description=_description(description))
        if permissions is not None:
            new = replace(new, permissions=_permissions(permissions))
            require_held(self.audit, actor, Permissions.ROLES_WRITE, new.permissions, _ref(old))
        if new == old:
            return old
        new = replace(new, version=old.version + 1, updated_at=self.now())
        changes: dict[str, tuple[object, object]] = {}
        if new.description != old.description:
            changes["description"] = (old.description, new.description)
        if new.permissions != old.permissions:
            changes["permissions"] = (sorted(old.permissions), sorted(new.permissions))
        self.roles.replace(old, new, AuditEvent(Actions.ROLE_UPDATE, actor, _ref(new), changes=changes, at=self.now()))
        return new

    def delete(self, actor: Actor, name: str, version: int | None = None) -> None:
        """Raises InUse while a user has it; else as `update` does."""
        old = self._changeable(actor, name, version)
        changes = {"permissions": (sorted(old.permissions), None)}
        self.roles.remove(old, AuditEvent(Actions.ROLE_DELETE, actor, _ref(old), changes=changes, at=self.now()))

    def _changeable(self, actor: Actor, name: str, version: int | None) -> Role:
        require(self.audit, actor, Permissions.ROLES_WRITE, target=ObjectRef("role", name[:40], name[:40]))
        require_fresh(actor, self.now())
        role = self.roles.all().get(name)
        if role is None:
            raise NotFound
        if role.built_in:
            raise Conflict("A built-in role stays as it is.")
        require_held(self.audit, actor, Permissions.ROLES_WRITE, role.permissions, _ref(role))
        if version is not None and version != role.version:
            raise VersionMismatch
        return role


def _ref(role: Role) -> ObjectRef:
    return ObjectRef("role", role.id, role.name)


def _permissions(names: Iterable[str]) -> frozenset[Permission]:
    try:
        granted = parse_permissions(names)
    except ValueError as error:
        raise Invalid(f"{error}.".capitalize(), field="permissions") from None
    if not granted:
        raise Invalid("A role grants at least one permission.", field="permissions")
    return granted


def _description(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_DESCRIPTION or not (text.isprintable() and text.encode("utf-8", "replace").decode() == text):
        raise Invalid(f"A description is one line of at most {MAX_DESCRIPTION} characters.", field="description")
    return text
