"""Requests that change something must come from our own pages (H1).

Two proofs, both needed whenever a browser's cookie could be what lets the request in, sign-in included:
the browser says that it comes from this origin (`Sec-Fetch-Site`, or `Origin` from older ones), and it carries the
token of its own form cookie. A bearer token is proof by itself: no other site can add that header.

The token is looked for in the `X-CSRFToken` header first, so that nothing of the body has to be read. A form has it as
a field. A form whose body the view reads by itself (a file sent without JavaScript) has it in the query: reading that
far to find a field would mean taking the file before knowing whether it is wanted.

A protocol whose clients know of no forms (tus) has a header of its own in place of the token. A browser lets a page of
another site send such a header only after it has asked the site for leave (CORS), and no answer here gives it.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, g, request
from flask_wtf.csrf import CSRFProtect, generate_csrf, validate_csrf  # type: ignore[import-untyped]
from wtforms import ValidationError

from backoffice.errors import NotAllowed
from backoffice.settings import Settings
from backoffice.web.context import services, settings
from backoffice.web.identity import actor
from backoffice.web.public_address import public_origin

HEADER: Final = "X-CSRFToken"
FIELD: Final = "csrf_token"
_OURS: Final = frozenset({"same-origin", "none"})
URL_ENCODED: Final = "application/x-www-form-urlencoded"
FORMS: Final = frozenset({URL_ENCODED, "multipart/form-data"})


class CsrfFailed(NotAllowed):
    """The form has expired or was not made by this site; open the page again."""

    code = "csrf_failed"


def init_csrf(app: Flask, site: Settings) -> None:
    """Make `csrf_token()` available to templates. The check itself is called by the gate, after the right to
    come in."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    # The token lives as long as the form cookie: an upload page may stay open for a day.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    # The last key signs, all verify: forms that were open while the key changed still work.
    app.config["WTF_CSRF_SECRET_KEY"] = [key.reveal() for key in reversed(site.secret_keys)]
    CSRFProtect(app)
    # In both places where the extension puts its own: macros see no context.
    app.jinja_env.globals["csrf_token"] = csrf_token
    app.context_processor(lambda: {"csrf_token": csrf_token})


def csrf_token() -> str:
    """The token for the forms of this page, in another disguise in each answer: pages are compressed, and the length of
    one must not tell whether what somebody guessed is in it (BREACH, CVE-2013-3587)."""
    if "masked_csrf_token" not in g:
        token = generate_csrf().encode("ascii")
        pad = secrets.token_bytes(len(token))
        g.masked_csrf_token = base64.urlsafe_b64encode(pad + _xor(token, pad)).decode("ascii")
    return str(g.masked_csrf_token)


def _unmasked(text: str) -> str:
    """The token below the disguise. One without, from a page of an earlier version, stays as it is."""
    try:
        data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        half = len(data) // 2
        return _xor(data[half:], data[:half]).decode("ascii") if data and not len(data) % 2 else text
    except (UnicodeError, binascii.Error):
        return text


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))


def check_csrf(*, body_may_be_read: bool, own_header: str = "") -> None:
    """Raise CsrfFailed unless the request comes from one of our own pages. `own_header`: see `Access`."""
    if not _from_here():
        services().audit.refuse(actor(), "from another site", CsrfFailed("The request comes from another site."))
    if own_header and own_header in request.headers:
        return
    try:
        sent = _token(body_may_be_read)
        validate_csrf(None if sent is None else _unmasked(sent))
    except ValidationError:
        services().audit.refuse(actor(), "no token of a form of this site", CsrfFailed())


def _from_here() -> bool:
    fetched_from = request.headers.get("Sec-Fetch-Site")
    if fetched_from is not None:
        return fetched_from in _OURS
    origin = request.headers.get("Origin")
    return origin is None or origin.lower() in _origins()


def _origins() -> set[str]:
    """This origin as the browser sees it, which a proxy that ends TLS may show to us as plain HTTP."""
    own = urlsplit(request.host_url)
    return {f"{own.scheme}://{own.netloc}".lower(), public_origin(settings()).lower()} - {""}


def _token(body_may_be_read: bool) -> str | None:
    header = request.headers.get(HEADER)
    if header is not None:
        return header
    if request.mimetype in FORMS:
        return request.form.get(FIELD) if body_may_be_read else request.args.get(FIELD)
    return None
