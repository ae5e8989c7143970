"""The gate of the admin site: who gets in where, and where nobody is sent."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.permissions import Permission, Permissions
from backoffice.web.admin.gate import HomeView, declare_views
from backoffice.web.routes import Who, access_of
from tests.unit.admin_site import ALL, Site, Things, make_app, make_site, reset


@pytest.fixture(scope="module")
def shared() -> Site:
    return make_site()


@pytest.fixture
def site(shared: Site) -> Site:
    return reset(shared)


WAYS = [
    ("GET", "", ALL),
    ("GET", "details/?id=t1", ALL),
    ("GET", "new/", {Permissions.USERS_WRITE}),
    ("POST", "new/", {Permissions.USERS_WRITE}),
    ("GET", "edit/?id=t1", {Permissions.USERS_WRITE}),
    ("POST", "edit/?id=t1", {Permissions.USERS_WRITE}),
    ("POST", "delete/", {Permissions.FILES_ALL_DELETE}),
    ("POST", "action/", {Permissions.FILES_ALL_DELETE}),
    ("GET", "export/csv/", {Permissions.AUDIT_EXPORT}),
]
"""Every way in, and the permissions that open it beside the one to read."""


def _open(site: Site, method: str, path: str) -> Any:
    data = {"csrf_token": site.token(), "id": "t1", "rowid": "t1", "action": "delete", "name": "x", "version": "1"}
    return site.client.open(f"/admin/things/{path}", method=method, data=data if method == "POST" else None)


@pytest.mark.parametrize(("method", "path", "needed"), WAYS)
def test_the_gate_wants_each_endpoints_own_permission(
    site: Site, method: str, path: str, needed: frozenset[Permission]
) -> None:
    rows = dict(site.things.rows)
    site.held = None
    assert _open(site, method, path).status_code == 401
    for held in (set(), set(ALL - {Permissions.USERS_READ}), set(ALL - needed if needed != ALL else ())):
        site.held = held
        assert _open(site, method, path).status_code == 403
    assert site.things.rows == rows
    site.held = {Permissions.USERS_READ} | (set() if needed == ALL else set(needed))
    assert _open(site, method, path).status_code in {200, 302}


@pytest.mark.parametrize("held", [None, set(), set(ALL)])
def test_what_nobody_gave_a_permission_is_closed_to_all(site: Site, held: set[Permission] | None) -> None:
    site.held = held
    for method in ("GET", "POST"):
        assert _open(site, method, "stray/").status_code == (401 if held is None else 403)


def test_every_endpoint_is_behind_the_gate(site: Site) -> None:
    site.held = None
    token = site.token()
    for rule in site.app.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        url = rule.rule.replace("<export_type>", "csv")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            data = {"csrf_token": token} if method == "POST" else None
            assert site.client.open(url, method=method, data=data).status_code == 401, (method, rule)


def test_the_first_lock_is_told_what_each_endpoint_needs() -> None:
    home = HomeView()
    app = make_app(Things(), lambda permission: True, home)
    declare_views(app, home)
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin"):
            assert access_of(app, rule.endpoint) is not None, rule
    for name in ("stray", "ajax_update", "ajax_lookup"):
        access = access_of(app, f"things.{name}")
        assert access is not None
        assert access.who is Who.NOBODY
    deleting = access_of(app, "things.action_view")
    assert deleting is not None
    assert deleting.permissions == (Permissions.FILES_ALL_DELETE,)


def test_inline_editing_and_old_scripts_are_not_there(site: Site) -> None:
    assert site.post("ajax/update/", list_form_pk="t1", name="x").status_code == 404
    assert site.get("ajax/lookup/?name=x&query=y").status_code == 404
    assert site.client.get("/admin/static/vendor/jquery.min.js").status_code == 404


@pytest.mark.parametrize("path", ["new/", "edit/?id=t1", "delete/", "action/"])
def test_every_post_needs_the_token(site: Site, path: str) -> None:  # H1
    rows = dict(site.things.rows)
    data = {"id": "t1", "rowid": "t1", "action": "delete", "name": "x", "version": "1", "confirmed": "1"}
    assert site.client.post(f"/admin/things/{path}", data=data).status_code == 400
    assert site.things.rows == rows


@pytest.mark.parametrize("target", ["//evil.example", "http://localhost/x", "/\\evil.example", "javascript:alert(1)"])
@pytest.mark.parametrize(("method", "path", "_needed"), WAYS)
def test_nobody_is_sent_to_another_site(
    site: Site, method: str, path: str, _needed: frozenset[Permission], target: str
) -> None:  # H8; the full list of targets is in test_admin_formats.py
    data = {"csrf_token": site.token(), "id": "t1", "rowid": "t1", "action": "delete", "name": "x", "url": target}
    if method == "POST":
        assert site.client.post(f"/admin/things/{path}", data=data).status_code == 400
    bare = path.partition("?")[0]
    response = site.client.get(f"/admin/things/{bare}", query_string={"id": "t1", "url": target})
    assert response.status_code in {400, 405}
    assert "Location" not in response.headers
