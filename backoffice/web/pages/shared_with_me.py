"""What others share with one: the list, a folder that is looked through, a file, and a form that puts files into a
folder. All of it works without a script."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.files import File, Target
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.paging import Page, Query
from backoffice.domain.shares import HeldShare, ShareKind
from backoffice.domain.uploads import Upload
from backoffice.errors import BackofficeError, NotFound, QuotaExceeded
from backoffice.services.share_opening import Reached
from backoffice.services.shared_files import NO_ROOM
from backoffice.web.body import drain
from backoffice.web.context import services
from backoffice.web.formats import size_tag, when_tag
from backoffice.web.identity import actor
from backoffice.web.names import kind_of, name_with_icon
from backoffice.web.pages.file_form import take_form
from backoffice.web.pages.forms import MENDABLE, sentence
from backoffice.web.pages.under_way import UNFINISHED, chunk_size, unfinished_row
from backoffice.web.preview import shown_file
from backoffice.web.route_access import route_act
from backoffice.web.share_cells import access_of

ROWS: Final = 50
MAX_PAGE: Final = 1_000


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/shared-with-me", "shared_with_me", shared_with_me)
    bp.add_url_rule("/shared-with-me/<share_id>", "shared_thing", shared_thing)
    bp.add_url_rule("/shared-with-me/<share_id>/files/<file_id>", "shared_file", shared_file)
    where = "/shared-with-me/<share_id>/files/<file_id>/content"
    bp.add_url_rule(where, "shared_content", shared_content, methods=["POST"])
    bp.add_url_rule("/shared-with-me/<share_id>/files", "shared_upload", shared_upload, methods=["POST"])
    bp.add_url_rule(
        "/shared-with-me/<share_id>/folders", "shared_folder_create", shared_folder_create, methods=["POST"]
    )
    where = "/shared-with-me/<share_id>/uploads/<upload_id>/cancel"
    bp.add_url_rule(where, "shared_upload_cancel", shared_upload_cancel, methods=["POST"])


@route_act(Acts.SHARE_OPEN)
def shared_with_me() -> ResponseReturnValue:
    """Name, from whom, what one may do there, since when; the newest first."""
    search, page = _search(), _page()
    asked = Query(search=search, limit=ROWS, offset=page * ROWS)
    found = services().shared.received(actor(), asked)
    rows = [(one, _label(one), access_of(one), url_for("pages.shared_thing", share_id=one.id)) for one in found.items]

    def page_url(at: int) -> str:
        return _address(url_for("pages.shared_with_me"), q=search, page=at)

    return render_template(
        "shared_with_me.html", rows=rows, found=found, search=search, page=page, pages=_pages(found), page_url=page_url
    )


@route_act(Acts.SHARE_OPEN)
def shared_thing(share_id: str) -> ResponseReturnValue:
    """What is shared: the page of a file, or of a folder with what lies in it (`folder`: one in it)."""
    reached = services().shared.look(actor(), share_id, request.args.get("folder", ""))
    if isinstance(reached.thing, File):
        return _file_page(reached, reached.thing)
    return _folder_page(reached)


@route_act(Acts.SHARE_OPEN)
def shared_file(share_id: str, file_id: str) -> ResponseReturnValue:
    """A file in a folder that is shared: a look at it, and what is known of it."""
    reached = services().shared.file(actor(), share_id, file_id)
    return _file_page(reached, reached.file)


@route_act(Acts.SHARE_WRITE, max_body=None)
def shared_upload(share_id: str) -> ResponseReturnValue:
    """Files in a form. The CSRF token is in the query: it is checked before any of the body is read."""
    wanted = request.args.get("folder", "")
    writer, folder = services().shared.writer(actor(), share_id, wanted)
    stored = _take(writer, folder)
    if stored:
        what = f"“{stored[0].name}” is" if len(stored) == 1 else f"{len(stored)} files are"
        flash(f"{what} stored.", "success")
    return _back_to(share_id, wanted)


@route_act(Acts.SHARE_WRITE)
def shared_folder_create(share_id: str) -> ResponseReturnValue:
    """`name`, in `folder`; with a name that does not do, the form stays."""
    folder = request.form.get("folder", "")
    try:
        made = services().shared.create_folder(actor(), share_id, request.form.get("name", ""), folder)
    except NotFound:
        raise
    except MENDABLE as error:
        flash(_said(error), "error")
        return _back_to(share_id, folder, new="folder")
    flash(f"The folder “{made.name}” is made.", "success")
    return _back_to(share_id, folder)


@route_act(Acts.SHARE_WRITE)
def shared_upload_cancel(share_id: str, upload_id: str) -> ResponseReturnValue:
    """Give up an unfinished upload that one began there."""
    shared = services().shared
    shared.writer(actor(), share_id)
    try:
        shared.cancel(actor(), share_id, upload_id)
    except MENDABLE as error:
        flash(sentence(error), "error")
    else:
        flash("The upload is cancelled.", "success")
    return _back_to(share_id, request.form.get("folder", ""))


def _back_to(share_id: str, folder: str, new: str = "") -> ResponseReturnValue:
    """To the folder that the form stood in."""
    where = folder if is_id(folder) else None
    return redirect(url_for("pages.shared_thing", share_id=share_id, folder=where, new=new or None), 303)


def _said(error: BackofficeError) -> str:
    return NO_ROOM if isinstance(error, QuotaExceeded) else sentence(error)


@route_act(Acts.SHARE_WRITE, max_body=None)
def shared_content(share_id: str, file_id: str) -> ResponseReturnValue:
    """Another version of a file, likewise in a form."""
    writer, into = services().shared.file_writer(actor(), share_id, file_id)
    if _take(writer, into=into):
        flash("It holds the new version now; its owner has what it held before.", "success")
    return redirect(url_for("pages.shared_file", share_id=share_id, file_id=file_id), 303)


def _take(writer: Actor, folder: str = "", into: Target | None = None) -> list[File]:
    """What the form brought, and a message where it could not be taken."""
    stored: list[File] = []
    try:
        take_form(request, writer, services().shared.uploads, stored.append, folder, into)
    except MENDABLE as error:
        drain(request)  # the browser shows the answer only when it got rid of the form
        flash(_said(error), "error")
    else:
        if not stored:
            flash("Choose a file first.", "warning")
    return stored


def _folder_page(reached: Reached) -> str:
    has, search, page = services(), _search(), _page()
    folder, share = reached.folder, reached.share
    home = url_for("pages.shared_thing", share_id=share.id)
    here = folder.id if folder.id != share.object else ""
    folders, files = has.shared.place(reached, search, page * ROWS, ROWS)
    begun = has.shared.uploads.begun(reached.guest) if reached.may_write else ()

    def address(**marks: str) -> str:
        return _address(home, folder=here, **marks)

    def cancel(upload: Upload) -> str:
        return url_for("pages.shared_upload_cancel", share_id=share.id, upload_id=upload.id)

    def page_url(at: int) -> str:
        return _address(home, folder=here, q=search, page=at)

    rows = [_folder_row(one, _address(home, folder=one.id)) for one in folders.items]
    rows += [_file_row(share.id, one) for one in files.items]
    return render_template(
        "shared_folder.html",
        reached=reached,
        folder=folder,
        above=[(one, _address(home, folder=one.id if at else "")) for at, one in enumerate(reached.trail[:-1])],
        rows=rows,
        total=folders.total + files.total,
        exact=folders.exact and files.exact,
        more=_more(folders, files, page),
        search=search,
        page=page,
        page_url=page_url,
        here=here,
        zip_url=url_for("api.files.download_shared_zip", share_id=share.id, folder=here or None),
        limits=has.uploads.limits,
        chunk_size=chunk_size(has.uploads.limits),
        address=address,
        making=reached.may_write and request.args.get("new") == "folder",
        unfinished=[unfinished_row(one, cancel(one)) for one in begun[:UNFINISHED]],
    )


def _more(folders: Page[Folder], files: Page[File], page: int) -> bool:
    shown = len(folders.items) + len(files.items)
    if folders.exact and files.exact:
        return page * ROWS + shown < folders.total + files.total
    return shown == ROWS


def _folder_row(one: Folder, url: str) -> dict[str, Any]:
    label = name_with_icon(one.name, "folder")
    row = {"id": one.id, "name": one.name, "label": label, "url": url, "about": "Folder", "folder": True}
    return {**row, "moment": when_tag(one.created_at)}


def _file_row(share_id: str, one: File) -> dict[str, Any]:
    symbol, kind = kind_of(one.mime_type)
    return {
        "id": one.id,
        "name": one.name,
        "label": name_with_icon(one.name, symbol),
        "url": url_for("pages.shared_file", share_id=share_id, file_id=one.id),
        "about": kind,
        "size": size_tag(one.size),
        "moment": when_tag(one.created_at),
        "download": url_for("api.files.download_shared", share_id=share_id, file_id=one.id),
    }


def _file_page(reached: Reached, file: File) -> str:
    share = reached.share
    names: dict[str, Any] = {"share_id": share.id, "file_id": file.id}
    home = url_for("pages.shared_thing", share_id=share.id)
    inside = share.kind is ShareKind.FOLDER
    if inside and not reached.trail:
        raise NotFound
    folder = reached.trail[-1].id if len(reached.trail) > 1 else ""
    return render_template(
        "shared_file.html",
        reached=reached,
        file=file,
        kind=kind_of(file.mime_type)[1],
        shown=shown_file(
            file, url_for("api.files.preview_shared", **names), url_for("api.files.download_shared", **names)
        ),
        place=[one.name for one in reached.trail],
        back=_address(home, folder=folder) if inside else url_for("pages.shared_with_me"),
        back_to=reached.trail[-1].name if inside else "Shared with me",
    )


def _label(one: HeldShare) -> Markup:
    symbol = "folder" if one.kind is ShareKind.FOLDER else kind_of(one.mime_type)[0]
    return name_with_icon(one.name, symbol)


def _search() -> str:
    return "".join(char for char in request.args.get("q", "") if char.isprintable())[:MAX_SEARCH].strip()


def _page() -> int:
    page = request.args.get("page", "")
    return min(int(page), MAX_PAGE) if page.isascii() and page.isdigit() and len(page) < 9 else 0


def _pages(found: Page[Any]) -> int:
    return -(-found.total // ROWS)


def _address(url: str, **parts: str | int) -> str:
    """The address with what is not empty of these."""
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"{url}?{query}" if query else url
