"""Users: who they are, what they may, and letting them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flask import flash, g
from flask.typing import ResponseReturnValue
from flask_admin.form import BaseForm
from markupsafe import Markup
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, Length, Optional

from backoffice.domain.acts import Act, Acts
from backoffice.domain.limits import MAX_EMAIL, MAX_PASSWORD, MAX_USERNAME, UNLIMITED_QUOTA
from backoffice.domain.paging import Page, Query
from backoffice.domain.roles import Role
from backoffice.domain.users import User, UserStatus
from backoffice.services.authorization import beyond
from backoffice.services.users import Users
from backoffice.units import UNLIMITED, written_size
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import DeleteLabels, Link, OneTimeSecret, RowAction, apply_to_each, bulk_action
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import truncated_cell
from backoffice.web.admin.fields import CheckboxGroupField, Choice, DayField, DaysField, SizeField
from backoffice.web.admin.filters import days, one_of
from backoffice.web.admin.leaving import LeavingPage
from backoffice.web.admin.people import permitted_on_users
from backoffice.web.context import services
from backoffice.web.formats import filesize, state_tag, time_tag
from backoffice.web.identity import actor, may
from backoffice.web.route_access import Access
from backoffice.web.setup_link import setup_link

LINK_HELP = "Give it to the person over a channel you trust. It works once, for {}, and is not shown again."


def _one_time_link(user: User, secret: str) -> OneTimeSecret:
    lasts = "30 minutes" if user.password else "24 hours"
    return OneTimeSecret(user, f"One-time link for {user.username}", setup_link(secret), LINK_HELP.format(lasts))


def _roles() -> Sequence[Role]:
    """All roles; none for whoever may not see them. One look for a whole request."""
    if "roles" not in g:
        g.roles = services().roles.all(actor()) if may(Acts.ROLE_READ) else []
    found: Sequence[Role] = g.roles
    return found


def role_choices() -> list[tuple[str, str]]:
    """For the filter."""
    return [(role.name, role.name) for role in _roles()]


def role_boxes() -> list[Choice]:
    """Every role; those that grant more than the person holds are shown and cannot be given."""
    asking = actor()
    return [
        Choice(role.name, role.name, role.description, fixed=bool(beyond(asking, role.permissions)))
        for role in _roles()
    ]


class EditForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a user."""

    username = StringField("User name", [DataRequired(), Length(max=MAX_USERNAME)])
    email = StringField("E-mail", [Optional(), Length(max=MAX_EMAIL)], description="Can be used to sign in as well.")
    roles = CheckboxGroupField("Roles", boxes=role_boxes, default=["user"])
    quota_bytes = SizeField(
        "Quota",
        [Optional()],
        unlimited=UNLIMITED_QUOTA,
        description="Such as 10 GiB, or unlimited; empty: what the site gives everybody.",
    )

    expires_at = DayField(
        "Last day",
        [Optional()],
        description="The account is over when this day is (UTC); empty: never.",
        render_kw={"type": "date"},
    )
    inactive_days = DaysField(
        "Days without signing in",
        [Optional()],
        description="After so many the account is over; 0: never, empty: what the roles or the site say.",
        render_kw={"inputmode": "numeric"},
    )

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
        return UNLIMITED if record.quota_bytes == UNLIMITED_QUOTA else written_size(record.quota_bytes)
    common = services().files.quota
    return f"{written_size(common)}, as everybody" if common is not None else "without limit, as everybody"


def _usage(_view: Any, _context: Any, record: User, _name: str) -> str:
    usage = services().files.usage(actor(), record.id)
    text = filesize(usage.used)
    if usage.limit:
        text += f" ({100 * usage.used / usage.limit:.0f} % of the quota)"
    return f"{text}, {filesize(usage.reserved)} reserved by uploads" if usage.reserved else text


def _link(_view: Any, _context: Any, record: User, _name: str) -> str | Markup:
    if record.has_open_link(services().users.now()):
        return Markup("open until {}").format(time_tag(record.invite_expires_at))
    return Markup("ran out {}").format(time_tag(record.invite_expires_at)) if record.invite else "none"


def _status(view: Any, _context: Any, record: User, _name: str) -> Markup:
    """An invitation without a link that still works invites nobody."""
    if record.status is UserStatus.INVITED and not record.has_open_link(services().users.now()):
        return state_tag("invited, no open link", "warn")
    return state_tag(str(record.status), view.badge_tones[record.status])


def _sessions(_view: Any, _context: Any, record: User, _name: str) -> str | Markup:
    """Where the person is signed in, for whoever may see that."""
    if not may(Acts.SESSION_READ_ALL):
        return ""
    found = services().sessions.of_user(actor(), record.id)
    lines = (Markup("{} · {} · {}").format(one.agent or "unknown", one.ip, time_tag(one.seen_at)) for one in found)
    return Markup("<br>").join(lines) or "none"


class UserView(LeavingPage, ServiceView):
    """People and programs that can sign in."""

    noun, icon = "user", "users"
    acts = ViewActs(read=Acts.USER_READ, create=Acts.USER_CREATE, update=Acts.USER_UPDATE, delete=Acts.USER_DELETE)
    delete_labels = DeleteLabels(question="Delete this user for good? The name cannot be used again.")
    column_list = ("username", "email", "status", "roles", "last_login_at", "created_at")
    column_details_list = (*column_list, "updated_at", "link", "sessions", "usage", "quota_bytes", "id")
    column_export_list = (*column_list, "quota_bytes", "id")
    column_sortable_list = ("username", ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_labels: ClassVar = {
        "username": "User name",
        "email": "E-mail",
        "last_login_at": "Last sign-in",
        "quota_bytes": "Quota",
        "usage": "Uses",
        "link": "One-time link",
        "sessions": "Signed in",
    }
    column_formatters: ClassVar = {
        "email": truncated_cell,
        "status": _status,
        "quota_bytes": _quota,
        "usage": _usage,
        "link": _link,
        "sessions": _sessions,
    }
    column_widths: ClassVar = {"email": 14, "status": 10, "roles": 14, "last_login_at": 10, "created_at": 10}
    column_low = ("created_at",)
    column_filters = (
        one_of("status", "Status", lambda: [(status.value, status.value) for status in UserStatus]),
        one_of("role", "Role", role_choices),
        *days("created", "Created"),
    )
    badge_tones: ClassVar = {"active": "good", "invited": "info", "disabled": "bad"}
    searchable = can_export = True
    search_hint = "Name or e-mail"
    form_on_create = CreateForm
    form_on_edit = EditForm
    jobs: ClassVar = {
        "disable": BulkJob("user.disable"),
        "enable": BulkJob("user.enable"),
        "sign_out": BulkJob("session.end_all"),
    }
    service: Users

    def access_rules(self) -> dict[str, Access]:
        return {**super().access_rules(), **self.leave_rules()}

    def get_page(self, query: Query) -> Page[User]:
        """With the roles, which the filter and the buttons of the rows ask for."""
        page: Page[User] = services().together(lambda: self.service.page(actor(), query), permitted_on_users, _roles)[0]
        return page

    def create_record(self, data: Mapping[str, Any]) -> User | OneTimeSecret:
        user, secret = self.service.create(actor(), **data)
        return _one_time_link(user, secret) if secret else user

    def permits(self, act: Act, record: User) -> bool:
        return permitted_on_users()(act, record)

    def row_actions(self, record: User) -> Sequence[RowAction]:
        if record.status is UserStatus.DISABLED:
            offered = ["enable", "sign_out"]
        elif self.permits(Acts.USER_RESET if record.password else Acts.USER_INVITE, record):
            offered = ["invite", "disable", "sign_out"]
        else:
            offered = ["disable", "sign_out"]
        return [one for name in offered for one in self.actions.row_action(name, record)]

    def links(self, record: User) -> Sequence[Link]:
        found = []
        if may(Acts.FILES_LIST_ALL):
            found.append(Link("Files", self.get_url("files.index_view", flt0_owner_is=record.id), "files"))
        if may(Acts.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_actor_is=record.id), "audit"))
        if record.id != actor().id and self.permits(Acts.USER_LEAVE, record):
            found.append(Link("Let leave …", self.get_url(".leave_view", id=record.id), "out"))
        return found

    @bulk_action("disable", "Disable", "Disable? Whoever is disabled is signed out at once.", act=Acts.USER_DISABLE)
    def disable(self, ids: list[str]) -> None:
        self.actions.for_each(ids, self.service.disable, "was disabled")

    @bulk_action("sign_out", "Sign out", "End all sessions of this user?", act=Acts.SESSION_END_ALL)
    def sign_out(self, ids: list[str]) -> None:
        self.actions.for_each(ids, services().sessions.end_all, "was signed out")

    @bulk_action("enable", "Enable", act=Acts.USER_ENABLE)
    def enable(self, ids: list[str]) -> None:
        self.actions.for_each(ids, self.service.enable, "was enabled")

    @bulk_action(
        "invite",
        "New one-time link",
        "Make a link with which this user chooses a password? An older one ends.",
        act=Acts.USER_INVITE,
    )
    def invite(self, ids: list[str]) -> ResponseReturnValue | None:
        if len(ids) != 1:
            flash("Select one user: each link is shown once.", "warning")
            return None
        user, secrets = self.get_one(ids[0]), list[str]()
        apply_to_each(ids, lambda key: secrets.append(self.service.invite(actor(), key)), self.noun)
        return self.reveal(_one_time_link(user, secrets[0])) if secrets else None
