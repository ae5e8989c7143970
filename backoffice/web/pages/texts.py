"""Writing a text, which is a file like any other."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.limits import MAX_TEXT_WRITTEN
from backoffice.domain.texts import text_bytes, text_name, text_type
from backoffice.errors import BackofficeError, NameTaken
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.pages.forms import MENDABLE, go_back, sentence, where_from
from backoffice.web.route_access import route_act

MAX_BODY: Final = MAX_TEXT_WRITTEN + 64 * 1024
"""Bytes of the form: the text and the other fields."""


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/texts/new", "text_new", text_new)
    bp.add_url_rule("/my/texts/new", "text_create", text_create, methods=["POST"])


@route_act(Acts.FILE_CREATE)
def text_new() -> ResponseReturnValue:
    """An empty form."""
    return render_template(
        "text_new.html", given={}, errors={}, folder=request.args.get("folder", ""), back=where_from()
    )


@route_act(Acts.FILE_CREATE, max_body=MAX_BODY)
def text_create() -> ResponseReturnValue:
    """`name` and `text`, into `folder`; `both`: under another name where it is taken."""
    form = request.form
    name, folder = text_name(form.get("name", "")), form.get("folder", "")
    on_conflict = OnConflict.RENAME if form.get("both") else OnConflict.FAIL
    try:
        body = text_bytes(form.get("text", ""))
        spec = FileSpec(name, text_type(name), folder=folder, on_conflict=on_conflict)
        with services().uploads.open_stream(actor(), spec, len(body)) as new:
            new.write(body)
            file = services().uploads.finish_stream(actor(), new, spec)
    except MENDABLE as error:
        return _again(error, folder)
    flash(f"“{file.name}” is stored.", "success")
    return go_back()


def _again(error: BackofficeError, folder: str) -> ResponseReturnValue:
    """The form with what was typed, and what is wrong beside its field."""
    taken = isinstance(error, NameTaken)
    field = "name" if taken else str(error.details.get("field", ""))
    place = field if field in {"name", "text"} else "form"
    page = render_template(
        "text_new.html",
        given=request.form,
        errors={place: sentence(error)},
        taken=taken,
        folder=folder,
        back=where_from(),
    )
    return page, 409 if taken else 400
