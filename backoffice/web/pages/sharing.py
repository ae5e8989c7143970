"""Sharing a file or folder with people and roles, and all that somebody shares so: pages that work without a script."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_SHARES
from backoffice.domain.paging import Query
from backoffice.domain.shares import HeldShare, Share, ShareAccess, ShareKind
from backoffice.errors import BackofficeError, Conflict, Invalid, NotFound, TooMany
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.names import kind_of, name_with_icon
from backoffice.web.redirects import safe_next
from backoffice.web.route_access import route_act
from backoffice.web.share_cells import access_of, state_of, whom_of

SHARED_AGAIN: Final = "It is shared with {} again."


def register(bp: Blueprint) -> None:
    """Add the routes."""
    both = ["GET", "POST"]
    bp.add_url_rule("/my/files/<file_id>/people", "file_people", file_people, methods=both)
    bp.add_url_rule("/my/folders/<folder_id>/people", "folder_people", folder_people, methods=both)
    bp.add_url_rule("/shared-with-people", "shared_people", shared_people)
    bp.add_url_rule("/my/shares/<share_id>/access", "share_access", share_access, methods=["POST"])
    bp.add_url_rule("/my/shares/<share_id>/again", "share_again", share_again, methods=["POST"])
    bp.add_url_rule("/my/shares/<share_id>/revoke", "share_revoke", share_revoke, methods=["POST"])


@route_act(Acts.SHARE_CREATE)
def file_people(file_id: str) -> ResponseReturnValue:
    """With whom one of one's files is shared, and a form to share it with somebody else."""
    file = services().files.get(actor(), file_id)
    return _people(file, {"file": file.id}, kind_of(file.mime_type)[0])


@route_act(Acts.SHARE_CREATE)
def folder_people(folder_id: str) -> ResponseReturnValue:
    """Likewise one of one's folders, with all that lies in it."""
    folder = services().folders.get(actor(), folder_id)
    return _people(folder, {"folder": folder.id}, "folder")


@route_act(Acts.SHARE_LIST)
def shared_people() -> ResponseReturnValue:
    """All that one shares with people and roles, the newest first. `revoke` names the one whose row is a question."""
    page = services().shares.held(actor(), Query(sort="created", descending=True, limit=MAX_SHARES))
    rows = [(one, _thing_label(one), _people_url(one), *_cells(one)) for one in page.items]
    return render_template("shared_people.html", rows=rows, revoke=_asked("revoke"))


@route_act(Acts.SHARE_UPDATE)
def share_access(share_id: str) -> ResponseReturnValue:
    """`access`: let them write as well, or only read."""
    try:
        share = services().shares.update(actor(), share_id, access=_access())
    except (Conflict, Invalid, NotFound) as error:
        return _back(error)
    may = "write as well" if share.access is ShareAccess.WRITE else "only read"
    flash(f"“{share.grantee_name}” may {may} now.", "success")
    return _back()


@route_act(Acts.SHARE_CREATE)
def share_again(share_id: str) -> ResponseReturnValue:
    """One that is closed, anew with the same."""
    shares = services().shares
    try:
        old = shares.get(actor(), share_id)
        share = shares.renew(actor(), old.id)
    except (Conflict, Invalid, NotFound, TooMany) as error:
        return _back(error)
    flash(SHARED_AGAIN.format(f"“{share.grantee_name}”"), "success")
    return _back()


@route_act(Acts.SHARE_REVOKE)
def share_revoke(share_id: str) -> ResponseReturnValue:
    """They reach nothing by it from their next request on."""
    try:
        services().shares.revoke(actor(), share_id)
    except NotFound:
        flash("This share is not there any more.", "warning")
    else:
        flash("The share is revoked.", "success")
    return _back()


def _people(thing: File | Folder, what: dict[str, str], symbol: str) -> ResponseReturnValue:
    if thing.owner != actor().id:
        raise NotFound
    errors: dict[str, str] = {}
    if request.method == "POST":
        try:
            share = _share(what)
        except (Conflict, Invalid, TooMany) as error:
            errors[str(error.details.get("field", "share"))] = str(error)
        else:
            flash(f"It is shared with “{share.grantee_name}” now.", "success")
            return redirect(request.url, 303)
    held = services().shares.held(
        actor(), Query(sort="created", descending=True, filters=(("object", thing.id),), limit=MAX_SHARES)
    )
    return render_template(
        "people.html",
        thing=thing,
        symbol=symbol,
        folder="folder" in what,
        rows=[(one, *_cells(one)) for one in held.items],
        roles=services().shares.roles_to_name(actor()),
        given=request.form,
        errors=errors,
        revoke=_asked("revoke"),
        back=safe_next(request.args.get("back"), url_for("pages.upload")),
    ), 400 if errors else 200


def _share(what: dict[str, str]) -> Share:
    """As the form says it: a user or a role."""
    user, role = request.form.get("user", "").strip(), request.form.get("role", "")
    return services().shares.create(actor(), access=_access(), user=user, role=role, **what)


def _access() -> ShareAccess:
    return ShareAccess.WRITE if request.form.get("access") == "write" else ShareAccess.READ


def _cells(one: HeldShare) -> tuple[Markup, Markup, Markup]:
    return whom_of(one), access_of(one), state_of(one)


def _thing_label(one: HeldShare) -> Markup:
    symbol = "folder" if one.kind is ShareKind.FOLDER else kind_of(one.mime_type)[0]
    return name_with_icon(one.name, symbol)


def _people_url(one: HeldShare) -> str:
    name = "folder" if one.kind is ShareKind.FOLDER else "file"
    key: dict[str, Any] = {f"{name}_id": one.object}
    return url_for(f"pages.{name}_people", **key)


def _asked(name: str) -> str:
    asked = request.args.get(name, "")
    return asked if is_id(asked) else ""


def _back(error: BackofficeError | None = None) -> ResponseReturnValue:
    """To the page that the form stood on, with what is wrong."""
    if error is not None:
        flash(str(error), "error")
    return redirect(safe_next(request.form.get("back"), url_for("pages.shared_people")), 303)
