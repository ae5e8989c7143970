"""The three cookies, and when each is believed (S1, S4).

    backoffice           the secret of the session; only its hash is stored
    backoffice-device    tells a browser that signed in before from one that guesses; see `services/sessions.py`
    backoffice-form      Flask's signed one: the CSRF token and the messages of the next page, nothing else

Over TLS all are `__Host-…`: Secure, Path=/, no Domain, so that neither a sibling host nor plain HTTP can set them, and
the plain names are not looked at. On plain HTTP (a laptop, a closed network) browsers refuse that prefix, so the plain
names are used there. All are HttpOnly and SameSite=Lax.
"""

from __future__ import annotations

import hashlib
from typing import Final

from flask import Flask, Request, Response, after_this_request, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from backoffice.settings import Settings
from backoffice.web.context import settings

SESSION: Final = "backoffice"
DEVICE: Final = "backoffice-device"
FORM: Final = "backoffice-form"
DEVICE_AGE: Final = 365 * 24 * 3600


def is_secure(incoming: Request, site: Settings) -> bool:
    """Whether the browser came over TLS: it did so to us or to a trusted proxy, or the site is reached in
    no other way."""
    return incoming.is_secure or site.public_url.startswith("https://")


def cookie_name(base: str) -> str:
    """The name under which a cookie is set and read in this request."""
    return f"__Host-{base}" if is_secure(request, settings()) else base


def session_secret(incoming: Request) -> str:
    """What the session cookie holds, "" when there is none."""
    return incoming.cookies.get(cookie_name(SESSION), "")


def device_secret() -> str:
    """What the device cookie holds, "" when there is none."""
    return request.cookies.get(cookie_name(DEVICE), "")[:1000]


def start_session(secret: str, device: str = "") -> None:
    """Give the browser its new session with this answer. Nothing of the time before is kept, not even
    the CSRF token."""
    session.clear()

    @after_this_request
    def give(response: Response) -> Response:
        _set(response, SESSION, secret, None)
        if device:
            _set(response, DEVICE, device, DEVICE_AGE)
        return response


def renew_session(secret: str) -> None:
    """The same session under a new secret: what it knows stays."""

    @after_this_request
    def give(response: Response) -> Response:
        _set(response, SESSION, secret, None)
        return response


def end_session() -> None:
    """Take the session away from the browser with this answer; the device stays known."""
    session.clear()

    @after_this_request
    def take(response: Response) -> Response:
        secure = is_secure(request, settings())
        response.delete_cookie(cookie_name(SESSION), secure=secure, httponly=True, samesite="Lax")
        return response


def _set(response: Response, base: str, value: str, max_age: int | None) -> None:
    secure = is_secure(request, settings())
    response.set_cookie(
        cookie_name(base), value, max_age=max_age, secure=secure, httponly=True, samesite="Lax", path="/"
    )


class CsrfSessionInterface(SecureCookieSessionInterface):
    """Flask's session under our rules for names, and silent on answers that are the same for everybody."""

    digest_method = staticmethod(hashlib.sha256)

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002
        return cookie_name(FORM)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return is_secure(request, settings())

    def get_cookie_samesite(self, app: Flask) -> str:  # noqa: ARG002
        return "Lax"

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified:
            super().save_session(app, session, response)
