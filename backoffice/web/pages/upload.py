"""The page of one's own files: sending, finding, downloading, renaming, the trash.

Everything on it works without a script; `static/js/upload/` makes sending resumable and saves the page loads.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.paging import Query
from backoffice.domain.uploads import Upload
from backoffice.errors import NotFound
from backoffice.web.body import drain
from backoffice.web.context import services
from backoffice.web.headers import allow_previews
from backoffice.web.identity import actor, may
from backoffice.web.pages import file_versions, moving_back, my_folders, my_selection, texts
from backoffice.web.pages.file_form import take_form
from backoffice.web.pages.file_rows import rows_of
from backoffice.web.pages.forms import MENDABLE, act, go_back, sentence, typed_name
from backoffice.web.pages.my_files import ListParams, just_deleted, list_files, trail
from backoffice.web.pages.under_way import UNFINISHED, chunk_size, unfinished_row
from backoffice.web.route_access import route_act, signed_in


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/", "upload", upload)
    bp.add_url_rule("/my/files", "upload_form", upload_form, methods=["POST"])
    bp.add_url_rule("/my/files/<file_id>/rename", "file_rename", file_rename, methods=["POST"])
    bp.add_url_rule("/my/files/<file_id>/trash", "file_trash", file_trash, methods=["POST"])
    bp.add_url_rule("/my/files/<file_id>/restore", "file_restore", file_restore, methods=["POST"])
    bp.add_url_rule("/my/files/<file_id>/purge", "file_purge", file_purge, methods=["POST"])
    bp.add_url_rule("/my/uploads/<file_id>/cancel", "upload_cancel", upload_cancel, methods=["POST"])
    my_folders.register(bp)
    moving_back.register(bp)
    my_selection.register(bp)
    texts.register(bp)
    file_versions.register(bp)


@signed_in
def upload() -> ResponseReturnValue:
    """The page. Whoever may not see files gets it, too: it is the first page after signing in."""
    asked, asking = ListParams.of(request.args), actor()
    if not may(Acts.FILES_LIST):
        return render_template("upload.html", asked=asked, listing=None)
    has = services()
    usage, versions, waiting, listing, undo, unfinished, above = has.together(
        lambda: has.files.usage(asking),
        lambda: has.files.versions_held(asking),
        lambda: has.deliveries.count_waiting(asking),
        lambda: list_files(has, asking, asked),
        lambda: just_deleted(has, asking, asked),
        _own_uploads,
        lambda: trail(has, asking, asked.folder),
    )
    if may(Acts.FILE_DOWNLOAD):
        allow_previews()  # the script shows the page of a file within this one
    return render_template(
        "upload.html",
        asked=asked,
        listing=listing,
        rows=rows_of(listing, asked),
        undo=undo,
        unfinished=[unfinished_row(one, url_for("pages.upload_cancel", file_id=one.id)) for one in unfinished],
        usage=usage,
        versions=versions,
        deliveries_waiting=waiting,
        left=None if usage.limit is None else max(0, usage.limit - usage.used - usage.reserved),
        limits=has.uploads.limits,
        largest=min(has.uploads.limits.max_file_size, usage.limit or has.uploads.limits.max_file_size),
        chunk_size=chunk_size(has.uploads.limits),
        above=above,
    )


def _own_uploads() -> tuple[Upload, ...]:
    return services().uploads.mine(actor(), Query(sort="created", descending=True, limit=UNFINISHED)).items


@route_act(Acts.FILE_CREATE, max_body=None)
def upload_form() -> ResponseReturnValue:
    """Files in a form, for browsers without a script. The CSRF token is in the query: it is checked before any of the
    body is read."""
    stored: list[File] = []
    try:
        take_form(request, actor(), services().uploads, stored.append, request.args.get("folder", ""))
    except MENDABLE as error:
        # The browser shows the answer only when it got rid of the form; where that is too much, the connection ends.
        drain(request)
        flash(sentence(error), "error")
    else:
        if not stored:
            flash("Choose a file first.", "warning")
    if stored:
        what = f"“{stored[0].name}” is" if len(stored) == 1 else f"{len(stored)} files are"
        flash(f"{what} stored.", "success")
    return redirect(url_for("pages.upload", folder=request.args.get("folder") or None), 303)


@route_act(Acts.FILE_RENAME)
def file_rename(file_id: str) -> ResponseReturnValue:
    """`new_name`; with a name that does not do, the row stays a form."""
    try:
        file = services().files.rename(actor(), file_id, request.form.get("new_name", ""))
    except MENDABLE as error:
        flash(sentence(error), "error")
        gone = isinstance(error, NotFound)
        return go_back(rename="" if gone else file_id, typed="" if gone else typed_name("new_name"))
    flash(f"The file is called “{file.name}” now.", "success")
    return go_back()


@route_act(Acts.FILE_TRASH)
def file_trash(file_id: str) -> ResponseReturnValue:
    """Into the trash; the page then offers to take it back."""
    return act(lambda: services().files.trash(actor(), file_id), undo=file_id)


@route_act(Acts.FILE_RESTORE)
def file_restore(file_id: str) -> ResponseReturnValue:
    """Out of the trash."""

    def restore() -> None:
        file = services().files.restore(actor(), file_id)
        flash(f"“{file.name}” is back.", "success")

    return act(restore)


@route_act(Acts.FILE_PURGE)
def file_purge(file_id: str) -> ResponseReturnValue:
    """For good."""

    def purge() -> None:
        services().files.purge(actor(), file_id)
        flash("The file is gone for good.", "success")

    return act(purge)


@route_act(Acts.UPLOAD_CANCEL)
def upload_cancel(file_id: str) -> ResponseReturnValue:
    """Give an unfinished upload up."""

    def cancel() -> None:
        services().uploads.cancel(actor(), file_id)
        flash("The upload is cancelled.", "success")

    return act(cancel)
