"""Roles: names for sets of permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

from flask_admin.form import BaseForm
from markupsafe import Markup
from wtforms import StringField
from wtforms.validators import DataRequired, Length, Optional

from backoffice.domain.access import ADMIN, granted_by
from backoffice.domain.acts import Act, Acts
from backoffice.domain.limits import MAX_DESCRIPTION, MAX_ROLE_NAME
from backoffice.domain.nouns import all_permissions
from backoffice.domain.permissions import Permission
from backoffice.domain.roles import ROLES, Role
from backoffice.services.roles import Roles
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.fields import CheckboxGroupField, Choice
from backoffice.web.formats import NOTHING, state_tag
from backoffice.web.identity import actor, may


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

    description = StringField("Description", [Optional(), Length(max=MAX_DESCRIPTION)])
    permissions = CheckboxGroupField("Permissions", boxes=permission_boxes)


class CreateForm(BaseForm):  # type: ignore[misc]
    """A new role."""

    name = StringField(
        "Name",
        [DataRequired(), Length(max=MAX_ROLE_NAME)],
        description="a-z, 0-9 and -, beginning with a letter. It stays.",
    )
    description = StringField("Description", [Optional(), Length(max=MAX_DESCRIPTION)])
    permissions = CheckboxGroupField("Permissions", boxes=permission_boxes)


def _rights(_view: Any, _context: Any, record: Role, _name: str) -> Markup:
    """The rights in one line: `Own files read, write · Users read`."""
    if record.permissions == granted_by(ADMIN):
        return Markup("Everything")
    groups = groupby(_known(record), key=lambda one: one.group)
    text = " · ".join(f"{group} {', '.join(one.verb for one in rights)}" for group, rights in groups)
    return Markup('<span title="{}">{}</span>').format(text, text) if text else NOTHING


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

    noun, icon = "role", "roles"
    acts = ViewActs.of(ROLES)
    delete_labels = DeleteLabels(question="Delete this role for good?")
    column_list = column_details_list = ("name", "description", "permissions", "built_in")
    column_sortable_list = ("name",)
    column_default_sort = "name"
    column_widths: ClassVar = {"name": 12, "built_in": 7}
    column_labels: ClassVar = {"permissions": "Rights", "built_in": "Kind"}
    column_formatters: ClassVar = {"permissions": _rights, "built_in": _kind}
    column_formatters_detail: ClassVar = {"permissions": _described, "built_in": _kind}
    searchable = True
    search_hint = "Name or description"
    form_on_create = CreateForm
    form_on_edit = EditForm
    service: Roles

    def update_record(self, key: str, version: int | None, data: Mapping[str, Any]) -> None:
        """Permissions that are not offered yet stay as they are: the form does not show them."""
        hidden = [one for one in _known(self.get_one(key)) if not one.offered]
        super().update_record(key, version, {**data, "permissions": (*data["permissions"], *hidden)})

    def permits(self, act: Act, record: Role) -> bool:
        return self.service.permitted(actor(), act, record)

    def links(self, record: Role) -> Sequence[Link]:
        found = []
        if may(Acts.USER_READ):
            found.append(Link("Who has it", self.get_url("users.index_view", flt0_role_is=record.name), "users"))
        if may(Acts.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_object_is=f"role:{record.id}"), "audit"))
        return found
