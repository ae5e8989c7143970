"""The gate of the admin site: who gets in where, and where nobody is sent."""

from __future__ import annotations

from typing import Any

import pytest
from flask import g

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.acts import Acts
from backoffice.domain.permissions import Permission, Permissions
from backoffice.errors import NotAllowed
from backoffice.web.admin.access import ViewActs
from backoffice.web.route_access import Access, Who, access_of
from tests.support.admin_site import ALL, Site, Things, ThingView, make_site, reset
from tests.support.website import SHELL


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
    site.hold(None)
    assert _open(site, method, path).status_code == 401
    for held in (set(), set(ALL - {Permissions.USERS_READ}), set(ALL - needed if needed != ALL else ())):
        site.hold(held)
        assert _open(site, method, path).status_code == 403
    assert site.things.rows == rows
    site.hold({Permissions.USERS_READ} | (set() if needed == ALL else set(needed)))
    assert _open(site, method, path).status_code in {200, 302}


@pytest.mark.parametrize("held", [None, set(), set(ALL)])
def test_what_nobody_gave_a_permission_is_closed_to_all(site: Site, held: set[Permission] | None) -> None:
    site.hold(held)
    for method in ("GET", "POST"):
        assert _open(site, method, "stray/").status_code == (401 if held is None else 403)


def test_every_endpoint_is_behind_the_gate(site: Site) -> None:
    site.hold(None)
    token = site.token()
    for rule in site.app.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        url = rule.rule.replace("<export_type>", "csv")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            data = {"csrf_token": token} if method == "POST" else None
            assert site.client.open(url, method=method, data=data).status_code == 401, (method, rule)


def _access(site: Site, name: str) -> Access:
    access = access_of(site.app, f"things.{name}")
    assert access is not None
    return access


def test_the_route_table_says_what_each_endpoint_demands(site: Site) -> None:
    for rule in site.app.url_map.iter_rules():
        if rule.rule.startswith("/admin"):
            assert access_of(site.app, rule.endpoint) is not None, rule
    for name in ("stray", "ajax_update", "ajax_lookup"):
        assert _access(site, name).who is Who.NOBODY
    assert _access(site, "index_view").permissions == (Permissions.USERS_READ,)
    deleting, acting = _access(site, "delete_view"), _access(site, "action_view")
    assert (deleting.permissions, deleting.also) == ((Permissions.FILES_ALL_DELETE,), (Permissions.USERS_READ,))
    assert (set(acting.permissions), acting.also) == (
        {Permissions.FILES_ALL_DELETE, Permissions.USERS_WRITE},
        (Permissions.USERS_READ,),
    )


def test_a_view_without_forms_and_rights_to_write_has_no_way_to_change_anything() -> None:
    class Reading(ThingView):
        section = "reading"
        acts, form, grow = ViewActs(read=Acts.USER_READ), None, None
        can_export = False

    view = Reading(Things())
    open_ = {name for _, name, _ in view._urls if view.access.rules.get(name, Access(Who.NOBODY)).who is not Who.NOBODY}
    assert open_ == {"index_view", "details_view"}


@pytest.mark.parametrize("name", ["index_view", "action_view", "stray"])
def test_a_view_that_was_never_declared_answers_nobody(site: Site, name: str) -> None:
    """Even where the gate did not stand in front of it."""

    class Stranger(ThingView):
        section = "strangers"

    for path, view, asked in (("strangers", Stranger(Things()), name), ("things/stray", site.view, "stray")):
        with site.app.test_request_context(f"/admin/{path}/"):
            g.actor = ANONYMOUS
            with pytest.raises(NotAllowed):
                view._handle_view(asked)


def test_a_refusal_is_recorded_with_the_permission_that_is_missing() -> None:
    site = reset(make_site())  # a new one, because the same refusal is recorded once a minute
    for held, missing in (
        ({Permissions.USERS_READ, Permissions.USERS_WRITE}, Permissions.FILES_ALL_DELETE),
        ({Permissions.FILES_ALL_DELETE}, Permissions.USERS_READ),
    ):
        site.hold(held)
        assert site.post("delete/", id="t1", confirmed="1").status_code == 403
        [last] = site.whole.services.audit.page(SHELL, filters=(("action", "access.deny"),), limit=1).items
        assert last.event["data"]["permission"] == missing


def test_who_may_do_one_action_may_not_do_the_others(site: Site) -> None:
    """The gate lets them in for the one; which it is, only the view knows."""
    site.hold({Permissions.USERS_READ, Permissions.USERS_WRITE})
    assert site.post("action/", action="grow", rowid=["t1", "t2"]).status_code == 302
    assert site.post("action/", action="delete", rowid="t1", confirmed="1").status_code == 403
    text = site.text()
    assert "2 records were grown." in text
    assert 'value="grow"' in text
    assert 'value="delete"' not in text
    site.hold({Permissions.USERS_READ, Permissions.FILES_ALL_DELETE})
    assert site.post("action/", action="grow", rowid="t1").status_code == 403
    assert site.post("action/", action="no", rowid="t1").status_code == 404
    assert site.things.rows["t1"].size == 2


def test_inline_editing_and_old_scripts_are_not_there(site: Site) -> None:
    assert site.post("ajax/update/", list_form_pk="t1", name="x").status_code == 403
    assert site.get("ajax/lookup/?name=x&query=y").status_code == 403
    assert site.client.get("/admin/static/vendor/jquery.min.js").status_code == 404


@pytest.mark.parametrize("path", ["new/", "edit/?id=t1", "delete/", "action/"])
def test_every_post_needs_the_token(site: Site, path: str) -> None:  # H1
    rows = dict(site.things.rows)
    data = {"id": "t1", "rowid": "t1", "action": "delete", "name": "x", "version": "1", "confirmed": "1"}
    answer = site.client.post(f"/admin/things/{path}", data=data)
    assert (answer.status_code, answer.json["code"]) == (403, "csrf_failed")
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
