"""Where the API describes itself: for programs at `/openapi.json`, for people at `/docs`."""

from __future__ import annotations

from functools import cache
from typing import Final

from flask import Flask, Response, get_template_attribute, jsonify, render_template
from markupsafe import Markup

from backoffice.web.api.openapi import Document, document
from backoffice.web.context import settings
from backoffice.web.public_address import public_path
from backoffice.web.route_access import asset, public

ABOUT: Final = """\
Programs send `Authorization: Bearer <token>`; a browser that is signed in sends its cookie and, with everything but GET
and HEAD, the CSRF token of the page in `X-CSRFToken`.

Errors are `application/problem+json` (RFC 9457). Rely on `code`, which does not change; `detail` is for people; \
`field` and
`errors` name what was wrong in a request. `request_id` is in the log of the site. Something that \
is not yours answers exactly
as something that is not there: 404.

Numbers are whole, without sign or exponent. Times are RFC 3339, sizes bytes. A field or parameter that is not \
written down
here is refused."""


VERSION = "1"
"""Of the API, for everybody who may read this; which version of the product runs here is no stranger's business."""


def register(app: Flask) -> None:
    """Add both addresses."""

    @cache
    def spec() -> Document:
        # Made when first asked for: by then all routes are there.
        return document(app, VERSION, ABOUT, public_path(settings()))

    @cache
    def reference() -> Markup:
        made: Markup = get_template_attribute("_openapi.html", "reference")(spec())
        return made

    @asset
    def openapi() -> Response:
        return jsonify(spec())

    @public
    def docs() -> str:
        return render_template("docs.html", spec=spec(), reference=reference())

    # Under `pages`, where the navigation of the site looks for it; not under `api`, which is what they describe.
    app.add_url_rule("/openapi.json", "pages.openapi", openapi)
    app.add_url_rule("/docs", "pages.docs", docs)
