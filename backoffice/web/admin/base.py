"""The base of every admin view: columns, a form and calls to a service. No rules and no store in here.

A view is a `Source` joined to a description of how it is shown:

    class UserView(ServiceView):
        read_permission, write_permission = Permissions.USERS_READ, Permissions.USERS_WRITE
        column_list = ("username", "status", "created_at")
        column_formatters = {"created_at": timed}
        form = UserForm

    admin.add_view(UserView(UserSource(users), allowed, name="Users", endpoint="users", icon="users"))

What the source can (`Creates`, `Updates`, `Deletes`) and what the person may together decide what the pages offer.
Only errors that can be mended in a form stay on the page; refusal, absence and outage go up to the table of errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.form import BaseForm
from flask_admin.model.template import ViewRowAction
from wtforms import HiddenField

from backoffice.domain.permissions import Permission
from backoffice.errors import NotFound, ReauthRequired, VersionMismatch
from backoffice.web.admin.acting import MENDABLE, ActingView
from backoffice.web.admin.fields import NOT_DATA, entered, seen_version, show_error
from backoffice.web.admin.gate import Allowed, HomeView, only_one
from backoffice.web.admin.source import Act, Creates, Deletes, Link, Removal, Revealed, Source, Updates

__all__ = [
    "Act",
    "Allowed",
    "Creates",
    "Deletes",
    "HomeView",
    "Link",
    "Removal",
    "Revealed",
    "ServiceView",
    "Source",
    "Updates",
]

_ABILITY: dict[str, type] = {"create_view": Creates, "edit_view": Updates, "delete_view": Deletes}


class ServiceView(ActingView):
    """Lists, details and forms over a service.

    `read_permission` is needed for everything; besides, `write_permission` for forms and actions, `delete_permission`
    (else the write one) for deleting, `export_permission` (else the read one) for CSV. One that is not given allows
    nobody. What a subclass adds with `@action` or `@expose` gets its own in the two mappings.
    """

    export_permission: ClassVar[Permission | None] = None
    endpoint_permissions: ClassVar[Mapping[str, Permission]] = {}

    form_base_class = BaseForm
    form: ClassVar[type[BaseForm] | None] = None
    form_on_edit: ClassVar[type[BaseForm] | None] = None
    """The form for changing a record, where it differs from the one for making it."""
    can_view_details = True
    column_editable_list = ()
    reveal_template = "admin/reveal.html"

    def __init__(
        self,
        source: Source,
        allowed: Allowed,
        *,
        name: str,
        endpoint: str,
        icon: str = "list",
        category: str | None = None,
        url: str | None = None,
    ) -> None:
        self.source, self.allowed = source, allowed
        super().__init__(type(source), name, category, endpoint, url, menu_icon_type="svg", menu_icon_value=icon)

    # Who may, and what there is

    def permission_for(self, endpoint: str) -> Permission | None:
        match endpoint:
            case "index_view" | "details_view":
                return self.read_permission
            case "export":
                return self.export_permission or self.read_permission
            case "create_view" | "edit_view" | "ajax_lookup" | "ajax_update":
                return self.write_permission
            case "delete_view":
                return self.delete_permission or self.write_permission
            case "action_view":
                return self._action_permission(request.form.get("action", ""))
        return self.endpoint_permissions.get(endpoint)

    def offers(self, endpoint: str) -> bool:
        if endpoint in ("ajax_lookup", "ajax_update"):
            return False
        if endpoint == "export":
            return bool(self.can_export)
        ability = _ABILITY.get(endpoint)
        return ability is None or isinstance(self.source, ability)

    @property
    def can_create(self) -> bool:
        return self.permits("create_view")

    @property
    def can_edit(self) -> bool:
        return self.permits("edit_view")

    @property
    def can_delete(self) -> bool:
        return self.permits("delete_view")

    def may_edit(self, record: Any) -> bool:  # noqa: ARG002 - for subclasses
        """Whether this one record can be changed: hides the buttons, the service decides."""
        return True

    def links(self, record: Any) -> Sequence[Link]:  # noqa: ARG002 - likewise
        """Where else to go from a record, for its details page."""
        return ()

    def _handle_view(self, name: str, **kwargs: Any) -> ResponseReturnValue | None:
        super()._handle_view(name, **kwargs)
        if name in ("details_view", "edit_view"):
            only_one(request.args.getlist("id"))
        return None

    # Records and forms

    def get_list_row_actions(self) -> list[Any]:
        """The buttons of a row. There is none for looking at it: its name leads there."""
        return [one for one in super().get_list_row_actions() if not isinstance(one, ViewRowAction)]

    @property
    def column_display_actions(self) -> bool:
        return self.can_edit or self.can_delete

    def scaffold_form(self) -> type[BaseForm]:
        form: type[BaseForm] = self.form_base_class
        return form

    def get_edit_form(self) -> type[BaseForm]:
        """The form with the version that the person saw, so that nobody's change is lost unseen."""
        return type("EditForm", (self.form_on_edit or self.get_form(),), {"version": HiddenField()})

    @expose("/new/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def create_view(self) -> ResponseReturnValue:
        """A new record. Unlike Flask-Admin's, it can answer with a secret that is shown once."""
        form = self.create_form()
        made = self.create_model(form) if self.validate_form(form) else None
        if isinstance(made, Revealed):
            flash(f"{self.record_title(made.record)} was created.", "success")
            return str(self.render(self.reveal_template, revealed=made, return_url=self._return_url()))
        if made is None:
            return str(self.render(self.create_template, form=form, return_url=self._return_url()))
        flash(f"{self.record_title(made)} was created.", "success")
        if "_add_another" in request.form:
            return redirect(self.get_url(".create_view", url=self._return_url()))
        return redirect(self._return_url())

    def create_model(self, form: BaseForm) -> Any:
        """The new record, or None when the form has to be mended first."""
        if not isinstance(self.source, Creates):
            raise NotFound
        try:
            return self.source.create(entered(form))
        except ReauthRequired:
            self._show_stale()
            return None
        except MENDABLE as exc:
            show_error(form, exc)
            return None

    def update_model(self, form: BaseForm, model: Any) -> bool:
        if not isinstance(self.source, Updates):
            raise NotFound
        try:
            self.source.update(self.get_pk_value(model), entered(form), seen_version(form, model))
        except VersionMismatch:
            self._show_newer(form, model)
            return False
        except ReauthRequired:
            self._show_stale()
            return False
        except MENDABLE as exc:
            show_error(form, exc)
            return False
        return True

    def _show_stale(self) -> None:
        """The password was given too long ago: say so beside the form, which keeps what was entered."""
        self._template_args["confirm_url"] = url_for("pages.login", confirm=1, next=self.get_url(".index_view"))

    def _show_newer(self, form: BaseForm, model: Any) -> None:
        """Keep what was entered, show what is stored now beside it, and let the next save be a knowing one."""
        stored = self._edit_form_class(None, obj=model)
        self._template_args["newer"] = [
            (field.label.text, field.data)
            for field in stored
            if field.name not in NOT_DATA and field.type != "PasswordField" and field.data != form[field.name].data
        ]
        form["version"].data = str(model.version)
