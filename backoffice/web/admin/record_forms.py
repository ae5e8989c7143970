"""Making and changing a record in a form: what went wrong and can be mended is said beside it, which keeps what was
entered."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.form import BaseForm
from flask_admin.model import BaseModelView
from wtforms import HiddenField

from backoffice.errors import BackofficeError, ReauthRequired, VersionMismatch
from backoffice.web.admin.actions import USER_ERRORS, OneTimeSecret
from backoffice.web.admin.fields import form_data, newer_values, seen_version, show_error
from backoffice.web.admin.messages import doing, flash_done

FORM_ERRORS: Final = (*USER_ERRORS, ReauthRequired)


class RecordForms(BaseModelView):  # type: ignore[misc]  # Flask-Admin ships no type marker
    """The part of `ServiceView` that has forms; it calls `create_record` and `update_record`."""

    form: ClassVar[type[BaseForm] | None] = None
    """The form for making a record and for changing it; where they differ, or one is not there, the next two."""
    form_on_create: ClassVar[type[BaseForm] | None] = None
    form_on_edit: ClassVar[type[BaseForm] | None] = None
    reveal_template = "admin/reveal.html"

    def scaffold_form(self) -> type[BaseForm]:
        form: type[BaseForm] = self.form_base_class
        return form

    def get_create_form(self) -> type[BaseForm]:
        return self.form_on_create or self.get_form()

    def get_edit_form(self) -> type[BaseForm]:
        """The form with the version that the person saw, so that nobody's change is lost unseen."""
        return type("EditForm", (self.form_on_edit or self.get_form(),), {"version": HiddenField()})

    def edit_form(self, obj: Any = None) -> BaseForm:
        """Raises NotAllowed for a record that the person may not change. Of what is sent, the service decides."""
        if request.method != "POST" and not self.may_edit(obj):
            self.access.refuse(self.logged_as or self.noun, self.get_pk_value(obj), "beyond what one holds")
        form: BaseForm = super().edit_form(obj)
        return form

    @expose("/new/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def create_view(self) -> ResponseReturnValue:
        """A new record. Unlike Flask-Admin's, it can answer with a secret that is shown once."""
        form = self.create_form()
        made = self.create_model(form) if self.validate_form(form) else None
        if made is None:
            return str(self.render(self.create_template, form=form, return_url=self.return_url()))
        record = made.record if isinstance(made, OneTimeSecret) else made
        doing(self.acts.create)
        flash_done(f"{self.record_title(record)} was created.")
        if isinstance(made, OneTimeSecret):
            return self.reveal(made)
        if "_add_another" in request.form:
            return redirect(self.get_url(".create_view", url=self.return_url()))
        return redirect(self.return_url())

    @expose("/edit/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def edit_view(self) -> ResponseReturnValue:
        """As Flask-Admin's, with another message."""
        model = self.get_one(request.args["id"])
        form = self.edit_form(obj=model)
        valid = self.validate_form(form)
        if valid and self.update_model(form, model):
            doing(self.acts.update)
            flash_done(f"{self.record_title(model)} was changed.")
            return redirect(self.return_url())
        if not valid and request.method == "POST":
            flash("Failed to save record.", "danger")
        return str(self.render(self.edit_template, model=model, form=form, return_url=self.return_url()))

    def reveal(self, secret: OneTimeSecret) -> str:
        """The page with a secret."""
        return str(self.render(self.reveal_template, revealed=secret, return_url=self.return_url()))

    def create_model(self, form: BaseForm) -> Any:
        try:
            return self.create_record(form_data(form))
        except FORM_ERRORS as exc:
            self._show_problem(form, exc)
        return None

    def update_model(self, form: BaseForm, model: Any) -> bool:
        try:
            self.update_record(self.get_pk_value(model), seen_version(form, model), form_data(form))
        except FORM_ERRORS as exc:
            self._show_problem(form, exc, model)
            return False
        return True

    def _show_problem(self, form: BaseForm, error: BackofficeError, model: Any = None) -> None:
        """Beside the form, which keeps what was entered."""
        if isinstance(error, ReauthRequired):
            self._template_args["confirm_url"] = url_for(
                "pages.login", confirm=1, act=error.act or None, next=self.get_url(".index_view")
            )
        elif isinstance(error, VersionMismatch) and model is not None:
            self._template_args["newer"] = newer_values(form, self._edit_form_class(None, obj=model), model.version)
        else:
            show_error(form, error)
