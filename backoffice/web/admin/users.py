"""Users: who they are, what they may, and letting them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_admin.actions import action
from flask_admin.form import BaseForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from backoffice.domain.access import Permission
from backoffice.domain.paging import Page, Query
from backoffice.domain.users import MAX_PASSWORD, MAX_USERNAME, User, UserStatus
from backoffice.services.users import Users
from backoffice.units import parse_size
from backoffice.web.admin.base import Allowed, Link, Revealed, ServiceView
from backoffice.web.admin.fields import CheckboxGroupField, Choice
from backoffice.web.admin.filters import days, one_of
from backoffice.web.admin.formats import isolated, labelled, sized, stated, timed
from backoffice.web.context import services, settings
from backoffice.web.identity import actor

TONES = {"active": "good", "invited": "info", "disabled": "bad"}
LINK_HELP = "Give it to the person over a channel you trust. It works once, for 24 hours, and is not shown again."


@dataclass(frozen=True, slots=True)
class UserSource:
    """Users as the admin site reads and writes them."""

    users: Users

    def page(self, query: Query) -> Page[User]:
        return self.users.page(actor(), query)

    def get(self, key: str) -> User:
        return self.users.get(actor(), key)

    def create(self, data: Mapping[str, Any]) -> Any:
        user, secret = self.users.create(
            actor(),
            username=data["username"],
            email=data["email"] or "",
            password=data["password"] or "",
            roles=tuple(data["roles"]),
            quota_bytes=_quota(data["quota"]),
        )
        return _revealed(user, secret) if secret else user

    def update(self, key: str, data: Mapping[str, Any], version: int | None) -> User:
        return self.users.update(
            actor(),
            key,
            version=version,
            username=data["username"],
            email=data["email"] or "",
            roles=tuple(data["roles"]),
            quota_bytes=_quota(data["quota"]),
        )

    def delete(self, key: str) -> None:
        self.users.delete(actor(), key)


def _quota(text: str | None) -> int | None:
    return parse_size(text) if text and text.strip() else None


def _revealed(user: User, secret: str) -> Revealed:
    # The configured address where there is one: a request can come in by another name.
    public = settings().public_url.rstrip("/")
    path = url_for("pages.setup", secret=secret)
    link = public + path if public else url_for("pages.setup", secret=secret, _external=True)
    return Revealed(user, f"One-time link for {user.username}", link, LINK_HELP)


def role_boxes() -> list[Choice]:
    """Every role; those that grant more than the person holds are shown and cannot be given."""
    holds = actor().permissions
    return [
        Choice(role.name, role.name, role.description, fixed=not role.permissions <= holds)
        for role in services().roles.all(actor())
    ]


def _size(_form: BaseForm, field: StringField) -> None:
    try:
        _quota(field.data)
    except ValueError as error:
        raise ValidationError(f"This {error}.") from None


class QuotaField(StringField):
    """A size as people write it, of a record's `quota_bytes`."""

    def process_data(self, value: Any) -> None:
        super().process_data("" if value is None else value)


class EditForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a user."""

    username = StringField("User name", [DataRequired(), Length(max=MAX_USERNAME)])
    email = StringField("E-mail", [Optional(), Length(max=254)], description="Can be used to sign in as well.")
    roles = CheckboxGroupField("Roles", boxes=role_boxes)
    quota = QuotaField("Quota", [Optional(), _size], description="Such as 10 GiB; empty: the site's default.")

    def __init__(self, *args: Any, obj: User | None = None, **kwargs: Any) -> None:
        if obj is not None and obj.quota_bytes is not None:
            kwargs.setdefault("quota", str(obj.quota_bytes))
        super().__init__(*args, obj=obj, **kwargs)


class CreateForm(EditForm):
    """A new user."""

    password = PasswordField(
        "Password",
        [Optional(), Length(max=MAX_PASSWORD)],
        description="Leave it empty to get a one-time link with which the person chooses one.",
    )


class UserView(ServiceView):
    """People and programs that can sign in."""

    read_permission, write_permission = Permission.USERS_READ, Permission.USERS_WRITE
    noun = "user"
    column_list = ("username", "email", "status", "roles", "last_login_at", "created_at")
    column_details_list = (*column_list, "quota_bytes", "updated_at", "id")
    column_sortable_list = ("username", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_labels: ClassVar = {
        "username": "User name",
        "email": "E-mail",
        "last_login_at": "Last sign-in",
        "quota_bytes": "Quota",
    }
    column_formatters: ClassVar = {
        "username": isolated,
        "email": isolated,
        "status": stated(TONES),
        "roles": labelled,
        "last_login_at": timed,
        "created_at": timed,
        "updated_at": timed,
        "quota_bytes": sized,
    }
    column_formatters_detail = column_formatters
    column_filters = (
        one_of("status", "Status", lambda: [(status.value, status.value) for status in UserStatus]),
        one_of("role", "Role", lambda: [(role.name, role.name) for role in services().roles.all(actor())]),
        *days("created", "Created"),
    )
    searchable = True
    search_hint = "Name or e-mail"
    can_export = True
    form = CreateForm
    form_on_edit = EditForm
    source: UserSource

    def __init__(self, users: Users, allowed: Allowed) -> None:
        super().__init__(UserSource(users), allowed, name="Users", endpoint="users", url="/admin/users", icon="users")

    def may_edit(self, record: User) -> bool:
        return self.source.users.may_manage(actor(), record)

    may_delete = may_edit

    def links(self, record: User) -> Sequence[Link]:
        found = []
        if self.allowed(Permission.FILES_ALL_READ):
            found.append(Link("Files", self.get_url("files.index_view", flt0_owner_is=record.username), "files"))
        if self.allowed(Permission.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_actor_is=record.username), "audit"))
        return found

    @action("disable", "Disable", "Disable the selected users? They are signed out at once.")  # type: ignore[untyped-decorator]
    def action_disable(self, ids: list[str]) -> None:
        count = self.each(ids, lambda key: self.source.users.disable(actor(), key))
        if count:
            flash(f"{count} disabled.", "success")

    @action("enable", "Enable", "")  # type: ignore[untyped-decorator]
    def action_enable(self, ids: list[str]) -> None:
        count = self.each(ids, lambda key: self.source.users.enable(actor(), key))
        if count:
            flash(f"{count} enabled.", "success")

    @action("invite", "New one-time link", "Make a new link with which this user chooses a password?")  # type: ignore[untyped-decorator]
    def action_invite(self, ids: list[str]) -> ResponseReturnValue | None:
        if len(ids) != 1:
            flash("Select one user: each link is shown once.", "warning")
            return None
        user = self.source.get(ids[0])
        revealed = _revealed(user, self.source.users.invite(actor(), user.id))
        return str(self.render(self.reveal_template, revealed=revealed, return_url=self._return_url()))
