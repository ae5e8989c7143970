"""Roles: names for sets of permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.form import BaseForm

from backoffice.domain.acts import Act, Acts
from backoffice.domain.paging import Query
from backoffice.domain.roles import ROLES, Role
from backoffice.errors import Conflict, Invalid, ReauthRequired, VersionMismatch
from backoffice.services.roles import RoleChange, Roles
from backoffice.web.admin.access import ViewActs, single_id
from backoffice.web.admin.access_panel import who_of_role
from backoffice.web.admin.actions import DeleteLabels, Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.fields import seen_version
from backoffice.web.admin.messages import flash_done
from backoffice.web.admin.record_forms import FORM_ERRORS
from backoffice.web.admin.record_page import Panel
from backoffice.web.admin.role_cells import (
    days_cell,
    described_cell,
    kind_cell,
    known_rights,
    rights_cell,
    share_days_cell,
    share_password_cell,
)
from backoffice.web.admin.role_forms import CreateForm, EditForm, link_rules
from backoffice.web.admin.role_matrix import COLUMNS, Entered, matrix, paged
from backoffice.web.admin.role_preview import groups, preview
from backoffice.web.admin.timeline import timeline
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import Access, access_to

MEMBERS = 50
"""People on a page of those who have a role."""
NOT_KEPT = frozenset({"csrf_token", "confirmed", "back", "show", "save"})
"""What the question about a change does not repeat of what was sent."""


MATRIX_STATE = frozenset({"from", "role"})
"""What the address of the matrix can say; whatever else is asked for (words, an order) is asked of the list."""


class RoleView(ServiceView):
    """Built-in roles can be given and taken, not changed. The first page is the matrix; a search, and what looks for
    one role among many, is a list."""

    noun, icon = "role", "roles"
    acts = ViewActs.of(ROLES)
    delete_labels = DeleteLabels(on_page=True)
    column_list = ("name", "description", "permissions", "built_in")
    column_details_list = (
        "name",
        "description",
        "built_in",
        "inactive_days",
        "share_days",
        "share_password",
        "copied_from",
        "created_at",
        "updated_at",
    )
    column_sortable_list = ("name",)
    column_default_sort = "name"
    column_widths: ClassVar = {"name": 12, "built_in": 7}
    column_labels: ClassVar = {
        "permissions": "Rights",
        "built_in": "Kind",
        "copied_from": "Made like",
        "inactive_days": "Days without signing in",
        "share_days": "Days of a share link",
        "share_password": "Password of a share link",
    }
    column_formatters: ClassVar = {"permissions": rights_cell, "built_in": kind_cell}
    column_formatters_detail: ClassVar = {
        "permissions": described_cell,
        "built_in": kind_cell,
        "inactive_days": days_cell,
        "share_days": share_days_cell,
        "share_password": share_password_cell,
    }
    searchable = can_export = shares_trips = True
    search_hint = "Name or description"
    form_on_create = CreateForm
    form_on_edit = EditForm
    edit_template = "admin/role_edit.html"
    service: Roles

    def access_rules(self) -> dict[str, Access]:
        change = access_to(Acts.ROLE_UPDATE, also=(Acts.ROLE_READ,), everybody=True)
        return {**super().access_rules(), "matrix_view": change}

    # The matrix

    @expose("/")  # type: ignore[untyped-decorator]
    def index_view(self) -> str:
        if set(request.args) <= MATRIX_STATE:
            return self._matrix()
        return str(super().index_view())

    @expose("/matrix/", methods=("POST",))  # type: ignore[untyped-decorator]
    def matrix_view(self) -> ResponseReturnValue:
        """What was ticked: shown again for another role of a phone, asked about, or saved."""
        entered, known = Entered.read(request.form), self._known()
        changes = entered.changes(known)
        if "show" in request.form or "back" in request.form:
            return self._matrix(entered)
        if entered.conflicts(known):
            return self._matrix(entered, conflicts=entered.conflicts(known))
        if not changes:
            flash("Nothing was changed.", "info")
            return redirect(self.list_url())
        try:
            if request.form.get("confirmed") != "1":
                self.service.foresee(actor(), changes)
                return self._ask_about_changes(known, changes)
            done = self.service.update_several(actor(), changes)
        except ReauthRequired:
            confirm_url = url_for("pages.login", confirm=1, next=self.list_url())
            return self._ask_about_changes(known, changes, confirm_url)
        except VersionMismatch:
            return self._matrix(entered, conflicts=entered.conflicts(self._known()))
        except (Invalid, Conflict) as error:
            return self._matrix(entered, problem=f"{error.details.get('role', '')}: {error}")
        said = f"{', '.join(role.name for role in done)} {'was' if len(done) == 1 else 'were'} changed."
        flash_done(said, undoable=True)
        return redirect(self.list_url())

    def _ask_about_changes(
        self, known: Mapping[str, Role], changes: Mapping[str, RoleChange], confirm_url: str = ""
    ) -> str:
        asked = preview(known, changes)
        sent = [(name, value) for name, value in request.form.items(multi=True) if name not in NOT_KEPT]
        return str(self.render("admin/role_preview.html", asked=asked, sent=sent, confirm_url=confirm_url))

    def _known(self) -> Mapping[str, Role]:
        return {role.name: role for role in self.service.all(actor())}

    def _matrix(self, entered: Entered | None = None, conflicts: Sequence[Role] = (), problem: str = "") -> str:
        counted = may(Acts.USER_ACCESS)
        known, holders = services().together(
            self._known, lambda: services().access.holders(actor()) if counted else None
        )
        roles, custom = paged(known.values(), _start())
        asking = actor()
        changeable = frozenset(one.name for one in roles if self.service.permitted(asking, Acts.ROLE_UPDATE, one))
        shown = request.values.get("show") or request.values.get("role", "")
        table = matrix(roles, known, asking, may_change=changeable, holders=holders, entered=entered, shown=shown)
        return str(
            self.render(
                "admin/role_matrix.html",
                matrix=table,
                custom=custom,
                start=_start(),
                step=COLUMNS,
                total=len(known),
                link_policy=services().links.link_policy,
                conflicts=conflicts,
                problem=problem,
                return_url=self.list_url(),
            )
        )

    # One role

    def create_form(self, obj: Any = None) -> BaseForm:
        """Filled in like the role that `like` names, where there is one."""
        like = self._known().get(request.args.get("like", "")) if request.method == "GET" else None
        form: BaseForm = super().create_form(like or obj)
        if like is not None:
            form.name.data, form.copied_from.data = "", like.name
            form.permissions.data = sorted(like.permissions & actor().permissions)
            if like.built_in:
                form.description.data = ""
        return form

    @expose("/edit/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def edit_view(self) -> ResponseReturnValue:
        """Of a built-in role not a form, but why there is none, and a role like it that can be changed."""
        if request.method != "POST":
            role = self.get_one(request.args["id"])
            if role.built_in:
                return str(self.render("admin/role_built_in.html", role=role)), 403
        answer: ResponseReturnValue = super().edit_view()
        return answer

    def update_model(self, form: BaseForm, model: Any) -> bool:
        """Other rights are asked about first: who gains and loses what by them; and another rule for links that hits
        some."""
        hidden = frozenset(one for one in known_rights(model) if not one.offered)
        wanted = frozenset(form.permissions.data or ()) | hidden
        if "back" in request.form:
            return False
        same, rules = wanted == frozenset(known_rights(model)), link_rules(form)
        if same and all(getattr(model, name) == value for name, value in rules.items()):
            return bool(super().update_model(form, model))
        try:
            changes = {model.name: RoleChange(wanted, seen_version(form, model))}
            self.service.foresee(actor(), changes)
        except ReauthRequired as error:
            self._show_problem(form, error)
        except FORM_ERRORS as error:
            self._show_problem(form, error, model)
            return False
        else:
            if request.form.get("confirmed") == "1":
                return bool(super().update_model(form, model))
        asked = preview({model.name: model}, changes, rules)
        if same and not asked.hits:
            return bool(super().update_model(form, model))
        self._template_args["asked"] = asked
        kept = [pair for pair in request.form.items(multi=True) if pair[0] not in NOT_KEPT]
        self._template_args["sent"] = kept
        return False

    def update_record(self, key: str, version: int | None, data: Mapping[str, Any]) -> None:
        """Permissions that are not offered yet stay as they are: the form does not show them."""
        hidden = [one for one in known_rights(self.get_one(key)) if not one.offered]
        super().update_record(key, version, {**_numbers(data), "permissions": (*data["permissions"], *hidden)})

    def create_record(self, data: Mapping[str, Any]) -> Role:
        made: Role = super().create_record(_numbers(data))
        return made

    @expose("/delete/", methods=("POST",))  # type: ignore[untyped-decorator]
    def delete_view(self) -> ResponseReturnValue:
        """Asked about with what comes of it."""
        if request.form.get("confirmed") == "1":
            answer: ResponseReturnValue = super().delete_view()
            return answer
        role = self.get_one(single_id(request.form.getlist("id")))
        lost = None
        if may(Acts.USER_ACCESS):
            lost = services().access.if_role(actor(), role.name, None)
        told = {"role": role, "lost": lost, "groups": groups(lost) if lost is not None else ()}
        return str(self.render("admin/role_delete.html", **told, return_url=self.return_url()))

    def permits(self, act: Act, record: Role) -> bool:
        return self.service.permitted(actor(), act, record)

    def panels(self, record: Role) -> Sequence[Panel]:
        found = [Panel("rights", "Rights", "admin/role_rights.html", lambda: {"rights": known_rights(record)})]
        if may(Acts.USER_ACCESS):
            holders = services().access.holders(actor()).get(record.name, 0)
            found.append(Panel("members", "Members", "admin/role_members.html", lambda: _members(record), holders))
            found.append(Panel("who", "Who can change it", "admin/who_can.html", lambda: who_of_role(record.name)))
        if may(Acts.AUDIT_READ):
            found.append(Panel("activity", "Activity", "admin/timeline.html", lambda: timeline("role", record.name)))
        return found

    def links(self, record: Role) -> Sequence[Link]:
        found = []
        if self.can_create:
            found.append(Link("New role like this", self.get_url(".create_view", like=record.name), "copy"))
        if may(Acts.USER_READ):
            found.append(Link("Who has it", self.get_url("users.index_view", flt0_role_is=record.name), "users"))
        if may(Acts.AUDIT_READ):
            found.append(Link("Log", self.get_url("audit.index_view", flt0_object_is=f"role:{record.id}"), "audit"))
        return found


def _numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a form says, as the service takes it: an empty number is 0, and so is a box that is not ticked."""
    return {**data, **{name: int(data[name] or 0) for name in ("inactive_days", "share_days", "share_password")}}


def _members(record: Role) -> dict[str, Any]:
    """A page of those who have the role, the newest users first: that is one index, however many they are."""
    query = Query(filters=(("role", record.name),), limit=MEMBERS, cursor=request.args.get("cursor", ""))
    page = services().users.page(actor(), query)
    return {"page": page, "role": record}


def _start() -> int:
    text = request.values.get("from", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
