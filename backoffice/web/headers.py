"""The security headers of every answer: pages, errors, files, static ones (H2, H3, H4, H9).

What a view has set stays, so that a download can be stricter. There are no CORS headers at all:
other origins get nothing.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Final

from flask import Flask, g, request
from werkzeug.http import parse_set_header

from backoffice.settings import Settings
from backoffice.web.application import Application
from backoffice.web.context import request_id
from backoffice.web.cookies import is_secure
from backoffice.web.public_address import public_path
from backoffice.web.route_access import Who, access_of

YEAR: Final = 365 * 24 * 3600
_CSP: Final = (
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
)
_PREVIEWS: Final = ("frame-src 'self'", "media-src 'self'")
_CSP_HEADER: Final = "Content-Security-Policy"
BASE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: under that, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    _CSP_HEADER: "; ".join(_CSP),
    "Cache-Control": "no-store",
}
_VARIES: Final = ("Cookie", "Authorization")


def csp_nonce() -> str:
    """The nonce of this answer, for a script that has to stand in the page."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def allow_previews() -> None:
    """Let this answer, a page, show files of this site in a frame or a player (`preview.py`)."""
    g.shows_previews = True


def init_headers(app: Application, settings: Settings) -> None:
    """Add them to whatever `app` answers."""

    policy = _transport(settings)

    def complete(headers: list[tuple[str, str]], names: set[str]) -> list[tuple[str, str]]:
        varies = not _same_for_all(app)
        if varies and "vary" in names:
            headers = [(name, _varying(value) if name.lower() == "vary" else value) for name, value in headers]
        additions = _additions(transport=policy if is_secure(request, settings) else "", varies=varies)
        if "csp_nonce" in g or "shows_previews" in g:
            nonce = f" 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
            additions = ((_CSP_HEADER, _policy(nonce, previews="shows_previews" in g)), *additions[1:])
        if not names.isdisjoint(_ADDED):
            additions = tuple((name, value) for name, value in additions if name.lower() not in names)
        return [*headers, *additions, ("X-Request-ID", request_id())]

    app.complete_headers = complete


def _varying(value: str) -> str:
    """What an answer varies with, and the headers that all answers vary with."""
    found = parse_set_header(value)
    found.update(_VARIES)
    return found.to_header()


def _policy(nonce: str = "", *, previews: bool = False) -> str:
    return "; ".join((_CSP[0], f"script-src 'self'{nonce}", *_CSP[1:], *(_PREVIEWS if previews else ())))


def _transport(settings: Settings) -> str:
    """That the host is reached over TLS alone. Below a path the host is not this site's, so hosts below it are not
    spoken for."""
    return f"max-age={2 * YEAR}" if public_path(settings) else f"max-age={2 * YEAR}; includeSubDomains"


@cache
def _additions(*, transport: str, varies: bool) -> tuple[tuple[str, str], ...]:
    """What is added unless the view has set it, the policy first. Made once: there are four kinds of answers."""
    return (
        (_CSP_HEADER, _policy()),
        *((name, value) for name, value in BASE_HEADERS.items() if name != _CSP_HEADER),
        *((("Strict-Transport-Security", transport),) if transport else ()),
        *((("Vary", ", ".join(_VARIES)),) if varies else ()),
    )


_ADDED: Final = frozenset(name.lower() for name, _ in _additions(transport="-", varies=True))


def _same_for_all(app: Flask) -> bool:
    access = access_of(app, request.endpoint or "")
    return access is not None and access.who is Who.ASSET
