"""An admin site over a source in memory, for the tests of the views' base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect
from wtforms import StringField
from wtforms.validators import DataRequired

import backoffice.web
from backoffice.domain.nouns import all_permissions
from backoffice.domain.paging import Page, Query
from backoffice.domain.permissions import Permission, Permissions
from backoffice.errors import (
    BackofficeError,
    Invalid,
    LastAdmin,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Unavailable,
    VersionMismatch,
)
from backoffice.web.admin import formats
from backoffice.web.admin.base import HomeView, Revealed, ServiceView
from backoffice.web.admin.fields import CheckboxGroupField, Choice
from backoffice.web.admin.filters import exactly, sizes
from backoffice.web.factory import initialise_stray_babel

WEB = Path(backoffice.web.__file__).parent
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
STATUS = {NotSignedIn: 401, NotAllowed: 403, NotFound: 404, Invalid: 400, Unavailable: 503}
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

    def page(self, query: Query) -> Page[Thing]:
        self.asked.append(query)
        self._fail()
        rows = [row for row in self.rows.values() if query.search in row.name]
        total = len(rows) if self.exact else len(rows) // 2
        return Page(tuple(rows[query.offset : query.offset + query.limit]), total, self.exact)

    def get(self, key: str) -> Thing:
        if key not in self.rows:
            raise NotFound
        return self.rows[key]

    def create(self, data: Mapping[str, Any]) -> Any:
        self.given.append(data)
        self._fail()
        made = Thing(f"new{len(self.rows)}", data["name"])
        self.rows[made.id] = made
        return Revealed(made, "Link", "s3cret-link", "Once.") if data["name"] == "secret" else made

    def update(self, key: str, data: Mapping[str, Any], version: int | None) -> Thing:
        self.given.append(data)
        self._fail()
        if version != self.get(key).version:
            raise VersionMismatch
        self.rows[key] = replace(self.get(key), name=data["name"], roles=tuple(data["roles"]), version=version + 1)
        return self.rows[key]

    def delete(self, key: str) -> None:
        self._fail()
        if self.get(key).name == "last":
            raise LastAdmin
        del self.rows[key]

    def _fail(self) -> None:
        if self.fail is not None:
            raise self.fail


class ThingForm(BaseForm):  # type: ignore[misc]
    name = StringField("Name", [DataRequired()], description="What it is called.")
    roles = CheckboxGroupField("Roles", boxes=lambda: [Choice("a", "A", "first"), Choice("b", "B", fixed=True)])


class ThingView(ServiceView):
    read_permission, write_permission = Permissions.USERS_READ, Permissions.USERS_WRITE
    delete_permission, export_permission = Permissions.FILES_ALL_DELETE, Permissions.AUDIT_EXPORT
    column_list = column_details_list = ("name", "size", "roles")
    column_sortable_list = (("name", "by_name"),)
    column_default_sort = ("size", True)
    column_filters = (exactly("owner", "Owner"), *sizes("size", "Size"))
    searchable = can_export = True
    form = ThingForm

    @expose("/stray/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def stray(self) -> str:
        """An endpoint that somebody forgot to give a permission."""
        return "open"


@dataclass
class Site:
    app: Flask
    client: FlaskClient
    things: Things
    held: set[Permission] | None = field(default_factory=lambda: set(ALL))

    def token(self) -> str:
        return self.client.get("/form").get_data(as_text=True)

    def post(self, path: str, **data: Any) -> Any:
        return self.client.post(f"/admin/things/{path}", data={"csrf_token": self.token(), **data})

    def get(self, path: str = "") -> Any:
        return self.client.get(f"/admin/things/{path}")

    def text(self, path: str = "") -> str:
        response = self.client.get("/admin/") if path == ".." else self.get(path)
        assert response.status_code == 200
        return str(response.get_data(as_text=True))


@dataclass(frozen=True)
class Somebody:
    name: str = EVIL
    is_authenticated: bool = True

    def may(self, permission: str) -> bool:
        return True


def make_app(things: Things, allowed: Callable[[Permission], bool], home: HomeView | None = None) -> Flask:
    app = Flask("backoffice.web", root_path=str(WEB))
    app.config.update(SECRET_KEY="k" * 32, BOOTSTRAP_SERVE_LOCAL=True)
    initialise_stray_babel(app)
    Bootstrap5(app)
    CSRFProtect(app)
    formats.install(app)
    admin = Admin(app, index_view=home or HomeView(lambda: [("Things", "3", "things.index_view"), ("Size", "1", "")]))
    admin.add_view(ThingView(things, allowed, name="Things", endpoint="things", icon="files"))
    pages = Blueprint("pages", __name__)
    for name in ("login", "logout", "account", "docs", "upload"):
        pages.add_url_rule(f"/{name}", name, lambda: "", methods=["GET", "POST"])
    app.register_blueprint(pages)
    app.add_url_rule("/form", "form", lambda: app.jinja_env.from_string("{{ csrf_token() }}").render())
    app.context_processor(lambda: {"current": Somebody(), "csp_nonce": lambda: "n"})

    @app.errorhandler(BackofficeError)
    def on_error(error: BackofficeError) -> tuple[str, int]:
        return type(error).code, next((status for cls, status in STATUS.items() if isinstance(error, cls)), 500)

    return app


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
        if tag == "style" or (tag == "script" and "src" not in given) or tag in {"iframe", "object", "embed", "base"}:
            self.wrong.append(f"<{tag}>")
        self.ids += [str(given["id"])] if "id" in given else []
        self.labels |= {str(given["for"])} if tag == "label" else set()
        if tag in {"input", "select", "textarea"} and given.get("type") != "hidden":
            self.controls.append(given)

    def problems(self) -> list[str]:
        twice = [name for name in set(self.ids) if self.ids.count(name) > 1]
        nameless = [c for c in self.controls if not c.get("aria-label") and c.get("id") not in self.labels]
        return [*self.wrong, *(f"id {name} twice" for name in twice), *(f"no label: {c}" for c in nameless)]


def make_site() -> Site:
    """A site whose `held` permissions (None: a stranger) and `things` a test can change."""
    things = Things()
    site: Site

    def allowed(permission: Permission) -> bool:
        if site.held is None:
            raise NotSignedIn
        return permission in site.held

    app = make_app(things, allowed)
    site = Site(app, app.test_client(), things)
    return site


def reset(site: Site) -> Site:
    """As new, with 230 things: compiling the templates for each test would take most of the time."""
    site.things.reset({f"t{n}": Thing(f"t{n}", f"thing {n}") for n in range(230)})
    site.client = site.app.test_client()
    site.held = set(ALL)
    return site
