"""Requests for files, for who makes them: what one asks for, what came, accepting and refusing.

All of it works without a script.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import MethodNotAllowed

from backoffice.domain.acts import Acts
from backoffice.domain.files import File, FileState
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LIMIT, MAX_LINKS
from backoffice.domain.links import HeldLink, LinkKind, LinkState
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Invalid, NotFound, QuotaExceeded, TooMany
from backoffice.web.context import services
from backoffice.web.errors import wants_problem
from backoffice.web.formats import state_tag
from backoffice.web.identity import actor, may
from backoffice.web.link_cells import link_state
from backoffice.web.names import kind_of
from backoffice.web.pages.forms import MENDABLE, sentence
from backoffice.web.pages.request_edit import FIELDS, entered_number, entered_terms
from backoffice.web.pages.share import lives, qr_code
from backoffice.web.preview import shown_file
from backoffice.web.route_access import route_act
from backoffice.web.share_link import share_link


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/requests", "requests", requests)
    bp.add_url_rule("/requests", "requests_elsewhere", requests_elsewhere)
    bp.add_url_rule("/my/requests/new", "request_new", request_new, methods=["GET", "POST"])
    bp.add_url_rule("/my/requests/<link_id>", "request_one", request_one)
    bp.add_url_rule("/my/requests/<link_id>/change", "request_change", request_change, methods=["POST"])
    bp.add_url_rule("/my/requests/<link_id>/revoke", "request_revoke", request_revoke, methods=["POST"])
    bp.add_url_rule("/my/requests/<link_id>/accept", "request_accept", request_accept, methods=["POST"])
    bp.add_url_rule("/my/deliveries/<file_id>", "delivery", delivery)
    bp.add_url_rule("/my/deliveries/<file_id>/accept", "delivery_accept", delivery_accept, methods=["POST"])
    bp.add_url_rule("/my/deliveries/<file_id>/refuse", "delivery_refuse", delivery_refuse, methods=["POST"])


@route_act(Acts.REQUEST_LIST)
def requests() -> ResponseReturnValue:
    """One's own requests, the newest first, and what waits of those that are gone."""
    asked = Query(sort="created", descending=True, filters=(("kind", LinkKind.REQUEST),), limit=MAX_LINKS)
    held = services().links.held(actor(), asked).items
    waiting = services().deliveries.all_waiting(actor(), Query(limit=MAX_LIMIT)) if may(Acts.DELIVERY_READ) else None
    counts, known = dict[str, int](), {one.id for one in held}
    left = list[File]()
    for file in waiting.items if waiting is not None else ():
        counts[file.request] = counts.get(file.request, 0) + 1
        if file.request not in known:
            left.append(file)
    rows = [(one, _state(one), counts.get(one.id, 0)) for one in held]
    total = waiting.total if waiting is not None else 0
    return render_template("requests.html", rows=rows, left=left, deliveries_waiting=total)


@route_act(Acts.REQUEST_LIST)
def requests_elsewhere() -> ResponseReturnValue:
    """A browser at the address of the API is led to the page; a program is told that there is no list (`/links` is)."""
    if wants_problem():
        raise MethodNotAllowed(["POST"])
    return redirect(url_for("pages.requests"), 303)


@route_act(Acts.REQUEST_CREATE)
def request_new() -> ResponseReturnValue:
    """What is requested; then the link, shown in this answer and never again."""
    folder = request.values.get("folder", "")
    into = services().folders.get(actor(), folder) if is_id(folder) else None
    if into is not None and into.owner != actor().id:
        raise NotFound
    rule = services().requests.rule(actor())
    asked: dict[str, Any] = {"folder": into, "rule": rule, "lives": lives(rule)}
    if request.method == "GET":
        given = {"days": str(rule.default_days), "review": "1", **{name: str(most) for name, most in FIELDS.items()}}
        return render_template("request_new.html", **asked, given=given, errors={})
    errors: dict[str, str] = {}
    terms = entered_terms(request.form, errors)
    days = entered_number(request.form.get("days", ""))
    if days is None:
        errors["days"] = "Choose how long it is open."
    if terms is not None and not errors:
        try:
            link, token = services().requests.create(
                actor(),
                name=request.form.get("name", ""),
                terms=terms,
                folder=folder,
                message=request.form.get("message", ""),
                days=days,
                password=request.form.get("password", ""),
            )
        except (Conflict, Invalid, QuotaExceeded, TooMany) as error:
            errors[str(error.details.get("field", "link"))] = sentence(error)
        else:
            address = share_link(token)
            return render_template("request_new.html", link=link, address=address, code=qr_code(address))
    return render_template("request_new.html", **asked, given=request.form, errors=errors), 400


@route_act(Acts.REQUEST_LIST)
def request_one(link_id: str) -> ResponseReturnValue:
    """One of them: what it takes, what waits, what was accepted. `ask` names the file whose row is a question, or
    "revoke"."""
    held = _held(link_id)
    page = services().deliveries.page(actor(), link_id, Query(descending=True, limit=MAX_LIMIT))
    rule = services().requests.rule(actor())
    return render_template(
        "request_one.html",
        held=held,
        state=_state(held),
        link=held.link,
        waiting=[one for one in page.items if one.state is FileState.WAITING],
        accepted=[one for one in page.items if one.state is FileState.READY],
        more=page.total > len(page.items),
        lives=lives(rule),
        rule=rule,
        ask=request.args.get("ask", ""),
    )


@route_act(Acts.REQUEST_UPDATE)
def request_change(link_id: str) -> ResponseReturnValue:
    """`end`: it takes nothing more; `days`: it is open for so many from now on."""
    has = services().requests
    try:
        if request.form.get("end"):
            has.end(actor(), link_id)
            flash("It is closed: nothing more can be delivered.", "success")
        else:
            has.update(actor(), link_id, days=entered_number(request.form.get("days", "")) or 0)
            flash("It is open.", "success")
    except MENDABLE as error:
        flash(sentence(error), "error")
    return redirect(url_for("pages.request_one", link_id=link_id), 303)


@route_act(Acts.REQUEST_REVOKE)
def request_revoke(link_id: str) -> ResponseReturnValue:
    """Take the request away; what came by it stays."""
    try:
        services().links.revoke(actor(), link_id)
    except NotFound:
        flash("This request is not there any more.", "warning")
    else:
        flash("The request is revoked. What was delivered is still here.", "success")
    return redirect(url_for("pages.requests"), 303)


@route_act(Acts.FILE_ACCEPT)
def request_accept(link_id: str) -> ResponseReturnValue:
    """Accept all that waits."""
    try:
        done, left = services().deliveries.accept_all(actor(), link_id)
    except (*MENDABLE, QuotaExceeded) as error:
        flash(sentence(error), "error")
    else:
        more = f" {left} still wait." if left else ""
        flash(f"{done} file{' is' if done == 1 else 's are'} accepted.{more}", "success")
    return _back(link_id)


@route_act(Acts.DELIVERY_READ)
def delivery(file_id: str) -> ResponseReturnValue:
    """A look at one that waits. Nothing in it runs."""
    file = services().deliveries.get(actor(), file_id)
    if file.owner != actor().id:
        raise NotFound
    shown = shown_file(
        file, *(url_for(f"api.files.{name}", file_id=file.id) for name in ("preview_delivery", "get_delivery"))
    )
    return render_template("delivery.html", file=file, kind=kind_of(file.mime_type)[1], shown=shown)


@route_act(Acts.FILE_ACCEPT)
def delivery_accept(file_id: str) -> ResponseReturnValue:
    """A file like any other from now on."""
    try:
        file = services().deliveries.accept(actor(), file_id)
    except (*MENDABLE, QuotaExceeded) as error:
        flash(sentence(error), "error")
    else:
        flash(f"“{file.name}” is accepted.", "success")
    return _back(request.form.get("link", ""))


@route_act(Acts.FILE_REFUSE)
def delivery_refuse(file_id: str) -> ResponseReturnValue:
    """Gone for good."""
    try:
        services().deliveries.refuse(actor(), file_id)
    except MENDABLE as error:
        flash(sentence(error), "error")
    else:
        flash("It is refused and gone.", "success")
    return _back(request.form.get("link", ""))


def _state(held: HeldLink) -> Markup:
    """What a request is worth, in a word."""
    return state_tag("full", "neutral") if held.state is LinkState.USED_UP else link_state(held)


def _held(link_id: str) -> HeldLink:
    held = services().links.held_one(actor(), link_id)
    if held.owner != actor().id or held.kind is not LinkKind.REQUEST:
        raise NotFound
    return held


def _back(link_id: str) -> ResponseReturnValue:
    """To the request, or, where that is gone, to all of them."""
    try:
        _held(link_id)
    except NotFound:
        return redirect(url_for("pages.requests"), 303)
    return redirect(url_for("pages.request_one", link_id=link_id), 303)
