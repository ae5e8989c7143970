"""Roles: names for sets of permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar

from flask_admin.form import BaseForm
from markupsafe import Markup
from wtforms import StringField
from wtforms.validators import DataRequired, Length, Optional

from backoffice.domain.access import ADMIN, granted_by
from backoffice.domain.nouns import all_permissions
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission, Permissions
from backoffice.domain.roles import Role
from backoffice.domain.text import words
from backoffice.services.roles import Roles
from backoffice.web.admin.base import Allowed, Link, Removal, ServiceView
from backoffice.web.admin.fields import CheckboxGroupField, Choice
from backoffice.web.admin.formats import isolated, state_tag
from backoffice.web.identity import actor


@dataclass(frozen=True, slots=True)
class RoleSource:
    """Roles; there are few, so a page is cut from all of them."""

    roles: Roles

    def page(self, query: Query) -> Page[Role]:
        needles = words(query.search)
        found = [
            role
            for role in sorted(self.roles.all(actor()), key=lambda role: role.name, reverse=query.descending)
            if all(
                any(own.startswith(needle) for own in words(f"{role.name} {role.description}")) for needle in needles
            )
        ]
        return Page(tuple(found[query.offset : query.offset + query.limit]), len(found))

    def get(self, key: str) -> Role:
        return self.roles.get(actor(), key)

    def create(self, data: Mapping[str, Any]) -> Role:
        return self.roles.create(
            actor(), name=data["name"], description=data["description"] or "", permissions=data["permissions"]
        )

    def update(self, key: str, data: Mapping[str, Any], version: int | None) -> Role:
        return self.roles.update(
            actor(), key, version=version, description=data["description"] or "", permissions=data["permissions"]
        )

    def delete(self, key: str) -> None:
        self.roles.delete(actor(), key)


def permission_boxes() -> list[Choice]:
    """Every permission that opens something; those that the person does not hold cannot be given."""
    holds = actor().permissions
    return [
        Choice(str(one), one.text, str(one), one.group, fixed=one not in holds)
        for one in all_permissions()
        if one.offered
    ]


class EditForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a role."""

    description = StringField("Description", [Optional(), Length(max=200)])
    permissions = CheckboxGroupField("Permissions", boxes=permission_boxes)


class CreateForm(BaseForm):  # type: ignore[misc]
    """A new role."""

    name = StringField(
        "Name", [DataRequired(), Length(max=40)], description="a-z, 0-9 and -, beginning with a letter. It stays."
    )
    description = StringField("Description", [Optional(), Length(max=200)])
    permissions = CheckboxGroupField("Permissions", boxes=permission_boxes)


def _rights(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    """The rights in one line for each group: `Own files read, write`."""
    if record.permissions == granted_by(ADMIN):
        return Markup("Everything")
    lines = [
        Markup('<div><span class="muted">{}</span> {}</div>').format(group, ", ".join(one.verb for one in rights))
        for group, rights in groupby(_known(record), key=lambda one: one.group)
    ]
    return Markup('<div class="rights">{}</div>').format(Markup("").join(lines))


def _described(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    """Each right with what it means."""
    row = Markup("<li>{} <code>{}</code></li>")
    rows = [row.format(one.text, one) for one in _known(record)]
    return Markup('<ul class="plain-list">{}</ul>').format(Markup("").join(rows))


def _known(record: Role) -> list[Permission]:
    """The role's permissions in the order of the table. One that this version does not know grants nothing."""
    return [one for one in all_permissions() if one in record.permissions]


def _kind(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    return state_tag("built-in") if record.built_in else state_tag("custom", "info")


class RoleView(ServiceView):
    """Built-in roles can be given and taken, not changed."""

    read_permission, write_permission = Permissions.ROLES_READ, Permissions.ROLES_WRITE
    noun = "role"
    removal = Removal("Delete", "Delete this role for good?", "was deleted")
    column_list = ("name", "description", "permissions", "built_in")
    column_sortable_list = ("name",)
    column_default_sort = "name"
    column_labels: ClassVar = {"permissions": "Rights", "built_in": "Kind"}
    column_formatters: ClassVar = {
        "name": isolated,
        "description": isolated,
        "permissions": _rights,
        "built_in": _kind,
    }
    column_formatters_detail: ClassVar = column_formatters | {"permissions": _described}
    searchable = True
    search_hint = "Name or description"
    form = CreateForm
    form_on_edit = EditForm

    def __init__(self, roles: Roles, allowed: Allowed) -> None:
        super().__init__(RoleSource(roles), allowed, name="Roles", endpoint="roles", url="/admin/roles", icon="roles")

    def may_edit(self, record: Role) -> bool:
        return not record.built_in

    may_delete = may_edit

    def links(self, record: Role) -> Sequence[Link]:
        found = []
        if self.allowed(Permissions.USERS_READ):
            found.append(Link("Who has it", self.get_url("users.index_view", flt0_role_is=record.name), "users"))
        if self.allowed(Permissions.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_object_is=f"role:{record.id}"), "audit"))
        return found
