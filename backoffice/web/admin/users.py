"""Users: who they are, what they may, and letting them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.domain.acts import Act, Acts
from backoffice.domain.paging import Page, Query
from backoffice.domain.users import User, UserStatus
from backoffice.services.consequences import UserConsequences
from backoffice.services.users import Users
from backoffice.web.admin.access import ViewActs, single_id
from backoffice.web.admin.actions import (
    BulkAction,
    DeleteLabels,
    Link,
    OneTimeSecret,
    RowAction,
    apply_to_each,
    bulk_action,
)
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import truncated_cell
from backoffice.web.admin.consequences import deleting, disable_question
from backoffice.web.admin.filters import coming_days, days, one_of, passed_days
from backoffice.web.admin.leaving import LeavingPage
from backoffice.web.admin.messages import flash_done
from backoffice.web.admin.people import permitted_on_users
from backoffice.web.admin.record_page import Panel, record_context
from backoffice.web.admin.user_cells import (
    TONES,
    end_cell,
    link_cell,
    quota_cell,
    standings,
    status_cell,
    usage_cell,
)
from backoffice.web.admin.user_edit import UserEditing
from backoffice.web.admin.user_forms import CreateForm, EditForm, role_choices, roles_seen
from backoffice.web.admin.user_panels import offered, open_tab, ways_out
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import Access
from backoffice.web.setup_link import setup_link

LEAVE = "Offboard …"
DISABLE = "Disable? The person is signed out at once. Sessions and tokens end for good: enabling brings none back."
LINK_HELP = "Give it to the person over a channel you trust. It works once, for {}, and is not shown again."


def _one_time_link(user: User, secret: str) -> OneTimeSecret:
    lasts = "30 minutes" if user.password else "24 hours"
    return OneTimeSecret(user, f"One-time link for {user.username}", setup_link(secret), LINK_HELP.format(lasts))


@dataclass(frozen=True, slots=True)
class UserPage:
    """What the page of a user has read."""

    has: UserConsequences
    panel: Mapping[str, Any]


class UserView(UserEditing, LeavingPage, ServiceView):
    """People and programs that can sign in."""

    noun, icon = "user", "users"
    acts = ViewActs(read=Acts.USER_READ, create=Acts.USER_CREATE, update=Acts.USER_UPDATE, delete=Acts.USER_DELETE)
    delete_labels = DeleteLabels(on_page=True)
    column_list = ("username", "email", "status", "roles", "last_login_at", "created_at")
    column_details_list = (
        "status",
        "email",
        "roles",
        "usage",
        "quota_bytes",
        "end",
        "last_login_at",
        "link",
        "created_at",
        "updated_at",
        "id",
    )
    column_export_list = (*column_list, "quota_bytes", "expires_at", "id")
    details_template = "admin/user_details.html"
    edit_template = "admin/user_edit.html"
    column_sortable_list = ("username", ("last_login_at", "signed_in"), ("created_at", "created"))
    column_default_sort = ("created_at", True)
    column_labels: ClassVar = {
        "username": "User name",
        "email": "E-mail",
        "last_login_at": "Last sign-in",
        "quota_bytes": "Quota",
        "usage": "Uses",
        "link": "One-time link",
        "end": "Account",
    }
    column_formatters: ClassVar = {
        "email": truncated_cell,
        "status": status_cell,
        "quota_bytes": quota_cell,
        "usage": usage_cell,
        "link": link_cell,
        "end": end_cell,
    }
    column_widths: ClassVar = {"email": 10, "status": 8, "roles": 10, "last_login_at": 8, "created_at": 8}
    column_low = ("created_at",)
    column_filters = (
        one_of("status", "Status", lambda: [(status.value, status.value) for status in UserStatus]),
        one_of("role", "Role", role_choices),
        *days("created", "Created"),
        one_of("quota", "Quota", lambda: [("near", "more than 90 % used")]),
        passed_days("signed_in", "Last sign-in", "never"),
        coming_days("expires", "Expires", "has expired"),
        coming_days("inactive", "Inactivity", "has ended the account"),
    )
    badge_tones: ClassVar = TONES
    searchable = can_export = shares_trips = bulk_all = True
    acts_by_link: ClassVar = {LEAVE: "leave leaves leaving"}
    search_hint = "Name or e-mail"
    form_on_create = CreateForm
    form_on_edit = EditForm
    jobs: ClassVar = {
        "disable": BulkJob("user.disable"),
        "enable": BulkJob("user.enable"),
        "sign_out": BulkJob("session.end_all"),
        "revoke_tokens": BulkJob("token.revoke_all"),
    }
    service: Users

    def access_rules(self) -> dict[str, Access]:
        return {**super().access_rules(), **self.leave_rules()}

    def get_page(self, query: Query) -> Page[User]:
        """With the roles, which the filter and the buttons of the rows ask for."""
        reads = (lambda: self.service.page(actor(), query), permitted_on_users, roles_seen, standings)
        page: Page[User] = services().together(*reads)[0]
        return page

    def create_record(self, data: Mapping[str, Any]) -> User | OneTimeSecret:
        user, secret = self.service.create(actor(), **data)
        return _one_time_link(user, secret) if secret else user

    def permits(self, act: Act, record: User) -> bool:
        return permitted_on_users()(act, record)

    def row_actions(self, record: User) -> Sequence[RowAction]:
        if record.status is UserStatus.DISABLED or standings()(record).ended is not None:
            acts = ["enable", "sign_out", "revoke_tokens"]
        elif self.permits(Acts.USER_RESET if record.password else Acts.USER_INVITE, record):
            acts = ["invite", "disable", "sign_out", "revoke_tokens"]
        else:
            acts = ["disable", "sign_out", "revoke_tokens"]
        found = [one for name in acts for one in self.actions.row_action(name, record)]
        page: UserPage | None = g.get("user_page")
        return [
            replace(one, question=disable_question(page.has)) if one.name == "disable" and page else one
            for one in found
        ]

    # The page of one user

    @expose("/details/")  # type: ignore[untyped-decorator]
    def details_view(self) -> str:
        """What the page shows is read together: the user, what belongs to them in numbers, and the open tab."""
        key = request.args["id"]
        tab = open_tab(request.args.get("tab", ""))
        has, asking = services(), actor()
        record, *_, usage, found, panel = has.together(
            lambda: self.get_one(key),
            permitted_on_users,
            standings,
            roles_seen,
            lambda: has.files.usage(asking, key),
            lambda: has.consequences.of(asking, key),
            lambda: tab.load(key) if tab is not None and not tab.alone else {},
        )
        if tab is not None and tab.alone:
            panel = tab.load(key)
        g.usages, g.user_page = {key: usage}, UserPage(found, panel)
        return str(self.render(self.details_template, **record_context(self, record)))

    def panels(self, record: User) -> Sequence[Panel]:  # noqa: ARG002 - `details_view` has read it
        page: UserPage = g.user_page
        return [Panel(one.key, one.title, one.template, lambda: page.panel, one.count(page.has)) for one in offered()]

    def links(self, record: User) -> Sequence[Link]:
        found = []
        if may(Acts.FILES_LIST_ALL):
            found.append(Link("Files", self.get_url("files.index_view", flt0_owner_is=record.id), "files"))
        if may(Acts.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_actor_is=record.id), "audit"))
        if record.id != actor().id and self.permits(Acts.USER_LEAVE, record):
            found.append(Link(LEAVE, url_for("users.leave_view", id=record.id), "out"))
        return found

    @expose("/delete/", methods=("POST",))  # type: ignore[untyped-decorator]
    def delete_view(self) -> ResponseReturnValue:
        """Asked about with what comes of it. Who still has something is not deleted: the page leads there."""
        record = self.get_one(single_id(request.form.getlist("id")))
        if request.form.get("confirmed") == "1":
            return self.actions.delete(record)
        found = services().consequences.of(actor(), record.id)
        said = {"found": found, "lines": deleting(found), "ways": ways_out(found)}
        return str(self.render("admin/user_delete.html", record=record, **said, return_url=self.return_url()))

    @bulk_action("disable", "Disable", DISABLE, act=Acts.USER_DISABLE)
    def disable(self, ids: list[str]) -> None:
        if len(ids) != 1:
            self.actions.for_each(ids, self.service.disable, "was disabled")
            return
        found = services().consequences.of(actor(), ids[0])
        user, ended = found.user, found.sessions
        if apply_to_each(ids, lambda key: self.service.disable(actor(), key), self.noun):
            browsers = f" and signed out of {ended} browser{'' if ended == 1 else 's'}" if ended else ""
            flash_done(f"{user.username} is disabled{browsers}.")

    def question(self, action: BulkAction, records: Sequence[User]) -> str:
        """Before one is disabled: what of that nobody can bring back."""
        if action.name != "disable" or len(records) != 1:
            return super().question(action, records)
        return disable_question(services().consequences.of(actor(), records[0].id))

    @bulk_action("sign_out", "Sign out", "End all sessions of this user?", act=Acts.SESSION_END_ALL)
    def sign_out(self, ids: list[str]) -> None:
        self.actions.for_each(ids, services().sessions.end_all, "was signed out")

    @bulk_action(
        "revoke_tokens", "Revoke tokens", "Revoke all tokens? What uses them gets no further.", act=Acts.TOKEN_REVOKE
    )
    def revoke_tokens(self, ids: list[str]) -> None:
        self.actions.for_each(ids, services().tokens.revoke_all, "has no tokens any more")

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
