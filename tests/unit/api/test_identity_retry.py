"""A request on the strength of what is remembered: it begins again where that has changed, and loses nothing by it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
import structlog

from backoffice.domain.ids import new_id
from backoffice.domain.paging import Query
from backoffice.domain.system import SiteNumbers, SiteState
from backoffice.errors import Unavailable
from backoffice.stores.identities import RedisIdentities
from backoffice.web.client_socket import SMALL_BODY
from backoffice.web.metrics import metrics_of
from tests.support.api_site import SHELL, Person, Site
from tests.support.website import HTML, Browser

SIZES = [0, 1, SMALL_BODY, SMALL_BODY + 1]


@pytest.fixture
def known(ann: Person) -> Person:
    """Ann, remembered."""
    assert ann.get("/limits").status_code == 200
    return ann


def changed(site: Site, person: Person) -> None:
    """Something of her changes that her rights do not depend on, in another process so to speak."""
    site.services.users.update(SHELL, person.id, email=f"{new_id()}@example.org")


def began_again(site: Site) -> float:
    """How many requests did so that far, as `/metrics` tells it."""
    text = metrics_of(site.app).exposition(SiteState(SiteNumbers(), [], {}, "disk", room=True)).get_data(as_text=True)
    found = re.search(r'^backoffice_identities_total\{how="changed"\} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_token_that_was_revoked_opens_nothing_more(site: Site, known: Person) -> None:
    file_id = known.upload("a.txt")
    site.services.tokens.revoke(SHELL, known.token.split("_")[1])
    for method, path in (
        ("GET", "/files"),
        ("GET", f"/files/{file_id}"),
        ("GET", f"/files/{file_id}/metadata"),
        ("DELETE", f"/files/{file_id}"),
        ("PUT", "/files/b.txt"),
        ("POST", "/upload_complete"),
        ("POST", f"/files/{file_id}/rename"),
        ("GET", "/admin/users"),
    ):
        answer = known.call(method, path, data=b"{" if method == "POST" else b"x")
        assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in"), path
    assert [file.name for file in site.services.files.page(SHELL, Query(), everybody=True).items] == ["a.txt"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_is_not_lost(site: Site, known: Person, size: int, announced: bool) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    before = began_again(site)
    changed(site, known)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    more: dict[str, Any] = {} if announced else {"environ_overrides": chunked}
    body: Any = data[:size] if announced else io.BytesIO(data[:size])
    answer = known.call("PUT", "/files/b.bin", data=body, **more)
    assert answer.status_code == 201, answer.text
    assert began_again(site) == before + 1
    assert known.get(f"/files/{answer.json['id']}").data == data[:size]


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_chunk_is_not_lost_in_any_form(site: Site, known: Person, size: int) -> None:
    for form in ({"data": b"x" * size, "content_type": "application/octet-stream"}, {"data": None}):
        before = began_again(site)
        changed(site, known)
        fields = {"chunk_index": 0, "total_chunks": 1}
        if form["data"] is None:
            form = {"data": {**fields, "chunk_data": (io.BytesIO(b"x" * size), "blob")}}
        answer = known.call("POST", "/upload_chunk", query_string=fields if "content_type" in form else None, **form)
        assert answer.status_code == 200, answer.text
        assert began_again(site) == before + 1
        assert known.complete(answer.json["file_id"], size).status_code == 201


def test_a_form_is_not_lost(site: Site, known: Person) -> None:
    browser = Browser(site.app.test_client())
    assert browser.sign_in(known.name, "violet-harbour-93").status_code == 303
    assert browser.get("/account").status_code == 200
    before = began_again(site)
    changed(site, known)
    answer = browser.post("/account/tokens", {"name": "made by a form", "preset": "all", "days": "30"})
    assert answer.status_code in {200, 303}, answer.text
    assert "made by a form" in browser.get("/account").text
    assert began_again(site) == before + 1


def test_a_file_in_a_form_is_not_lost(site: Site, known: Person) -> None:
    browser = Browser(site.app.test_client())
    browser.sign_in(known.name, "violet-harbour-93")
    browser.get("/")
    for size in (10, SMALL_BODY + 1):
        changed(site, known)
        name = f"form-{size}.bin"
        answer = browser.client.post(
            f"/my/files?csrf_token={browser.token}", data={"file": (io.BytesIO(b"y" * size), name)}, headers=HTML
        )
        assert answer.status_code in {200, 303}, answer.text
        assert name in browser.get("/").text


def test_who_is_nobody_any_more_is_named_in_no_line_of_the_log(site: Site, known: Person) -> None:
    site.services.users.disable(SHELL, known.id)
    assert known.get("/files").status_code == 401
    assert "user" not in structlog.contextvars.get_contextvars()


def test_what_asks_the_store_for_nothing_is_confirmed_all_the_same(site: Site, known: Person) -> None:
    assert known.get("/files?sort=nonsense").status_code == 400
    site.services.users.disable(SHELL, known.id)
    assert known.get("/files?sort=nonsense").status_code == 401
    assert known.get("/docs").status_code in {200, 401}


def test_without_an_answer_of_the_store_nothing_is_answered(
    site: Site, known: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_self: RedisIdentities) -> None:
        raise Unavailable

    monkeypatch.setattr(RedisIdentities, "confirm", away)
    answer = known.get("/files?sort=nonsense")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert "X-Content-Type-Options" in answer.headers
    monkeypatch.undo()
    assert known.get("/files").status_code == 200


def test_a_right_that_was_given_counts_at_once(site: Site) -> None:
    roles = site.services.roles
    roles.create(SHELL, name="helper", permissions={"files:read"})
    bea = site.person("bea", "helper")
    for permission, status in (("files:read", 403), ("users:read", 200), ("files:read", 403)):
        roles.update(SHELL, "helper", permissions={permission})
        assert bea.get("/admin/users").status_code == status
