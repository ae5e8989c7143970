"""An admin site over a service in memory, in the application as it runs otherwise: for the tests of the views' base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import fakeredis
from flask import Flask
from flask.testing import FlaskClient
from flask_admin import expose
from flask_admin.form import BaseForm
from wtforms import StringField
from wtforms.validators import DataRequired

from backoffice.composition import build_services
from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.nouns import all_permissions
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission, Permissions
from backoffice.errors import BackofficeError, LastAdmin, NotFound, VersionMismatch
from backoffice.web import api, pages
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import OneTimeSecret, bulk_action
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.dashboard import HomeView
from backoffice.web.admin.fields import CheckboxGroupField, Choice
from backoffice.web.admin.filters import equals, sizes
from backoffice.web.admin.site import add_site
from backoffice.web.cookies import SESSION
from backoffice.web.factory import make_app
from backoffice.web.pages import upload
from tests.support.website import PASSWORD, QUICK, SHELL, Browser, settings
from tests.support.website import Site as WholeSite

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
ALL = frozenset(all_permissions())


@dataclass(frozen=True, slots=True)
class Thing:
    id: str
    name: str
    size: int = 1
    roles: tuple[str, ...] = ()
    version: int = 1


@dataclass
class Things:
    """Does what it is told and remembers what it was asked."""

    rows: dict[str, Thing] = field(default_factory=dict)
    asked: list[Query] = field(default_factory=list)
    given: list[Mapping[str, Any]] = field(default_factory=list)
    fail: BackofficeError | None = None
    exact: bool = True

    def reset(self, rows: dict[str, Thing]) -> None:
        self.rows, self.asked, self.given, self.fail, self.exact = rows, [], [], None, True

    def page(self, _actor: Actor, query: Query) -> Page[Thing]:
        self.asked.append(query)
        self._fail()
        rows = [row for row in self.rows.values() if query.search in row.name]
        total = len(rows) if self.exact else len(rows) // 2
        return Page(tuple(rows[query.offset : query.offset + query.limit]), total, self.exact)

    def get(self, _actor: Actor, key: str) -> Thing:
        if key not in self.rows:
            raise NotFound
        return self.rows[key]

    def create(self, _actor: Actor, **data: Any) -> Thing:
        self.given.append(data)
        self._fail()
        made = Thing(f"new{len(self.rows)}", data["name"])
        self.rows[made.id] = made
        return made

    def update(self, actor: Actor, key: str, *, version: int | None, **data: Any) -> Thing:
        self.given.append(data)
        self._fail()
        if version != self.get(actor, key).version:
            raise VersionMismatch
        self.rows[key] = replace(self.rows[key], **data, version=version + 1)
        return self.rows[key]

    def delete(self, actor: Actor, key: str) -> None:
        self._fail()
        if self.get(actor, key).name == "last":
            raise LastAdmin
        del self.rows[key]

    def grow(self, actor: Actor, key: str) -> None:
        self.rows[key] = replace(self.get(actor, key), size=self.rows[key].size + 1)

    def _fail(self) -> None:
        if self.fail is not None:
            raise self.fail


class ThingForm(BaseForm):  # type: ignore[misc]
    name = StringField("Name", [DataRequired()], description="What it is called.")
    roles = CheckboxGroupField("Roles", boxes=lambda: [Choice("a", "A", "first"), Choice("b", "B", fixed=True)])


class ThingView(ServiceView):
    section = "things"
    acts = ViewActs(
        read=Acts.USER_READ,
        create=Acts.USER_CREATE,
        update=Acts.USER_UPDATE,
        delete=Acts.FILE_PURGE,
        export=Acts.AUDIT_EXPORT,
    )
    column_list = ("name", "size", "roles")
    column_sortable_list = (("name", "by_name"),)
    column_default_sort = ("size", True)
    column_filters = (equals("owner", "Owner"), *sizes("size", "Size"))
    searchable = can_export = True
    form = ThingForm

    def create_record(self, data: Mapping[str, Any]) -> Any:
        made = super().create_record(data)
        return OneTimeSecret(made, "Link", "s3cret-link", "Once.") if made.name == "secret" else made

    @bulk_action("grow", "Grow", act=Acts.USER_UPDATE)
    def grow(self, ids: list[str]) -> None:
        self.actions.for_each(ids, self.service.grow, "was grown")

    @expose("/stray/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def stray(self) -> str:
        """An endpoint that somebody forgot to give a permission."""
        return "open"


@dataclass
class Site:
    """The site, and a client of somebody whose permissions a test can change."""

    app: Flask
    view: ThingView
    things: Things
    whole: WholeSite
    signed_in: FlaskClient
    client: FlaskClient = field(init=False)
    _token: str = ""

    def hold(self, held: set[Permission] | frozenset[Permission] | None) -> None:
        """From here on, with a new client: these permissions; None is a stranger."""
        self._token = ""
        self.client = self.app.test_client()
        if held is None:
            return
        cookie = self.signed_in.get_cookie(SESSION)
        assert cookie is not None
        self.client.set_cookie(SESSION, cookie.value)
        # No role grants nothing; this opens no part of the admin site.
        self.whole.services.roles.update(SHELL, "tester", permissions=held or {Permissions.TOKENS_OWN})

    def token(self) -> str:
        if not self._token:
            browser = Browser(self.client)
            browser.get("/login?confirm=1")
            self._token = browser.token
        return self._token

    def post(self, path: str, **data: Any) -> Any:
        return self.client.post(f"/admin/things/{path}", data={"csrf_token": self.token(), **data})

    def get(self, path: str = "") -> Any:
        return self.client.get(f"/admin/things/{path}")

    def text(self, path: str = "") -> str:
        response = self.client.get("/admin/") if path == ".." else self.get(path)
        assert response.status_code == 200
        return str(response.get_data(as_text=True))


class Markup(HTMLParser):
    """Collects what a strict content security policy forbids, ids that occur twice, and controls without a name."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.controls: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.wrong += [f"<{tag} {name}={value}>" for name, value in attrs if name.startswith("on") or name == "style"]
        self.wrong += [
            f"<{tag} {value}>" for value in given.values() if (value or "").lower().startswith("javascript:")
        ]
        framed = tag == "iframe" and not (given.get("sandbox", "given") in {None, ""} and given.get("title"))
        if tag in {"style", "object", "embed", "base"} or (tag == "script" and "src" not in given) or framed:
            self.wrong.append(f"<{tag}>")
        self.ids += [str(given["id"])] if "id" in given else []
        self.labels |= {str(given["for"])} if tag == "label" and "for" in given else set()
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden":
            self.controls.append(given)

    def problems(self) -> list[str]:
        twice = [name for name in set(self.ids) if self.ids.count(name) > 1]
        nameless = [c for c in self.controls if not c.get("aria-label") and c.get("id") not in self.labels]
        return [*self.wrong, *(f"id {name} twice" for name in twice), *(f"no label: {c}" for c in nameless)]


def make_site() -> Site:
    """A site whose `things` a test can change. Making one takes longer than most tests: share it, and `reset` it."""
    things = Things()
    view = ThingView(things)
    cards = [lambda: [("Things", "3", "things.index_view")], lambda: [("Size", "1", "")]]
    home = HomeView(cards, (), [view.acts.listing])
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False)
    chosen = settings()
    services = build_services(chosen, client, shebang=False, passwords=QUICK)
    parts = [lambda app: pages.register(app, upload.register), api.register, lambda app: add_site(app, home, [view])]
    app = make_app(services, chosen, parts)
    services.roles.create(SHELL, name="tester", permissions=ALL)
    services.users.create(SHELL, username="tester", password=PASSWORD, roles=("tester",))
    whole = WholeSite(lambda: app, services)
    browser = whole.browser()
    assert browser.sign_in("tester").status_code == 303
    return Site(app, view, things, whole, browser.client)


def reset(site: Site) -> Site:
    """As new, with 230 things, for somebody who holds everything."""
    site.things.reset({f"t{n}": Thing(f"t{n}", f"thing {n}") for n in range(230)})
    site.hold(ALL)
    return site
