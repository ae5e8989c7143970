"""The links that somebody has made: their own pages, that work without a script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LINKS
from backoffice.domain.links import HeldLink, LinkKind
from backoffice.domain.paging import Query
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.link_cells import downloads_of, link_label, link_state, use_words, used_at
from backoffice.web.pages.share import MENDABLE, beside_field, lives, wanted_of_form
from backoffice.web.route_access import route_act


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/shared", "shared", shared)
    bp.add_url_rule("/shared/<link_id>", "shared_link", shared_link, methods=["GET", "POST"])
    bp.add_url_rule("/shared/<link_id>/revoke", "link_revoke", link_revoke, methods=["POST"])


@route_act(Acts.LINK_LIST)
def shared() -> ResponseReturnValue:
    """One's own links, the newest first: what became of each. `revoke` names the one whose row is a question."""
    page = services().links.held(actor(), Query(sort="created", descending=True, limit=MAX_LINKS))
    asked = request.args.get("revoke", "")
    rows = [(one, _url(one), link_label(one), link_state(one), downloads_of(one), used_at(one)) for one in page.items]
    return render_template("shared.html", rows=rows, revoke=asked if is_id(asked) else "")


@route_act(Acts.LINK_UPDATE)
def shared_link(link_id: str) -> ResponseReturnValue:
    """One of them: when it was used, and a form for another end, password or number of downloads."""
    held = services().links.held_one(actor(), link_id)
    if held.owner != actor().id:
        raise NotFound
    if held.kind is LinkKind.REQUEST:
        return redirect(_url(held), 303)
    if request.method == "GET":
        return _shown(held, {}, {}), 200
    wanted, errors = wanted_of_form()
    if not errors:
        try:
            version = request.form.get("version", "")
            changed = _changed(held, wanted)
            services().links.update(actor(), link_id, version=int(version) if is_number(version) else None, **changed)
        except VersionMismatch:  # a Conflict, too
            errors = {"link": "The link was changed meanwhile. This is how it is now."}
            return _shown(services().links.held_one(actor(), link_id), {}, errors), 409
        except MENDABLE as error:
            errors = beside_field(error)
        else:
            flash("The link is changed.", "success")
            return redirect(url_for("pages.shared_link", link_id=link_id), 303)
    return _shown(held, request.form, errors), 400


@route_act(Acts.LINK_REVOKE)
def link_revoke(link_id: str) -> ResponseReturnValue:
    """One's own; whoever has it gets nothing by it from the next request on."""
    try:
        services().links.revoke(actor(), link_id)
    except NotFound:
        flash("This link is not there any more.", "warning")
    else:
        flash("The link is revoked.", "success")
    return redirect(url_for("pages.shared"), 303)


def _url(held: HeldLink) -> str:
    """The page of one: of a request there is more to be seen."""
    page = "request_one" if held.kind is LinkKind.REQUEST else "shared_link"
    return url_for(f"pages.{page}", link_id=held.id)


def is_number(text: str) -> bool:
    """Whether it is a version as forms carry it."""
    return text.isascii() and text.isdigit() and len(text) < 16


def _changed(held: HeldLink, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is to be another: the password where one is entered, or none is wanted any more."""
    changed = dict(wanted)
    if not changed["password"] and "no_password" not in request.form:
        del changed["password"]
    if changed["max_downloads"] == held.max_downloads:
        del changed["max_downloads"]
    return changed


def _shown(held: HeldLink, given: Any, errors: dict[str, str]) -> str:
    rule = services().links.rule(actor())
    uses = services().links.uses(actor(), held.id, request.args.get("cursor", ""))
    return render_template(
        "shared_link.html",
        held=held,
        state=link_state(held),
        downloads=downloads_of(held),
        rule=rule,
        lives=lives(rule),
        uses=[(one, use_words(one)) for one in uses.items],
        more=uses.next_cursor,
        given=given,
        errors=errors,
    )
