"""The web application on real services and an imitated store, and a browser for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.app import make_web
from backoffice.composition import build_services
from backoffice.domain.access import system_actor
from backoffice.domain.acts import Acts
from backoffice.secret import Secret
from backoffice.services.container import Services
from backoffice.settings import Settings
from backoffice.web import pages
from backoffice.web.factory import make_app
from backoffice.web.route_access import route_act, signed_in
from tests.support.people import Cheap

KEY = "zV4k-9s1QyXw7Lr2TtBn6HcMf0JdGpAe8uRi5oEb"
SHELL = replace(system_actor("test", "shell"), request_id="test")
QUICK = Cheap(memory_kib=64, passes=1)
PASSWORD = "violet-harbour-93-lantern"
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class _Compiled(BytecodeCache):
    """Templates compiled once for all applications of a run."""

    def __init__(self) -> None:
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._codes:
            bucket.bytecode_from_string(self._codes[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.bytecode_to_string()


COMPILED = _Compiled()


@dataclass
class Browser:
    """A client that keeps cookies, accepts HTML, and sends the token of the last form it saw."""

    client: FlaskClient
    base_url: str = "http://localhost"
    token: str = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open(path, "GET", **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form, with the token unless `data` has its own."""
        return self.open(path, "POST", data={"csrf_token": self.token, **(data or {})}, **options)

    def open(self, path: str, method: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        answer = self.client.open(
            path, method=method, base_url=self.base_url, headers={**HTML, **(headers or {})}, buffered=True, **options
        )
        if answer.mimetype == "text/html" and (found := _TOKEN.search(answer.text)):
            self.token = found[1]
        return answer

    def sign_in(self, username: str, password: str = PASSWORD, **extra: str) -> TestResponse:
        self.get("/login?confirm=1")
        return self.post("/login", {"username": username, "password": password, **extra})

    def cookie(self, name: str) -> str:
        """The cookie's value, "" when the browser has none of that name."""
        found = self.client.get_cookie(name, domain=urlsplit(self.base_url).hostname or "")
        return found.value if found else ""

    @property
    def signed_in(self) -> bool:
        return self.get("/account").status_code == 200


@dataclass
class Site:
    """One application with its services."""

    make: Callable[[], Flask]
    services: Services
    users: dict[str, str] = field(default_factory=dict)

    @cached_property
    def app(self) -> Flask:
        """Made when first asked for: it takes longer than all else of a site, and many tests ask the services alone."""
        app = self.make()
        app.jinja_env.bytecode_cache = COMPILED
        return app

    def browser(self, base_url: str = "http://localhost") -> Browser:
        return Browser(self.app.test_client(), base_url)

    def add_user(self, username: str, *roles: str, password: str = PASSWORD) -> str:
        """A user who can sign in; the id."""
        user, _ = self.services.users.create(SHELL, username=username, password=password, roles=roles or ("user",))
        self.users[username] = user.id
        return user.id

    def signed_in(self, username: str, *roles: str) -> Browser:
        """The browser of a new user."""
        self.add_user(username, *roles)
        browser = self.browser()
        assert browser.sign_in(username).status_code == 303
        return browser

    def token(self, username: str, *scopes: str) -> str:
        _, text = self.services.tokens.create(
            SHELL, name="test", user_id=self.users[username], scopes=scopes or None, days=1
        )
        return text

    def swap(self, **services: Any) -> None:
        """Put other services in place of some of this application's."""
        app, self.services = self.app, replace(self.services, **services)
        app.extensions["backoffice"] = self.services


def settings(**changed: Any) -> Settings:
    return Settings(**{"secret_keys": (Secret(KEY),), **changed})


def make_site(client: Redis, *parts: Callable[[Flask], None], **changed: Any) -> Site:
    """Sign-in and account pages with `parts` beside them, and plain stand-ins for what the pages link to."""
    chosen = settings(**changed)
    services = build_services(chosen, client, shebang=False, passwords=QUICK)
    app = make_app(services, chosen, [_pages, *parts])
    return Site(lambda: app, services)


def make_whole_site(client: Redis, **changed: Any) -> Site:
    """The application as it runs."""
    chosen = settings(**changed)
    if "fakeredis" in type(client).__module__:
        client.info = lambda: {"used_memory": 10_000_000, "maxmemory": 0}  # type: ignore[method-assign]  # it has no INFO
    services = build_services(chosen, client, shebang=False, passwords=QUICK)
    return Site(partial(make_web, services, chosen), services)


def _pages(app: Flask) -> None:
    pages.register(app, _neighbours)
    app.add_url_rule("/admin/", "admin.index", route_act(Acts.USER_READ)(lambda: "admin"))


def _neighbours(bp: Blueprint) -> None:
    bp.add_url_rule("/", "upload", signed_in(lambda: "upload page"))
    bp.add_url_rule("/docs", "docs", signed_in(lambda: "docs"))
