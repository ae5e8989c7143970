"""The page of a share link, for whoever has its address.

Looking at it changes nothing: mail scanners and previews of chats open links. A download is begun by a form of this
page, and counted then; what the browser then fetches, and fetches again from where it was cut, is counted no more. The
secret stands in the path, as that of set-up links, and is kept out of the access log (`server/access_log.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.files import File
from backoffice.domain.link_texts import may_be_text
from backoffice.domain.links import Link, LinkKind, Shared, SharedPlace, split_link_token
from backoffice.errors import BackofficeError, BadCredentials, Invalid, NotFound, TooMany
from backoffice.services.link_reading import Begun, NotBegun, has_begun, never_begun
from backoffice.services.zips import OpenedZip
from backoffice.web.context import services
from backoffice.web.download import Readable, send_file
from backoffice.web.errors import retry_headers, status_of, wants_problem
from backoffice.web.identity import anonymous
from backoffice.web.link_tickets import (
    ARCHIVE,
    FILE,
    SHOWN,
    give_proof,
    give_tickets,
    has_proof,
    has_ticket,
    just_begun,
    may_have_ticket,
)
from backoffice.web.names import kind_of, name_with_icon
from backoffice.web.pages.guest import request_page
from backoffice.web.preview import send_text
from backoffice.web.robots import keep_out_of_indexes
from backoffice.web.route_access import public

ROWS: Final = 100
"""Of a folder on one page."""
_AWAY: Final = "That is not in this folder any more."


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/s/<token>", "link", link, methods=["GET", "POST"])
    bp.add_url_rule("/s/<token>/file", "link_file", link_file)
    bp.add_url_rule("/s/<token>/raw", "link_raw", link_raw)
    bp.add_url_rule("/s/<token>/files/<file_id>", "link_inner_file", link_inner_file)
    bp.add_url_rule("/s/<token>/zip", "link_zip", link_zip)


@public
def link(token: str) -> ResponseReturnValue:
    """What is shared and by whom, with one button; and what that sends, with the password where the link has one. Of a
    folder what lies in it (`folder`: in one within it; `page`: further on), once its password was given. A text is
    shown: at once, where nothing is asked or counted, else to who has begun its download. A request for files has a
    page of its own."""
    keep_out_of_indexes()
    if services().requests.is_request(token):
        return request_page(token)
    known: Begun = never_begun if request.method == "POST" else _was_shown
    try:
        shared = services().links.look(anonymous(), token, begun=known)
        if request.method == "POST":
            return _enter(token, shared) if "enter" in request.form else _begin(token, shared)
        begun = isinstance(shared.object, File) and known(shared.link, shared.object.content_id)
        text = _text(token, shared, begun=begun)
        if text is not None:
            return render_template("link_text.html", shared=shared, text=text, begun=begun)
        return _not_open() if shared.link.used_up else _page(shared)
    except NotFound:
        return _not_open()


def _enter(token: str, shared: Shared) -> ResponseReturnValue:
    try:
        entered = services().links.enter(anonymous(), token, request.form.get("password", ""))
    except (BadCredentials, TooMany) as error:
        return _refused(shared, error)
    give_proof(entered.link)
    return redirect(url_for("pages.link", token=token), 303)


def _begin(token: str, shared: Shared) -> ResponseReturnValue:
    """Of a folder: the `file` that the form names, else all that lies in it."""
    of_folder = shared.link.kind is LinkKind.FOLDER
    file, password = request.form.get("file", "") if of_folder else "", request.form.get("password", "")
    try:
        begun = services().links.begin(anonymous(), token, password, file=file, proved=has_proof)
    except (BadCredentials, TooMany, Invalid) as error:
        return _refused(shared, error)
    except NotFound as error:
        if not of_folder or wants_problem():
            raise
        return _page(services().links.look(anonymous(), token), _AWAY, status_of(error))
    if not of_folder and "show" in request.form and _text(token, shared, begun=True) is not None:
        give_tickets(begun.link, begun.content, FILE, SHOWN)
        return redirect(url_for("pages.link", token=token), 303)
    give_tickets(begun.link, begun.content, file or ARCHIVE if of_folder else FILE)
    if not of_folder:
        return redirect(url_for("pages.link_file", token=token), 303)
    if not file:
        return redirect(url_for("pages.link_zip", token=token), 303)
    return redirect(url_for("pages.link_inner_file", token=token, file_id=file), 303)


@public
def link_file(token: str) -> ResponseReturnValue:
    """The bytes, for a browser that has begun the download; any other is led to the page."""
    return _send(token, FILE, lambda begun: services().links.open(anonymous(), token, begun=begun))


@public
def link_raw(token: str) -> ResponseReturnValue:
    """A text by itself, for whom the page shows it; any other is led to the page."""
    keep_out_of_indexes()
    try:
        text = services().links.text(anonymous(), token, begun=_was_shown)
    except NotFound:
        return _not_open()
    return send_text(text) if text is not None else redirect(url_for("pages.link", token=token), 303)


@public
def link_inner_file(token: str, file_id: str) -> ResponseReturnValue:
    """Those of a file that lies in the folder, likewise."""
    return _send(token, file_id, lambda begun: services().links.open(anonymous(), token, file_id, begun=begun))


@public
def link_zip(token: str) -> ResponseReturnValue:
    """All that lies in the folder, as an archive, likewise."""
    return _send(token, ARCHIVE, lambda begun: services().links.open_zip(anonymous(), token, begun=begun))


def _send(token: str, what: str, open_it: Callable[[Begun], Readable]) -> ResponseReturnValue:
    keep_out_of_indexes()
    parts, again = split_link_token(token), False

    def begun(link: Link, content: str) -> bool:
        nonlocal again
        again = just_begun(link, what, content)
        return has_ticket(link, what, content)

    if parts is None or not may_have_ticket(parts[0], what):
        return redirect(url_for("pages.link", token=token), 303)
    try:
        opened = open_it(begun)
    except NotBegun:
        return redirect(url_for("pages.link", token=token), 303)
    except NotFound:
        return _not_open()
    answer = send_file(opened, request, opened.affords) if isinstance(opened, OpenedZip) else send_file(opened, request)
    # Judged by what is sent: a range that does not hold brings the whole file.
    if request.method == "GET" and answer.status_code == 200 and not again:
        answer.close()
        return redirect(url_for("pages.link", token=token), 303)
    return answer


# -- what is shown


def _was_shown(link: Link, content: str) -> bool:
    """Whether this browser was shown the file as a text just now."""
    return just_begun(link, SHOWN, content)


def _may_be_text(shared: Shared) -> bool:
    return isinstance(shared.object, File) and may_be_text(shared.object)


def _text(token: str, shared: Shared, *, begun: bool) -> str | None:
    """What is to be shown as a text, if anything."""
    if not _may_be_text(shared) or not (begun or shared.link.free):
        return None
    return services().links.text(anonymous(), token, begun=has_begun if begun else never_begun)


def _page(shared: Shared, error: str = "", status: int = 200) -> tuple[str, int]:
    """What is shown of an open link, with what went wrong."""
    if shared.link.kind is not LinkKind.FOLDER or (shared.link.has_password and not has_proof(shared.link)):
        known = {"shared": shared, "error": error, "is_text": _may_be_text(shared)}
        return render_template("link.html", **known), status
    folder = request.args.get("folder", "")
    try:
        place = _place(shared, folder)
    except NotFound:
        if not folder:
            raise
        place, error, status = _place(shared, ""), error or _AWAY, 404
    folders = [(one, name_with_icon(one.name, "folder")) for one in place.folders]
    files = [(one, name_with_icon(one.name, kind_of(one.mime_type)[0])) for one in place.files]
    known = {"shared": shared, "place": place, "folders": folders, "files": files, "rows": ROWS, "error": error}
    return render_template("link_folder.html", **known), status


def _place(shared: Shared, folder: str) -> SharedPlace:
    page = request.args.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 0
    return services().links.place(shared, folder, number * ROWS, ROWS)


def _refused(shared: Shared, error: BackofficeError) -> ResponseReturnValue:
    if wants_problem():
        raise error
    return *_page(shared, str(error), status_of(error)), retry_headers(error)


def _not_open() -> ResponseReturnValue:
    if wants_problem():
        raise NotFound
    return render_template("link.html", shared=None), 404
