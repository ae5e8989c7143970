"""Sharing a file or a folder by a link: a form, and the link, shown this once. It works without a script."""

from __future__ import annotations

import re
from typing import Any, Final

import segno
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.files import File
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_LINK_DOWNLOADS
from backoffice.domain.link_rules import LinkRule, days_words
from backoffice.errors import BackofficeError, Conflict, Invalid, NotFound, TooMany
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import route_act
from backoffice.web.share_link import share_link

LIVES: Final = ((1, "1 day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))
MENDABLE: Final = (Conflict, Invalid, TooMany)
"""What is told beside the field that is wrong. WeakPassword is Invalid."""

QUIET: Final = 4
"""Modules around a QR code that stay light."""
_CODE: Final = Markup(
    '<svg class="qr" viewBox="0 0 %s %s" role="img" aria-label="QR code of the link"><path d="%s"/></svg>'
)


def register(bp: Blueprint) -> None:
    """Add the routes."""
    bp.add_url_rule("/my/files/<file_id>/share", "file_share", file_share, methods=["GET", "POST"])
    bp.add_url_rule("/my/folders/<folder_id>/share", "folder_share", folder_share, methods=["GET", "POST"])


@route_act(Acts.LINK_CREATE)
def file_share(file_id: str) -> ResponseReturnValue:
    """What the link is to be; then the link, shown in this answer and never again."""
    return _share(services().files.get(actor(), file_id), url_for("pages.file_share", file_id=file_id), file=file_id)


@route_act(Acts.LINK_CREATE)
def folder_share(folder_id: str) -> ResponseReturnValue:
    """The same of a folder."""
    folder = services().folders.get(actor(), folder_id)
    return _share(folder, url_for("pages.folder_share", folder_id=folder_id), folder=folder_id)


def _share(what: File | Folder, url: str, **target: str) -> ResponseReturnValue:
    if what.owner != actor().id:
        raise NotFound
    rule = services().links.rule(actor())
    asked = {"what": what, "of_folder": isinstance(what, Folder), "url": url, "rule": rule, "lives": lives(rule)}
    if request.method == "GET":
        return render_template("share.html", **asked, given={"days": str(rule.default_days)}, errors={})
    wanted, errors = wanted_of_form()
    if not errors.get("days") and "days" not in wanted:
        errors["days"] = "Choose how long it is open."
    if not errors:
        try:
            link, token = services().links.create(actor(), **wanted | target)
        except MENDABLE as error:
            errors = beside_field(error)
        else:
            address = share_link(token)
            return render_template("share.html", **asked, link=link, address=address, code=qr_code(address))
    return render_template("share.html", **asked, given=request.form, errors=errors), 400


def wanted_of_form() -> tuple[dict[str, Any], dict[str, str]]:
    """What the form says of a link, and what is wrong in it by field. No number of days is none."""
    wanted: dict[str, Any] = {"password": request.form.get("password", "")}
    errors: dict[str, str] = {}
    days, most = request.form.get("days", ""), _number(request.form.get("max_downloads", "").strip() or "0")
    if (number := _number(days)) is not None:
        wanted["days"] = number
    elif days:
        errors["days"] = "Choose how long it is open."
    if most is None:
        errors["max_downloads"] = f"A number up to {MAX_LINK_DOWNLOADS}, or nothing."
    else:
        wanted["max_downloads"] = most
    return wanted, errors


def beside_field(error: BackofficeError) -> dict[str, str]:
    """What a form says of it."""
    return {str(error.details.get("field", "link")): str(error)}


def lives(rule: LinkRule) -> list[tuple[int, str]]:
    """How long a link can be open, to choose from: the usual ones that the rule allows, its longest and its default."""
    words = dict(LIVES)
    days = {*words, rule.default_days, rule.days}
    return [(one, words.get(one, days_words(one))) for one in sorted(days) if one <= rule.days]


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
