"""What one of one's own files held before, and a new version of it: a page that works without a script."""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.files import File, Target
from backoffice.domain.ids import is_id
from backoffice.errors import NotFound, VersionMismatch
from backoffice.services.file_versioning import History
from backoffice.web.body import drain
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.names import kind_of
from backoffice.web.pages.file_form import take_form
from backoffice.web.pages.forms import MENDABLE, sentence, where_from
from backoffice.web.route_access import route_act

SAID: Final = {
    "restored": "The file holds this version again. What it held before is kept below.",
    "deleted": "The version is deleted.",
    "gone": "This version is not there any more.",
    "stored": "The new version is stored.",
}
"""What came of an act, by the word that stands for it in the address: the page can be shown in a dialog."""


class VersionRow(NamedTuple):
    """`by`: who brought it, "" where that is oneself; `same`: whether it is what the file holds now, to the last byte,
    None where that is not known."""

    file: File
    kind: str
    by: str
    same: bool | None


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/files/<file_id>/versions", "file_versions", file_versions)
    bp.add_url_rule("/my/files/<file_id>/versions", "version_form", version_form, methods=["POST"])
    one = "/my/files/<file_id>/versions/<version_id>"
    bp.add_url_rule(f"{one}/restore", "version_restore", version_restore, methods=["POST"])
    bp.add_url_rule(f"{one}/delete", "version_delete", version_delete, methods=["POST"])


@route_act(Acts.FILE_READ)
def file_versions(file_id: str) -> ResponseReturnValue:
    """All of them, the newest first. `delete` names the one whose row is a question."""
    history = services().files.history(actor(), file_id)
    if history.file.owner != actor().id:
        raise NotFound
    asked = request.args.get("delete", "")
    return render_template(
        "versions.html",
        now=history.file,
        kind=kind_of(history.file.mime_type)[1],
        rows=_rows(history),
        size=history.size,
        kept=services().uploads.limits.keep_versions,
        delete=asked if is_id(asked) else "",
        said=SAID.get(request.args.get("said", ""), ""),
        back=where_from(),
    )


def _rows(history: History) -> list[VersionRow]:
    others = sorted({one.stored_by for one in history.earlier} - {actor().id})
    names = services().users.names(others) if others else {}
    digest = history.file.digest
    return [
        VersionRow(
            one,
            kind_of(one.mime_type)[1],
            "" if one.stored_by == actor().id else names.get(one.stored_by, one.stored_by),
            one.digest == digest if one.digest and digest else None,
        )
        for one in history.earlier
    ]


@route_act(Acts.FILE_CONTENT, max_body=None)
def version_form(file_id: str) -> ResponseReturnValue:
    """A file in a form, as what the file holds from now on. The CSRF token is in the query: it is checked before any of
    the body is read."""
    stored: list[File] = []
    try:
        file = services().files.get(actor(), file_id)
        if file.owner != actor().id:
            raise NotFound
        take_form(request, actor(), services().uploads, stored.append, into=Target(file.id))
    except MENDABLE as error:
        drain(request)
        flash(sentence(error), "error")
    else:
        if not stored:
            flash("Choose a file first.", "warning")
    return _to_versions(file_id, "stored" if stored else "")


@route_act(Acts.FILE_REVERT)
def version_restore(file_id: str, version_id: str) -> ResponseReturnValue:
    """What the file holds now becomes an earlier version."""
    try:
        services().files.restore_version(actor(), file_id, version_id)
    except (NotFound, VersionMismatch):
        return _to_versions(file_id, "gone")
    return _to_versions(file_id, "restored")


@route_act(Acts.FILE_PRUNE)
def version_delete(file_id: str, version_id: str) -> ResponseReturnValue:
    """For good."""
    try:
        services().files.delete_version(actor(), file_id, version_id)
    except (NotFound, VersionMismatch):
        return _to_versions(file_id, "gone")
    return _to_versions(file_id, "deleted")


def _to_versions(file_id: str, said: str) -> ResponseReturnValue:
    return redirect(url_for("pages.file_versions", file_id=file_id, back=where_from(), said=said or None), 303)
