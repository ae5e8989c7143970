"""What is done to several files and folders at once, and the page of one file."""

from __future__ import annotations

import time
from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_LIMIT
from backoffice.domain.links import HeldLink, LinkState
from backoffice.domain.paging import Query
from backoffice.domain.shares import HeldShare, ShareState
from backoffice.errors import NotFound
from backoffice.web.context import services
from backoffice.web.formats import number
from backoffice.web.identity import actor, may
from backoffice.web.names import kind_of
from backoffice.web.pages.forms import Tally, chosen, go_back, where_from
from backoffice.web.pages.my_folders import file_name, folder_name, put_away
from backoffice.web.preview import shown_file
from backoffice.web.route_access import route_act

NAMED: Final = 10
"""Links of a file, and shares, that its page looks at."""
EMPTYING_SECONDS: Final = 5.0
"""How long one request goes on emptying the trash."""


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/selection", "selection", selection, methods=["POST"])
    bp.add_url_rule("/my/zip", "zip_of", zip_of)
    bp.add_url_rule("/my/files/<file_id>", "file_page", file_page)
    bp.add_url_rule("/my/trash/empty", "trash_question", trash_question)
    bp.add_url_rule("/my/trash/empty", "trash_empty", trash_empty, methods=["POST"])


@route_act(Acts.FILE_READ)
def file_page(file_id: str) -> ResponseReturnValue:
    """One of one's own files: a look at it, what is known of it, and what can be done with it."""
    file = services().files.get(actor(), file_id)
    if file.owner != actor().id:
        raise NotFound
    has = services()
    places, links, shares = has.together(
        lambda: has.folders.paths({file.folder_id}), lambda: _links(file), lambda: _shares(file)
    )
    return render_template(
        "file.html",
        file=file,
        kind=kind_of(file.mime_type)[1],
        place=places.get(file.folder_id, ()),
        shown=shown_file(file),
        links=links,
        shares=shares,
        back=where_from(),
    )


def _links(file: File) -> list[HeldLink]:
    """The newest of those by which strangers get at it now."""
    if not may(Acts.LINK_LIST):
        return []
    query = Query(sort="created", descending=True, filters=(("file", file.id),), limit=NAMED)
    return [one for one in services().links.held(actor(), query).items if one.state is LinkState.OPEN]


def _shares(file: File) -> list[HeldShare]:
    """The newest of those by which other people do."""
    if not may(Acts.SHARE_LIST):
        return []
    query = Query(sort="created", descending=True, filters=(("object", file.id),), limit=NAMED)
    return [one for one in services().shares.held(actor(), query).items if one.state is ShareState.OPEN]


@route_act(Acts.FILE_DOWNLOAD)
def zip_of() -> ResponseReturnValue:
    """Each `file` and `folder` as one archive: for who may only read, and has no form that sends."""
    return _zip(chosen("file"), chosen("folder"))


@route_act(Acts.FILE_MOVE, Acts.FILE_TRASH, Acts.FILE_RESTORE)
def selection() -> ResponseReturnValue:
    """Do what `act` says with each `file` and `folder`: `zip`, `move`, `trash`, `restore`."""
    files, folders, back = chosen("file"), chosen("folder"), where_from()
    if not files and not folders:
        flash("Choose something first.", "warning")
        return go_back()
    match request.form.get("act", ""):
        case "zip":
            return _zip(files, folders)
        case "move":
            return redirect(url_for("pages.move", file=files, folder=folders, back=back), 303)
        case "trash":
            return _trash(files, folders)
        case "restore":
            _restore(files, folders)
    return go_back()


def _zip(files: list[str], folders: list[str]) -> ResponseReturnValue:
    if not files and not folders:
        flash("Choose something first.", "warning")
        return go_back()
    return redirect(url_for("api.files.download_zip", id=files, folder=folders), 303)


def _restore(files: list[str], folders: list[str]) -> None:
    has, tally, back = services(), Tally(), list[File | Folder]()
    tally.each(folders, lambda key: back.append(has.folders.restore(actor(), key)), folder_name)
    tally.each(files, lambda key: back.append(has.files.restore(actor(), key)), file_name)
    if len(back) == 1 and not tally.problems:
        flash(f"“{back[0].name}” is back.", "success")
    else:
        tally.say("{} back.")


def _trash(files: list[str], folders: list[str]) -> ResponseReturnValue:
    tally = Tally()
    tally.each(folders, lambda key: put_away(services(), key), folder_name)
    tally.each(files, lambda key: services().files.trash(actor(), key), file_name)
    gone = tally.done
    if tally.problems:
        tally.say("{} in the trash.")
    return go_back(undo=".".join(gone))


@route_act(Acts.FILE_PURGE)
def trash_question() -> ResponseReturnValue:
    """Whether all that is in the trash is to be gone: how much that is."""
    everything = Query(limit=MAX_LIMIT)
    folders, page = services().together(
        lambda: services().folders.trash_page(actor(), everything),
        lambda: services().files.trash_page(actor(), everything),
    )
    return render_template(
        "trash.html",
        folders=folders,
        page=page,
        size=sum(file.size for file in page.items),
        whole=page.total <= len(page.items),
    )


@route_act(Acts.FILE_PURGE)
def trash_empty() -> ResponseReturnValue:
    """For good. What one request cannot do in time is left, and said."""
    has, everything, tally = services(), Query(limit=MAX_LIMIT), Tally(until=time.monotonic() + EMPTYING_SECONDS)
    folders = has.folders.trash_page(actor(), everything)
    tally.each((one.id for one in folders.items), lambda key: has.folders.purge(actor(), key), folder_name)
    page = has.files.trash_page(actor(), everything, alone=True)
    tally.each((one.id for one in page.items), lambda key: has.files.purge(actor(), key), file_name)
    left = page.total + folders.total - len(tally.done) - len(tally.problems)
    more = f" {number(left)} are left: empty it again." if left > 0 else ""
    tally.say("{} gone for good." + more)
    return redirect(url_for("pages.upload", show="trash"), 303)
