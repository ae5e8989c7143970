"""Writing a text, which is a file like any other, and changing one: that is another version of it."""

from __future__ import annotations

from io import BytesIO
from typing import Final, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.limits import MAX_TEXT_WRITTEN
from backoffice.domain.previews import is_text
from backoffice.domain.texts import LineEnd, is_marked, text_bytes, text_name, text_of, text_type
from backoffice.errors import BackofficeError, NameTaken, NotFound, VersionMismatch
from backoffice.services.file_reading import OpenedFile
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.pages.forms import MENDABLE, go_back, sentence, where_from
from backoffice.web.route_access import route_act

MAX_BODY: Final = MAX_TEXT_WRITTEN + 64 * 1024
"""Bytes of the form: the text and the other fields."""
NO_CONTENT: Final = "-"
"""What no file holds: for a form that does not say what it was made of."""


class _Kept(NamedTuple):
    """Of a text that is changed: what is none of its characters, and stays as it was."""

    ends: LineEnd
    marked: bool


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/texts/new", "text_new", text_new)
    bp.add_url_rule("/my/texts/new", "text_create", text_create, methods=["POST"])
    bp.add_url_rule("/my/files/<file_id>/edit", "text_edit", text_edit)
    bp.add_url_rule("/my/files/<file_id>/edit", "text_save", text_save, methods=["POST"])


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


@route_act(Acts.FILE_CONTENT, also=(Acts.FILE_DOWNLOAD,))
def text_edit(file_id: str) -> ResponseReturnValue:
    """A form with the text of one of one's own files."""
    opened = _own(file_id)
    data = _data(opened)
    text = text_of(data) if data is not None else None
    if data is None or text is None:
        flash("This file cannot be edited here: it is not plain text in UTF-8, or it is too long.", "warning")
        return go_back()
    return _edit_form(opened.file, text, _Kept(LineEnd.of(text), is_marked(data)), opened.file.content_id)


@route_act(Acts.FILE_CONTENT, also=(Acts.FILE_DOWNLOAD,), max_body=MAX_BODY)
def text_save(file_id: str) -> ResponseReturnValue:
    """`text` in the place of the `content` that it was made of. Where the file holds something else by now, both are
    shown, and saving again puts this over that, which stays an earlier version."""
    form = request.form
    text = form.get("text", "")
    kept = _Kept(LineEnd.CRLF if form.get("ends") == LineEnd.CRLF else LineEnd.LF, bool(form.get("marked")))
    content = form.get("content", "") or NO_CONTENT
    opened = _own(file_id)
    try:
        body = text_bytes(text, kept.ends, marked=kept.marked)
        # By sizes first: a file of any length may be there by now.
        if opened.file.size == len(body) and body == b"".join(opened.read()):
            flash("Nothing was changed.", "info")
            return _to_file(opened.file)
        file = services().uploads.replace_content(actor(), file_id, BytesIO(body).readinto, len(body), content=content)
    except VersionMismatch:
        now = _own(file_id)
        return _edit_form(now.file, text, kept, now.file.content_id, theirs=_text(now), changed=True), 409
    except MENDABLE as error:
        # Made of what it was made of: what the file holds by now was not shown.
        return _edit_form(opened.file, text, kept, content, error=sentence(error)), 400
    flash(f"“{file.name}” is saved.", "success")
    return _to_file(file)


def _own(file_id: str) -> OpenedFile:
    """Raises NotFound."""
    opened = services().files.open(actor(), file_id, whole=True)
    if opened.file.owner != actor().id:
        raise NotFound
    return opened


def _data(opened: OpenedFile) -> bytes | None:
    """What the file holds, None where that is no text, or too long."""
    if opened.file.size > MAX_TEXT_WRITTEN or not is_text(opened.file):
        return None
    return b"".join(opened.read())


def _text(opened: OpenedFile) -> str | None:
    """What the file says, None where that cannot be edited."""
    data = _data(opened)
    return None if data is None else text_of(data)


def _edit_form(
    file: File,
    text: str,
    kept: _Kept,
    content: str,
    *,
    theirs: str | None = None,
    changed: bool = False,
    error: str = "",
) -> str:
    return render_template(
        "text_edit.html",
        file=file,
        text=text,
        kept=kept,
        content=content,
        theirs=theirs,
        changed=changed,
        error=error,
        back=where_from(),
    )


def _to_file(file: File) -> ResponseReturnValue:
    return redirect(url_for("pages.file_page", file_id=file.id, back=where_from()), 303)
