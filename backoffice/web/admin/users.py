"""Users: who they are, what they may, and letting them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import flash, g
from flask.typing import ResponseReturnValue
from flask_admin.actions import action
from flask_admin.form import BaseForm
from markupsafe import Markup
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length, Optional

from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.roles import Role
from backoffice.domain.users import MAX_PASSWORD, MAX_USERNAME, User, UserStatus
from backoffice.services.users import Users
from backoffice.units import written_size
from backoffice.web.admin.base import Act, Allowed, Link, Removal, Revealed, ServiceView
from backoffice.web.admin.fields import CheckboxGroupField, Choice, SizeField
from backoffice.web.admin.filters import days, one_of
from backoffice.web.admin.formats import clipped, coded, filesize, isolated, labelled, stated, time_tag, timed
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.setup_link import setup_link

TONES = {"active": "good", "invited": "info", "disabled": "bad"}
LINK_HELP = "Give it to the person over a channel you trust. It works once, for {}, and is not shown again."


@dataclass(frozen=True, slots=True)
class UserSource:
    """Users as the admin site reads and writes them."""

    users: Users

    def page(self, query: Query) -> Page[User]:
        return self.users.page(actor(), query)

    def get(self, key: str) -> User:
        return self.users.get(actor(), key)

    def create(self, data: Mapping[str, Any]) -> Any:
        roles = {"roles": tuple(data["roles"])} if "roles" in data else {}
        user, secret = self.users.create(
            actor(),
            username=data["username"],
            email=data["email"] or "",
            password=data["password"] or "",
            quota_bytes=data["quota_bytes"],
            **roles,
        )
        return _revealed(user, secret) if secret else user

    def update(self, key: str, data: Mapping[str, Any], version: int | None) -> User:
        return self.users.update(
            actor(),
            key,
            version=version,
            username=data["username"],
            email=data["email"] or "",
            roles=tuple(data["roles"]) if "roles" in data else None,
            quota_bytes=data["quota_bytes"],
        )

    def delete(self, key: str) -> None:
        self.users.delete(actor(), key)


def _revealed(user: User, secret: str) -> Revealed:
    lasts = "30 minutes" if user.password else "24 hours"
    return Revealed(user, f"One-time link for {user.username}", setup_link(secret), LINK_HELP.format(lasts))


def _manageable() -> Callable[[User], bool]:
    """Whom the person asking may change: one look at the roles for a whole page of users."""
    if "manageable" not in g:
        g.manageable = services().users.manageable(actor())
    found: Callable[[User], bool] = g.manageable
    return found


def _roles() -> Sequence[Role]:
    """All roles; none for whoever may not see them. One look for a whole request."""
    if "roles" not in g:
        asking = actor()
        g.roles = services().roles.all(asking) if Permissions.ROLES_READ in asking.permissions else []
    found: Sequence[Role] = g.roles
    return found


def role_choices() -> list[tuple[str, str]]:
    """For the filter."""
    return [(role.name, role.name) for role in _roles()]


def role_boxes() -> list[Choice]:
    """Every role; those that grant more than the person holds are shown and cannot be given."""
    holds = actor().permissions
    return [Choice(role.name, role.name, role.description, fixed=not role.permissions <= holds) for role in _roles()]


class EditForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a user."""

    username = StringField("User name", [DataRequired(), Length(max=MAX_USERNAME)])
    email = StringField("E-mail", [Optional(), Length(max=254)], description="Can be used to sign in as well.")
    roles = CheckboxGroupField("Roles", boxes=role_boxes, default=["user"])
    quota_bytes = SizeField("Quota", [Optional()], description="Such as 10 GiB; empty: what the site gives everybody.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.roles.boxes:
            # Who may not see roles leaves them as they are.
            del self.roles


class CreateForm(EditForm):
    """A new user."""

    password = PasswordField(
        "Password",
        [Optional(), Length(max=MAX_PASSWORD)],
        description="Leave it empty to get a one-time link with which the person chooses one.",
        render_kw={"autocomplete": "new-password"},
    )


def _quota(_view: Any, _context: Any, record: User, _name: str) -> str:
    if record.quota_bytes is not None:
        return written_size(record.quota_bytes)
    common = services().files.quota
    return f"{written_size(common)}, as everybody" if common is not None else "without limit, as everybody"


def _usage(_view: Any, _context: Any, record: User, _name: str) -> str:
    usage = services().files.usage(actor(), record.id)
    text = filesize(usage.used)
    if usage.limit:
        text += f" ({100 * usage.used / usage.limit:.0f} % of the quota)"
    return f"{text}, {filesize(usage.reserved)} reserved by uploads" if usage.reserved else text


def _link(_view: Any, _context: Any, record: User, _name: str) -> str | Markup:
    return Markup("open until {}").format(time_tag(record.invite_expires_at)) if record.invite else "none"


class UserView(ServiceView):
    """People and programs that can sign in."""

    read_permission, write_permission = Permissions.USERS_READ, Permissions.USERS_WRITE
    noun = "user"
    removal = Removal("Delete", "Delete this user for good? The name cannot be used again.", "was deleted")
    column_list = ("username", "email", "status", "roles", "last_login_at", "created_at")
    column_details_list = (*column_list, "updated_at", "link", "usage", "quota_bytes", "id")
    column_export_list = (*column_list, "quota_bytes", "id")
    column_sortable_list = ("username", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_labels: ClassVar = {
        "username": "User name",
        "email": "E-mail",
        "last_login_at": "Last sign-in",
        "created_at": "Created",
        "updated_at": "Changed",
        "quota_bytes": "Quota",
        "usage": "Uses",
        "link": "One-time link",
        "id": "Identifier",
    }
    column_formatters: ClassVar = {
        "username": isolated,
        "email": clipped,
        "status": stated(TONES),
        "roles": labelled,
        "last_login_at": timed,
        "created_at": timed,
        "updated_at": timed,
        "quota_bytes": _quota,
        "usage": _usage,
        "link": _link,
        "id": coded,
    }
    column_formatters_detail = column_formatters
    column_filters = (
        one_of("status", "Status", lambda: [(status.value, status.value) for status in UserStatus]),
        one_of("role", "Role", role_choices),
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
        return _manageable()(record)

    may_delete = may_edit

    def acts(self, record: User) -> Sequence[Act]:
        if not self.may_edit(record):
            return ()
        if record.status is UserStatus.DISABLED:
            return self.act("enable")
        return [*self.act("invite"), *self.act("disable")]

    def links(self, record: User) -> Sequence[Link]:
        found = []
        if self.allowed(Permissions.FILES_ALL_READ):
            found.append(Link("Files", self.get_url("files.index_view", flt0_owner_is=record.id), "files"))
        if self.allowed(Permissions.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_actor_is=record.id), "audit"))
        return found

    @action("disable", "Disable", "Disable? Whoever is disabled is signed out at once.")  # type: ignore[untyped-decorator]
    def action_disable(self, ids: list[str]) -> None:
        self.told(self.each(ids, lambda key: self.source.users.disable(actor(), key)), "was disabled")

    @action("enable", "Enable", "")  # type: ignore[untyped-decorator]
    def action_enable(self, ids: list[str]) -> None:
        self.told(self.each(ids, lambda key: self.source.users.enable(actor(), key)), "was enabled")

    @action("invite", "New one-time link", "Make a link with which this user chooses a password? An older one ends.")  # type: ignore[untyped-decorator]
    def action_invite(self, ids: list[str]) -> ResponseReturnValue | None:
        if len(ids) != 1:
            flash("Select one user: each link is shown once.", "warning")
            return None
        user = self.source.get(ids[0])
        links = []
        if not self.each(ids, lambda key: links.append(self.source.users.invite(actor(), key))):
            return None
        revealed = _revealed(user, links[0])
        return str(self.render(self.reveal_template, revealed=revealed, return_url=self._return_url()))
