"""Saved views, and columns and density of lists: the service, the API, the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest

from backoffice.domain.access import Actor
from backoffice.domain.limits import MAX_SHARED_VIEWS, MAX_VIEWS
from backoffice.domain.views import PLAIN_LOOK, ListLook
from backoffice.errors import Conflict, Invalid, NotAllowed, NotFound, VersionMismatch
from backoffice.services.views import LISTS
from backoffice.stores.keys import Keys
from tests.support.admin_views import Desk, desk
from tests.support.website import SHELL


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        yield made


@pytest.fixture
def people(whole: Desk) -> tuple[Actor, Actor, Actor]:
    """An operator, an auditor, and a user who sees no list; new ones."""
    found = []
    for role in ("operator", "auditor", "user"):
        user = whole.user("", role)
        grants = whole.site.services.roles.get(SHELL, role).permissions
        found.append(Actor(user.id, user.username, ((role, grants),)))
    return found[0], found[1], found[2]


def test_a_view_is_its_owners_until_it_is_shared(whole: Desk, people: tuple[Actor, Actor, Actor]) -> None:
    views, (grace, alan, ben) = whole.site.services.views, people
    mine = views.create(alan, section="files", name="Large", query="flt0_size_at_least=1+GB")
    assert mine in views.for_section(alan, "files")
    assert mine not in views.for_section(grace, "files")
    assert views.for_section(alan, "users") == []
    for act in (views.get, views.delete, lambda who, key: views.update(who, key, name="x")):
        with pytest.raises(NotFound):
            act(grace, mine.id)
    shared = views.update(alan, mine.id, shared=True, version=mine.version)
    assert shared in views.for_section(grace, "files")
    with pytest.raises(NotAllowed):
        views.for_section(ben, "files")
    with pytest.raises(NotAllowed):
        views.get(ben, mine.id)
    with pytest.raises(VersionMismatch):
        views.update(alan, mine.id, name="Larger", version=mine.version)
    assert views.update(grace, mine.id, name="Larger").name == "Larger"
    private = views.create(grace, section="files", name="g", query="", shared=True)
    with pytest.raises(NotAllowed):
        views.delete(alan, private.id)
    views.delete(grace, mine.id)
    with pytest.raises(NotFound):
        views.get(alan, mine.id)


def test_what_does_not_fit_is_refused(whole: Desk, people: tuple[Actor, Actor, Actor]) -> None:
    views, (_, alan, ben) = whole.site.services.views, people
    for wrong in ({"name": ""}, {"name": "x" * 61}, {"name": "a\nb"}, {"query": "x" * 2001}, {"section": "nothing"}):
        with pytest.raises(Invalid):
            views.create(alan, **{"section": "files", "name": "n", "query": "", **wrong})
    with pytest.raises(NotAllowed):
        views.create(ben, section="files", name="n", query="")
    with pytest.raises(NotAllowed):
        views.create(alan.__class__(alan.id, alan.name), section="audit", name="n", query="")


def test_they_are_bounded(whole: Desk, people: tuple[Actor, Actor, Actor]) -> None:
    views, (grace, alan, _) = whole.site.services.views, people
    made = [views.create(alan, section="users", name=f"{n}", query="") for n in range(MAX_VIEWS)]
    with pytest.raises(Conflict, match="at most 50"):
        views.create(alan, section="users", name="more", query="")
    for one in made[: MAX_SHARED_VIEWS - len(views.for_section(grace, "users"))]:
        views.update(alan, one.id, shared=True)
    with pytest.raises(Conflict, match="shared"):
        views.create(grace, section="users", name="more", query="", shared=True)
    for one in made:
        views.delete(alan, one.id)


def test_a_shared_view_outlives_its_owner(whole: Desk, people: tuple[Actor, Actor, Actor]) -> None:
    views, (grace, alan, _) = whole.site.services.views, people
    shared = views.create(grace, section="files", name="Left behind", query="flt0_size_at_least=1+GB", shared=True)
    whole.site.services.users.delete(SHELL, grace.id)
    assert shared in views.for_section(alan, "files")
    assert "Left behind" in whole.as_("auditor").get("/admin/files/").text
    views.delete(SHELL, shared.id)


def test_every_list_of_the_site_can_be_saved(whole: Desk) -> None:
    """A further list needs a line in `LISTS`, with the act that its own view has."""
    app = whole.site.app
    site = {view.section: view for admin in app.extensions["admin"] for view in admin._views if hasattr(view, "tab_of")}
    del site["system"]  # a page, no list
    # Of jobs there are one's own and everybody's.
    acts = {name: act[0] if isinstance(act, tuple) else act for name, act in LISTS.items()}
    assert {name: view.acts.listing for name, view in site.items()} == acts


# --- pages


def form(text: str, action: str) -> dict[str, str]:
    [found] = re.findall(rf'<form[^>]*action="[^"]*{action}".*?</form>', text, re.DOTALL)
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found)}


def test_a_view_is_saved_opened_and_deleted_without_a_script(whole: Desk) -> None:
    admin = whole.as_("admin")
    assert "Save view" not in admin.get("/admin/files/").text
    page = admin.get("/admin/files/?flt7_size_at_least=1+GB&sort=2&page=3&x=1")
    sent = form(page.text, "/admin/own/files/views")
    assert sent["query"] == "sort=2&flt0_size_at_least=1+GB"
    answer = admin.post("/admin/own/files/views", {**sent, "name": "<b>Large", "shared": "1"})
    assert answer.location == "/admin/files/?sort=2&flt0_size_at_least=1+GB"
    text = admin.get(answer.location).text
    assert 'aria-current="page"><bdi>&lt;b&gt;Large</bdi>' in text
    assert "Save view" not in text
    assert "&lt;b&gt;Large" in whole.as_("auditor").get("/admin/files/").text
    [key] = re.findall(r"/admin/own/views/([^/]+)/delete", text)
    assert f"{key}/delete" not in whole.as_("auditor").get(answer.location).text
    assert whole.as_("auditor").post(f"/admin/own/views/{key}/delete").status_code == 403
    whole.as_("admin")
    assert admin.post(f"/admin/own/views/{key}/delete").location == "/admin/files/"
    assert "Large" not in admin.get("/admin/files/").text.partition("<table")[0].partition("toasts")[0]


@pytest.mark.parametrize(
    "query", ["flt0_size_at_least=much", "flt0_nothing_is=1", "&".join(["flt0_tag_is=x"] * 50), "%"]
)
def test_a_form_made_up_by_hand_saves_nothing_wrong(whole: Desk, query: str) -> None:
    admin = whole.as_("admin")
    before = whole.site.services.views.for_section(SHELL, "files")
    admin.post("/admin/own/files/views", {"query": query, "name": ""})
    assert whole.site.services.views.for_section(SHELL, "files") == before
    assert admin.post("/admin/own/nothing/views", {"query": "", "name": "n"}).status_code == 404
    assert admin.post("/admin/own/views/nothing/delete").status_code == 404
    assert whole.as_("user").post("/admin/own/files/views", {"query": "", "name": "n"}).status_code in {302, 403}
    assert whole.site.services.views.for_section(SHELL, "files") == before


def heads(text: str) -> list[str]:
    return [
        re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', text, re.DOTALL)
    ]


def test_columns_and_density_are_kept_for_each_person(whole: Desk) -> None:
    whole.file("a.txt", None, ("red",))
    admin, others = whole.as_("admin"), whole.as_("auditor")
    usual = heads(others.get("/admin/files/").text)
    whole.as_("admin")
    sent = {"column": ["size", "tags", "nothing"], "compact": "1", "query": "sort=2"}
    assert admin.post("/admin/own/files/look", sent).location == "/admin/files/?sort=2"
    text = admin.get("/admin/files/?sort=2").text
    assert heads(text) == ["Name", "Size", "Tags"]
    assert 'class="list compact"' in text
    assert 'aria-sort="ascending"' in text
    assert '<span class="label">red</span>' in text
    assert heads(others.get("/admin/files/").text) == usual
    whole.as_("admin")
    admin.post("/admin/own/files/look", {"reset": "1"})
    assert heads(admin.get("/admin/files/").text) == usual
    assert whole.as_("user").post("/admin/own/files/look", {"compact": "1"}).status_code == 403
    whole.as_("admin")
    assert admin.post("/admin/own/nothing/look", {}).status_code == 404


def test_a_look_goes_with_the_person_and_stays_readable(whole: Desk, people: tuple[Actor, Actor, Actor]) -> None:
    lists, (grace, _, ben) = whole.site.services.lists, people
    key = Keys().list_looks(grace.id)
    lists.arrange(grace, "files", ListLook(("size",), compact=True))
    assert lists.look(grace, "files") == ListLook(("size",), compact=True)
    for broken in (b"{", b"[]", b'{"columns": 3, "compact": 1}'):
        whole.store.hset(key, "users", broken)
        assert lists.look(grace, "users") == PLAIN_LOOK
    with pytest.raises(Invalid):
        lists.arrange(grace, "files", ListLook(("x",) * 100))
    with pytest.raises(NotAllowed):
        lists.arrange(ben, "files", ListLook(compact=True))
    whole.site.services.users.delete(SHELL, grace.id)
    assert not whole.store.exists(key)
    lists.arrange(grace, "files", ListLook(compact=True))
    assert not whole.store.exists(key)


# --- the API


def test_the_api_makes_reads_changes_and_deletes_views(whole: Desk) -> None:
    whole.as_("operator")
    head = {"Authorization": f"Bearer {whole.site.token('the-operator')}", "Accept": "application/json"}
    client = whole.site.app.test_client()

    def ask(method: str, path: str, body: Any = None, **more: str) -> Any:
        return client.open(f"/admin/views{path}", method=method, json=body, headers={**head, **more})

    made = ask("POST", "", {"section": "files", "name": "Large", "query": "page=3&flt9_size_at_least=1+GB"})
    assert made.status_code == 201
    assert (made.json["query"], made.json["shared"]) == ("flt0_size_at_least=1+GB", False)
    key, etag = made.json["id"], made.headers["ETag"]
    assert [one["id"] for one in ask("GET", "?section=files").json["items"] if one["name"] == "Large"] == [key]
    assert ask("GET", f"/{key}").json == made.json
    changed = ask("PATCH", f"/{key}", {"shared": True}, **{"If-Match": etag})
    assert (changed.json["shared"], changed.json["version"]) == (True, 2)
    assert ask("DELETE", f"/{key}", **{"If-Match": etag}).status_code == 412
    assert ask("DELETE", f"/{key}").status_code == 204
    assert ask("GET", f"/{key}").status_code == 404
    for wrong in (
        {"section": "files", "name": "n", "query": "flt0_size_at_least=much"},
        {"section": "audit", "name": "n", "query": ""},
        {"section": "nothing", "name": "n", "query": ""},
        {"section": "files", "name": "", "query": ""},
    ):
        assert ask("POST", "", wrong).status_code in {400, 403, 422}, wrong
