"""The five cookies, and when each is believed (S1, S4).

    backoffice           the secret of the session; only its hash is stored
    backoffice-device    tells a browser that signed in before from one that guesses; see `services/sessions.py`
    backoffice-links     which downloads by share links the browser has begun; see `link_tickets.py`
    backoffice-guest     who has delivered by requests for files; see `guest_proofs.py`
    backoffice-form      Flask's signed one: the CSRF token and the messages of the next page, nothing else

A site that is not at the top of the standard port of its host has its port, and a mark of its path, behind the names:
`backoffice-5000`. Cookies know no ports (RFC 6265, section 8.5), so that two sites on one host, told apart by either,
would take each other's.

Over TLS all are `__Host-…`: Secure, Path=/, no Domain, so that neither a sibling host nor plain HTTP can set them, and
the plain names are not looked at. On plain HTTP (a laptop, a closed network) browsers refuse that prefix, so the plain
names are used there. All are HttpOnly and SameSite=Lax.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, after_this_request, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from backoffice.settings import Settings
from backoffice.web.context import settings

SESSION: Final = "backoffice"
DEVICE: Final = "backoffice-device"
FORM: Final = "backoffice-form"
LINKS: Final = "backoffice-links"
GUEST: Final = "backoffice-guest"
DEVICE_AGE: Final = 365 * 24 * 3600
_PORTS: Final = {"http": "80", "https": "443"}


def is_secure(incoming: Request, site: Settings) -> bool:
    """Whether the browser came over TLS: it did so to us or to a trusted proxy, or the site is reached in
    no other way."""
    return incoming.is_secure or site.public_url.startswith("https://")


def cookie_name(base: str) -> str:
    """The name under which a cookie is set and read in this request."""
    site = settings()
    return _prefixed(base + site_mark(site.public_url or request.host_url))


def _prefixed(name: str) -> str:
    return f"__Host-{name}" if is_secure(request, settings()) else name


def _held(incoming: Request, base: str) -> str:
    """What a cookie holds. Under the name without port and path the first versions gave it out; where that is another
    site's, it opens nothing here."""
    return incoming.cookies.get(cookie_name(base)) or incoming.cookies.get(_prefixed(base), "")


@lru_cache(maxsize=64)
def site_mark(address: str) -> str:
    """What tells the site at `address`, as its browsers see it, from others on its host: `-8443`, `-8443-1f0c29d3`."""
    parts = urlsplit(address)
    path, port = parts.path.rstrip("/"), parts.netloc.rpartition(":")[2]
    mark = f"-{port}" if port.isdigit() and port != _PORTS.get(parts.scheme) else ""
    return mark + (f"-{hashlib.sha256(path.encode()).hexdigest()[:8]}" if path else "")


def session_secret(incoming: Request) -> str:
    """What the session cookie holds, "" when there is none."""
    return _held(incoming, SESSION)


def device_secret() -> str:
    """What the device cookie holds, "" when there is none."""
    return _held(request, DEVICE)[:1000]


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


def give_cookie(base: str, value: str, max_age: int) -> None:
    """Let the browser have it with this answer."""

    @after_this_request
    def give(response: Response) -> Response:
        _set(response, base, value, max_age)
        return response


def _set(response: Response, base: str, value: str, max_age: int | None) -> None:
    secure = is_secure(request, settings())
    response.set_cookie(
        cookie_name(base), value, max_age=max_age, secure=secure, httponly=True, samesite="Lax", path="/"
    )


class FormSession(SessionMixin):
    """What the form cookie holds, verified when somebody first asks for it."""

    modified = False
    _held: dict[str, Any] | None = None

    def __init__(self, load: Callable[[], dict[str, Any]]) -> None:
        self._load = load

    @property
    def _values(self) -> dict[str, Any]:
        if self._held is None:
            self._held = self._load()
        return self._held

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value
        self.modified = True

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Forget everything. Whatever the browser sent, it is told to forget it, too."""
        self._held = {}
        self.modified = True


class CsrfSessionInterface(SecureCookieSessionInterface):
    """Flask's session under our rules for names, silent on answers that are the same for everybody, and without cost
    to a request that does not ask for it."""

    digest_method = staticmethod(hashlib.sha256)

    def __init__(self) -> None:
        self._made: tuple[object, Any] = (None, None)

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002
        return cookie_name(FORM)

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return is_secure(request, settings())

    def get_cookie_samesite(self, app: Flask) -> str:  # noqa: ARG002
        return "Lax"

    def get_signing_serializer(self, app: Flask) -> Any:
        """Made once for the keys of the application."""
        keys = (app.secret_key, app.config["SECRET_KEY_FALLBACKS"])
        made_for, serializer = self._made
        if made_for != keys:
            serializer = super().get_signing_serializer(app)
            self._made = (keys, serializer)
        return serializer

    def open_session(self, app: Flask, request: Request) -> FormSession:  # type: ignore[override]  # not a dict
        return FormSession(partial(self._read, app, request))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified:
            super().save_session(app, session, response)

    def _read(self, app: Flask, request: Request) -> dict[str, Any]:
        """What the cookie says, nothing when there is none, or it is not of our making or too old."""
        return dict(super().open_session(app, request) or {})
