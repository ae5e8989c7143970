"""Folders on the page of one's own files: making, renaming, moving what is chosen, deleting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.paging import Query
from backoffice.errors import Invalid, NotFound
from backoffice.services.container import Services
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.pages.forms import MENDABLE, Tally, act, chosen, go_back, sentence, typed_name, where_from
from backoffice.web.pages.moving_back import moved_here
from backoffice.web.pages.my_files import ROWS, ListParams, trail
from backoffice.web.route_access import route_act


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/folders", "folder_create", folder_create, methods=["POST"])
    bp.add_url_rule("/my/folders/<folder_id>/rename", "folder_rename", folder_rename, methods=["POST"])
    bp.add_url_rule("/my/folders/<folder_id>/trash", "folder_trash", folder_trash, methods=["POST"])
    bp.add_url_rule("/my/folders/<folder_id>/restore", "folder_restore", folder_restore, methods=["POST"])
    bp.add_url_rule("/my/folders/<folder_id>/purge", "folder_purge", folder_purge, methods=["POST"])
    bp.add_url_rule("/my/move", "move", move)
    bp.add_url_rule("/my/move", "move_there", move_there, methods=["POST"])


@route_act(Acts.FOLDER_CREATE)
def folder_create() -> ResponseReturnValue:
    """`name`, in `parent`; with a name that does not do, the row stays a form."""
    try:
        folder = services().folders.create(
            actor(), name=request.form.get("name", ""), parent=request.form.get("parent", "")
        )
    except MENDABLE as error:
        flash(sentence(error), "error")
        return go_back(new="folder", typed=typed_name("name"))
    flash(f"The folder “{folder.name}” is made.", "success")
    return go_back()


@route_act(Acts.FOLDER_RENAME)
def folder_rename(folder_id: str) -> ResponseReturnValue:
    """`new_name`; likewise."""
    try:
        folder = services().folders.update(actor(), folder_id, name=request.form.get("new_name", ""))
    except MENDABLE as error:
        flash(sentence(error), "error")
        gone = isinstance(error, NotFound)
        return go_back(rename="" if gone else folder_id, typed="" if gone else typed_name("new_name"))
    flash(f"The folder is called “{folder.name}” now.", "success")
    return go_back()


@route_act(Acts.FOLDER_TRASH)
def folder_trash(folder_id: str) -> ResponseReturnValue:
    """Into the trash, with all that lies in it; the page then offers to take it back."""
    return act(lambda: put_away(services(), folder_id), undo=folder_id)


def put_away(has: Services, folder_id: str) -> None:
    """Into the trash, as its row and as the selection do it."""
    if not has.folders.trash(actor(), folder_id).complete:
        flash("It is a large folder: what lies in it follows within minutes.", "info")


@route_act(Acts.FOLDER_RESTORE)
def folder_restore(folder_id: str) -> ResponseReturnValue:
    """Out of the trash, with what went there with it."""

    def restore() -> None:
        folder = services().folders.restore(actor(), folder_id)
        flash(f"“{folder.name}” is back" + ("." if folder.complete else "; what lies in it follows."), "success")

    return act(restore)


@route_act(Acts.FOLDER_PURGE)
def folder_purge(folder_id: str) -> ResponseReturnValue:
    """For good, likewise."""

    def purge() -> None:
        services().folders.purge(actor(), folder_id)
        flash("The folder is gone for good.", "success")

    return act(purge)


@route_act(Acts.FILE_MOVE, Acts.FOLDER_MOVE)
def move() -> ResponseReturnValue:
    """Where to put each `file` and `folder`: the folders in `into`, to go on to or to choose. Raises NotFound."""
    has, asking = services(), actor()
    files, folders = chosen("file"), chosen("folder")
    if not files and not folders:
        flash("Choose something first.", "warning")
        return go_back()
    into, back = request.args.get("into", ""), where_from()
    page = ListParams.of(request.args).page
    query = Query(sort="name", limit=ROWS, offset=page * ROWS)
    try:
        found, above = has.together(lambda: has.folders.page_in(asking, into, query), lambda: trail(has, asking, into))
    except Invalid:
        raise NotFound from None
    given: dict[str, Any] = {"file": files, "folder": folders, "back": back}

    def url(to: str, page: int = 0) -> str:
        return url_for("pages.move", **given, into=to or None, page=page or None)

    return render_template(
        "move.html",
        files=files,
        moved=frozenset(folders),
        name=_name_of(files, folders),
        count=len(files) + len(folders),
        into=into,
        above=above,
        found=found,
        page=page,
        more=found.total > (page + 1) * ROWS,
        url=url,
        back=back,
    )


@route_act(Acts.FILE_MOVE, Acts.FOLDER_MOVE)
def move_there() -> ResponseReturnValue:
    """Each `file` and `folder` into the folder `into`, "" the top."""
    has, asking, into = services(), actor(), request.form.get("into", "")
    tally = Tally()
    tally.each(chosen("folder"), lambda key: has.folders.update(asking, key, parent=into), folder_name)
    tally.each(chosen("file"), lambda key: has.files.amend(asking, key, folder=into), file_name)
    tally.say("{} moved.", moved_here())
    return go_back()


def folder_name(folder_id: str) -> str:
    """For a message about it, also where it is in the trash."""
    folders = services().folders
    return (
        _called(lambda: folders.get(actor(), folder_id))
        or _called(lambda: folders.trashed(actor(), folder_id))
        or "The folder"
    )


def file_name(file_id: str) -> str:
    """Likewise."""
    return _called(lambda: services().files.get(actor(), file_id)) or "The file"


def _called(read: Callable[[], File | Folder]) -> str:
    """The name of what is read, "" where it is not there."""
    try:
        return read().name
    except NotFound:
        return ""


def _name_of(files: list[str], folders: list[str]) -> str:
    """Of the one thing that is moved, "" of several."""
    if len(files) + len(folders) != 1:
        return ""
    return services().files.get(actor(), files[0]).name if files else services().folders.get(actor(), folders[0]).name
