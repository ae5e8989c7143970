"""A noun costs five files of one name and a few lines elsewhere (`tests/noun/`, and what stands between the marks
here).

It is made as CONTRIBUTING says, over the product as it runs, and what looks at all nouns takes it in by itself: the
table of routes, the description of the API, `fsck`, the ports, the roles page, the filters of the log."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from backoffice.composition import build_services
from backoffice.domain import nouns
from backoffice.domain.access import granted_by, parse_permissions, system_actor
from backoffice.services import ports
from backoffice.services.container import Services
from backoffice.services.maintenance import Maintenance
from backoffice.stores.client import Db
from backoffice.stores.fsck.long_indexes import LongIndexes
from backoffice.stores.fsck.run import STORES, Fsck
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from backoffice.web import admin, api
from backoffice.web import pages as site_pages
from backoffice.web.admin.site import sections
from backoffice.web.factory import make_app
from backoffice.web.pages import upload
from tests.noun.admin.notes import NoteView
from tests.noun.api import notes as notes_api
from tests.noun.domain.notes import NOTES
from tests.noun.services.notes import Notes
from tests.noun.stores.notes import RedisNotes
from tests.support import website
from tests.support.admin_views import version_in
from tests.support.website import QUICK, Browser, Site, settings

# elsewhere: what a noun adds to files that others share, in the order of CONTRIBUTING
#   domain/nouns.py           (its import) and
NOUNS = (*nouns.NOUNS, NOTES)


#   services/container.py     (its import) and
@dataclass(frozen=True, slots=True)
class WithNotes(Services):
    notes: Notes


#   composition.py            (two imports) and
def notes_service(db: Db, keys: Keys) -> Notes:
    return Notes(store=RedisNotes(db, keys), audit=RedisAudit(db, keys))


#   stores/fsck/run.py, web/api/__init__.py, web/admin/site.py (an import each) and
CHECKED, BLUEPRINTS = (*STORES, RedisNotes), (*api.BLUEPRINTS, notes_api.bp)


def views(offered: Any) -> tuple[Any, ...]:
    return (*sections(offered), NoteView(offered.notes))


#   docs/audit.md             a line
# end of elsewhere


@dataclass
class World:
    site: Site
    store: Any
    db: Db
    keys: Keys

    def fsck(self, **options: Any) -> list[str]:
        found: list[str] = []
        fsck = Fsck(self.db, self.keys, self.site.services.uploads.chunks, CHECKED)
        service = Maintenance(fsck, RedisAudit(self.db, self.keys), LongIndexes(self.db, self.keys))
        run = service.repair if options.get("fix") else service.check
        run(website.SHELL, on_finding=lambda finding, _: found.append(finding.what))
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(nouns, "NOUNS", NOUNS)
    # Made again, for it holds what there is.
    monkeypatch.setattr(website, "SHELL", system_actor("test", "shell"))
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")) as client:
        client.info = lambda: {"used_memory": 10_000_000, "maxmemory": 0}  # type: ignore[method-assign]  # it has no INFO
        chosen, db, keys = settings(), Db(client, shebang=False), Keys("bo")
        made = build_services(chosen, client, shebang=False, passwords=QUICK)
        parts = {one.name: getattr(made, one.name) for one in fields(Services)}
        services = WithNotes(**parts, notes=notes_service(db, keys))

        def pages(app: Flask) -> None:
            site_pages.register(app, upload.register)

        def programs(app: Flask) -> None:
            api.register(app, BLUEPRINTS)

        def operators(app: Flask) -> None:
            admin.register(app, views)

        app = make_app(services, chosen, [pages, programs, operators])
        yield World(Site(lambda: app, services), client, db, keys)


class Client:
    """A program with a token."""

    def __init__(self, world: World, *roles: str) -> None:
        name = f"p{len(world.site.users)}"
        world.site.add_user(name, *roles)
        self.client, self.token = world.site.app.test_client(), world.site.token(name)

    def __call__(self, method: str, path: str, json: Any = None, **headers: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.client.open(path, method=method, json=json, headers=headers)


@pytest.fixture
def root(world: World) -> Client:
    return Client(world, "admin")


@pytest.fixture
def browser(world: World) -> Browser:
    return world.site.signed_in("the-admin", "admin")


# -- its size


def lines(path: str) -> int:
    return len(Path(path).read_text("utf-8").splitlines())


def test_it_is_small() -> None:
    here = Path(__file__)
    own = [here.parents[1] / "noun" / floor / "notes.py" for floor in ("domain", "services", "stores", "admin", "api")]
    assert sum(map(lines, map(str, own))) < 190
    elsewhere = here.read_text("utf-8").partition("\n# elsewhere")[2].partition("\n# end of elsewhere")[0].splitlines()
    # The heads in it say how many imports there are besides.
    written = [line for line in elsewhere if line.strip() and not line.startswith("#")]
    imports = 1 + 1 + 2 + 3
    assert len(written) + imports + 1 <= 20


# -- for programs


def test_the_api_creates_reads_changes_and_deletes(world: World, root: Client) -> None:
    made = root("POST", "/notes", {"title": "  Milk ", "color": "blue"})
    assert (made.status_code, made.json["title"], made.json["color"], made.json["version"]) == (201, "Milk", "blue", 1)
    path = f"/notes/{made.json['id']}"
    assert root("GET", path).json == made.json
    changed = root("PATCH", path, {"title": "Bread"}, If_Match=made.headers["ETag"])
    assert (changed.status_code, changed.json["title"], changed.json["color"], changed.json["version"]) == (
        200,
        "Bread",
        "blue",
        2,
    )
    assert root("PATCH", path, {"title": "Eggs"}, If_Match=made.headers["ETag"]).json["code"] == "version_mismatch"
    assert root("DELETE", path, If_Match=made.headers["ETag"]).status_code == 412
    assert root("DELETE", path, If_Match=changed.headers["ETag"]).status_code == 204
    assert root("GET", path).status_code == 404
    assert not world.fsck()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"title": None}, "title"),
        ({"title": "a", "color": "red"}, "color"),
        ({"title": "a", "id": "x"}, "id"),
    ],
)
def test_bad_input_names_its_field(root: Client, body: Any, field: str) -> None:
    answer = root("POST", "/notes", body)
    assert (answer.status_code, answer.json["field"]) == (400, field)


def test_titles_are_unique_and_the_list_pages(root: Client) -> None:
    for title in ("b", "a", "c"):
        assert root("POST", "/notes", {"title": title}).status_code == 201
    assert root("POST", "/notes", {"title": "A"}).json["code"] == "name_taken"
    first = root("GET", "/notes?limit=2").json
    assert ([one["title"] for one in first["items"]], first["total"]) == (["a", "b"], 3)
    second = root("GET", f"/notes?limit=2&cursor={first['next_cursor']}").json
    assert [one["title"] for one in second["items"]] == ["c"]


def test_who_may_is_what_the_declaration_says(world: World, root: Client) -> None:
    path = f"/notes/{root('POST', '/notes', {'title': 'a'}).json['id']}"
    calls = [
        ("GET", "/notes", None),
        ("GET", path, None),
        ("PATCH", path, {"title": "b"}),
        ("POST", "/notes", {"title": "c"}),
    ]
    expected = {"user": [403] * 4, "auditor": [200, 200, 403, 403], "operator": [200, 200, 200, 201]}
    for role, statuses in expected.items():
        person = Client(world, role)
        assert [person(*call).status_code for call in calls] == statuses, role
    log = world.site.services.audit.page(website.SHELL, filters=(("action", "access.deny"),), limit=50).items
    assert {one.event["data"]["permission"] for one in log} == {"notes:read", "notes:write"}
    assert {"notes:read", "notes:write"} <= granted_by("admin")


def test_the_log_has_each_act_with_its_changes(world: World, root: Client) -> None:
    made = root("POST", "/notes", {"title": "a"}).json
    root("PATCH", f"/notes/{made['id']}", {"title": "b", "color": "blue"})
    root("DELETE", f"/notes/{made['id']}")
    found = world.site.services.audit.page(website.SHELL, filters=(("object", f"note:{made['id']}"),), limit=9).items
    assert [(one.event["action"], one.event.get("changes")) for one in reversed(found)] == [
        ("note.create", {"title": [None, "a"], "color": [None, "yellow"]}),
        ("note.update", {"title": ["a", "b"], "color": ["yellow", "blue"]}),
        ("note.delete", None),
    ]
    assert found[0].event["object"] == {"type": "note", "id": made["id"], "name": "b"}


def test_the_description_of_the_api_has_it(world: World) -> None:
    described = world.site.app.test_client().get("/openapi.json").json
    OpenAPIV31SpecValidator(described).validate()
    change = described["paths"]["/notes/{note_id}"]["patch"]
    assert change["x-permissions"] == ["notes:write"]
    assert "If-Match" in {one["name"] for one in change["parameters"]}
    assert "`version_mismatch`" in change["responses"]["412"]["description"]
    assert "ETag" in change["responses"]["200"]["headers"]
    assert described["components"]["schemas"]["NoteChange"].get("required") is None


# -- for people


def test_the_admin_site_lists_creates_edits_deletes(world: World, browser: Browser) -> None:
    assert ">Notes<" in browser.get("/admin/").text.replace("\n", "").replace("  ", "")
    browser.get("/admin/notes/new/")
    assert browser.post("/admin/notes/new/", {"title": "=Milk", "color": "blue"}).status_code == 302
    listed = browser.get("/admin/notes/?search=milk&flt0_color_is=blue").text
    [identifier] = re.findall(r"details/\?id=([0-9A-Za-z]{22})", listed)[:1]
    assert "No " not in re.findall(r"<tbody.*", listed, re.DOTALL)[0][:200]
    assert browser.get("/admin/notes/?flt0_color_is=yellow").text.count("details/?id=") == 0
    csv = browser.get("/admin/notes/export/csv/").text
    assert csv.splitlines()[0] == "Title,Color,Created,Changed"
    assert csv.splitlines()[1].startswith("'=Milk,blue,")
    edit = browser.get(f"/admin/notes/edit/?id={identifier}")
    form = {"title": "Bread", "color": "yellow", "version": version_in(edit)}
    assert browser.post(f"/admin/notes/edit/?id={identifier}", form).status_code == 302
    stale = browser.post(f"/admin/notes/edit/?id={identifier}", {**form, "title": "Eggs"})
    assert (stale.status_code, "What you entered is below, not saved yet" in stale.text) == (200, True)
    assert "Bread" in browser.get(f"/admin/notes/details/?id={identifier}").text
    assert browser.post("/admin/notes/delete/", {"id": identifier, "confirmed": "1"}).status_code == 302
    assert browser.get("/admin/notes/").text.count("details/?id=") == 0
    assert not world.fsck()


def test_its_permissions_are_offered_where_roles_are_made(world: World, browser: Browser) -> None:
    """A permission that lacked a line in another module once made this page fail."""
    page = browser.get("/admin/roles/new/")
    assert page.status_code == 200
    assert "Create, change and delete notes" in page.text
    assert "notes:write" in page.text
    assert parse_permissions(["notes:read"]) == {NOTES.read}
    world.site.services.roles.create(website.SHELL, name="scribe", permissions=["notes:read", "notes:write"])
    assert "read, write" in browser.get("/admin/roles/?search=scribe").text
    assert 'value="note.create"' in browser.get("/admin/audit/").text


# -- for what looks at all nouns


def test_the_table_of_routes_lets_nobody_in(world: World) -> None:
    stranger = world.site.app.test_client()
    rules = [rule for rule in world.site.app.url_map.iter_rules() if "notes" in rule.endpoint]
    assert len(rules) > 10
    for rule in rules:
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert stranger.open(path, method=method).status_code in {303, 401, 403}, (method, path)


def test_fsck_finds_and_repairs_its_indexes(world: World, root: Client) -> None:
    note = root("POST", "/notes", {"title": "a"}).json["id"]
    world.store.zrem(world.keys.index("notes", "color", "yellow"), note)
    world.store.hset(world.keys.unique("notes", "title"), "ghost", "x" * 22)
    assert len(world.fsck()) == 2
    assert len(world.fsck(fix=True)) == 2
    assert not world.fsck()


def test_the_generic_port_is_its_port() -> None:
    for name, method in inspect.getmembers(ports.RecordStore, inspect.isfunction):
        if not name.startswith("_"):
            own = inspect.signature(getattr(RedisNotes, name)).parameters
            assert list(own) == list(inspect.signature(method).parameters), name
