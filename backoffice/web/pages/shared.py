"""Sharing a file by a link, and the links that somebody has made: their own pages, that work without a script."""

from __future__ import annotations

import re
from typing import Final

import segno
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.ids import is_id
from backoffice.domain.limits import MAX_LINK_DOWNLOADS, MAX_LINKS
from backoffice.domain.link_rules import LinkRule, days_words
from backoffice.domain.paging import Query
from backoffice.errors import Conflict, Invalid, NotFound, TooMany
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.link_cells import downloads_of, link_state, used_at
from backoffice.web.route_access import route_act
from backoffice.web.share_link import share_link

LIVES: Final = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))

QUIET: Final = 4
"""Modules around a QR code that stay light."""
_CODE: Final = Markup(
    '<svg class="qr" viewBox="0 0 %s %s" role="img" aria-label="QR code of the link"><path d="%s"/></svg>'
)


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/files/<file_id>/share", "file_share", file_share, methods=["GET", "POST"])
    bp.add_url_rule("/shared", "shared", shared)
    bp.add_url_rule("/shared/<link_id>/revoke", "link_revoke", link_revoke, methods=["POST"])


@route_act(Acts.LINK_CREATE)
def file_share(file_id: str) -> ResponseReturnValue:
    """What the link is to be; then the link, shown in this answer and never again."""
    file = services().files.get(actor(), file_id)
    if file.owner != actor().id:
        raise NotFound
    rule = services().links.rule(actor())
    asked = {"file": file, "rule": rule, "lives": lives(rule)}
    if request.method == "GET":
        return render_template("share.html", **asked, given={"days": str(rule.default_days)}, errors={})
    errors: dict[str, str] = {}
    days = _number(request.form.get("days", ""))
    most = _number(request.form.get("max_downloads", "").strip() or "0")
    if days is None:
        errors["days"] = "Choose how long it is open."
    if most is None:
        errors["max_downloads"] = f"A number up to {MAX_LINK_DOWNLOADS}, or nothing."
    if not errors:
        password = request.form.get("password", "")
        try:
            link, token = services().links.create(
                actor(), file=file.id, days=days, password=password, max_downloads=most or 0
            )
        except (Conflict, Invalid, TooMany) as error:  # WeakPassword is Invalid
            errors[str(error.details.get("field", "link"))] = str(error)
        else:
            address = share_link(token)
            return render_template("share.html", file=file, link=link, address=address, code=qr_code(address))
    return render_template("share.html", **asked, given=request.form, errors=errors), 400


def lives(rule: LinkRule) -> list[tuple[int, str]]:
    """How long a link can be open, to choose from: the usual ones that the rule allows, its longest and its default."""
    words = dict(LIVES)
    days = {*words, rule.default_days, rule.days}
    return [(one, words.get(one, days_words(one))) for one in sorted(days) if one <= rule.days]


@route_act(Acts.LINK_LIST)
def shared() -> ResponseReturnValue:
    """One's own links, the newest first: what became of each. `revoke` names the one whose row is a question."""
    page = services().links.held(actor(), Query(sort="created", descending=True, limit=MAX_LINKS))
    asked = request.args.get("revoke", "")
    rows = [(one, link_state(one), downloads_of(one), used_at(one)) for one in page.items]
    return render_template("shared.html", rows=rows, revoke=asked if is_id(asked) else "")


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


def qr_code(text: str) -> Markup:
    """A drawing of the text (ISO/IEC 18004), which the style sheet gives its size."""
    rows = [bytes(row) for row in segno.make(text, micro=False).matrix]
    bars = (
        f"M{run.start() + QUIET} {at + QUIET}h{len(run[0])}v1h-{len(run[0])}z"
        for at, row in enumerate(rows)
        for run in re.finditer(rb"\x01+", row)
    )
    size = len(rows) + 2 * QUIET
    return _CODE % (size, size, "".join(bars))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
