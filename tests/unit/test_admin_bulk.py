"""What is done to several records at once: one that cannot be touched does not stop the rest, and all of it is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import g

from backoffice.domain.actions import Actions
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import BackofficeError, Conflict, NotAllowed, ReauthRequired, Unavailable
from backoffice.web.admin.audit import AuditView
from backoffice.web.admin.list_state import every_record
from tests.support.admin_site import Site, make_site, reset
from tests.support.admin_views import Desk, desk
from tests.support.website import SHELL

COOKIE = 4096
"""Bytes of a cookie that every browser takes (RFC 6265, 6.1)."""


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Site:
    return make_site()


@pytest.fixture
def site(shared: Site) -> Site:
    return reset(shared)


def _fail_at(site: Site, monkeypatch: pytest.MonkeyPatch, errors: dict[str, BackofficeError]) -> None:
    """The service raises these for these records."""
    delete = site.things.delete

    def deleting(actor: Any, key: str) -> None:
        if key in errors:
            raise errors[key]
        delete(actor, key)

    monkeypatch.setattr(site.things, "delete", deleting)


def _delete(site: Site, *ids: str) -> Any:
    return site.post("action/", action="delete", rowid=list(ids), confirmed="1")


# --- some can, some cannot


def test_one_that_may_not_be_touched_does_not_stop_the_others(whole: Desk) -> None:
    operator, first, second = whole.as_("operator"), whole.user(), whole.user()
    ids = [first.id, whole.id_of("admin"), second.id]
    answer = operator.post("/admin/users/action/", {"rowid": ids, "action": "disable", "confirmed": "1"})
    assert answer.status_code == 302
    assert [whole.reread(user).status for user in (first, second)] == ["disabled", "disabled"]
    assert whole.site.services.users.get(SHELL, ids[1]).status == "active"
    text = operator.get("/admin/users/").text
    assert "2 users were disabled." in text
    assert "This reaches beyond what you hold yourself" in text


def test_where_every_one_is_refused_the_answer_is_a_refusal(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_at(site, monkeypatch, {"t1": NotAllowed(), "t2": NotAllowed()})
    assert _delete(site, "t1", "t2").status_code == 403


@pytest.mark.parametrize(("error", "status"), [(ReauthRequired(), 303), (Unavailable(), 503)])
def test_what_was_done_before_it_had_to_end_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: BackofficeError, status: int
) -> None:
    _fail_at(site, monkeypatch, {"t2": error})
    sent = {"csrf_token": site.token(), "action": "delete", "rowid": ["t1", "t2", "t3"], "confirmed": "1"}
    answer = site.client.post("/admin/things/action/", data=sent, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert "t3" in site.things.rows
    assert "1 record was deleted." in answer.get_data(as_text=True) + site.text()


@pytest.mark.parametrize("role", ["admin", "operator"])
def test_a_row_that_cannot_be_touched_cannot_be_selected(whole: Desk, role: str) -> None:
    browser = whole.as_(role)
    admin_id, user = whole.id_of("admin"), whole.user()
    boxes = re.findall(r'name="rowid"[^>]*value="([^"]+)"', browser.get("/admin/users/?page_size=100").text)
    assert user.id in boxes
    assert (admin_id in boxes) == (role == "admin")
    if role == "admin":
        name = whole.role()
        assert re.findall(r'name="rowid"[^>]*value="([^"]+)"', browser.get(f"/admin/roles/?search={name}").text) == [
            name
        ]
        assert 'name="rowid"' not in browser.get("/admin/roles/?search=auditor").text


# --- messages fit into a cookie


def _session_cookie(answer: Any) -> int:
    return max(len(cookie) for cookie in answer.headers.getlist("Set-Cookie"))


def test_the_absent_are_counted(site: Site) -> None:
    answer = _delete(site, "t1", *(f"gone{n * 7919}" for n in range(200)))
    assert _session_cookie(answer) < COOKIE / 4
    text = site.text()
    assert "1 record was deleted." in text
    assert "200 records are not there any more." in text


def test_an_identifier_of_any_length_is_cut(site: Site) -> None:
    answer = _delete(site, "".join(f"{n * 7919:x}" for n in range(3000)))
    assert _session_cookie(answer) < COOKIE / 4
    assert "is not there any more." in site.text()


def test_each_error_is_said_once_and_not_all_of_them(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_at(site, monkeypatch, {f"t{n}": Conflict(f"Reason {n % 8}.") for n in range(100)})
    answer = _delete(site, *(f"t{n}" for n in range(101)))
    assert _session_cookie(answer) < COOKIE / 4
    text = site.text()
    assert [text.count(f"Reason {n}.") for n in range(8)] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert "… and 3 more." in text
    assert "1 record was deleted." in text


# --- the question


def test_the_question_leaves_out_who_is_gone(site: Site) -> None:
    answer = site.post("action/", action="delete", rowid=["gone", *(f"t{n}" for n in range(12))])
    assert answer.status_code == 200
    text = answer.get_data(as_text=True)
    assert [f"<bdi>thing {n}</bdi>" in text for n in range(10)] == [True] * 9 + [False]
    assert "and 3 more" in text
    assert site.post("action/", action="delete", rowid=["gone", "gone2"]).status_code == 404


# --- actions and forms that are not there


@pytest.mark.parametrize("view", ["users", "roles", "files", "trash", "uploads"])
def test_an_unknown_action_is_not_there(whole: Desk, view: str) -> None:
    answer = whole.as_("admin").post(f"/admin/{view}/action/", {"rowid": "x", "action": "no"})
    assert answer.status_code == 404
    assert "There is no such action." in answer.text


def test_the_form_does_not_open_for_what_may_not_be_changed(whole: Desk) -> None:
    operator, admin = whole.as_("operator"), whole.as_("admin")
    assert operator.get(f"/admin/users/edit/?id={whole.id_of('admin')}").status_code == 403
    assert operator.get(f"/admin/users/edit/?id={whole.user().id}").status_code == 200
    assert admin.get("/admin/roles/edit/?id=auditor").status_code == 403
    assert admin.get(f"/admin/roles/edit/?id={whole.role()}").status_code == 200


# --- export


def test_an_export_for_nobody_known_is_not_one_of_everything(whole: Desk) -> None:
    admin, file = whole.as_("admin"), whole.file()
    answer = admin.get("/admin/files/export/csv/?flt0_owner_is=nosuchuser")
    assert answer.status_code == 400
    assert "There is no user nosuchuser." in answer.text
    assert file.name not in answer.text
    for view in ("users", "files", "trash", "uploads"):
        assert admin.get(f"/admin/{view}/export/xlsx/").status_code == 404


def test_all_pages_of_the_log_are_walked_by_the_cursor_of_each(whole: Desk) -> None:
    audit, log = whole.site.services.audit, whole.site.services.audit.log
    for _ in range(3):
        whole.user()
    view, made = AuditView(audit), (("action", Actions.USER_CREATE),)
    with whole.site.app.test_request_context("/admin/audit/"):
        g.actor = SHELL
        first = view.get_page(Query(filters=made, limit=2))
        second = view.get_page(Query(filters=made, limit=2, cursor=first.next_cursor))
        _, walked = every_record(
            lambda query: view.get_page(Query(filters=made, limit=2, cursor=query.cursor)), Query()
        )
        seen = [row.id for row, _ in zip(walked, range(1000), strict=False)]
    wanted = [entry.id for entry in log.page(made, "", 500).items]
    assert [row.id for row in (*first.items, *second.items)] == wanted[:4]
    assert seen == wanted


def test_a_right_that_opens_nothing_is_not_offered(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Permissions.FILES_SHARE, "offered", False)
    assert "files:share" not in whole.as_("admin").get("/admin/roles/new/").text
    name = whole.role(Permissions.FILES_READ, Permissions.FILES_SHARE)
    page = whole.as_("admin").get(f"/admin/roles/edit/?id={name}")
    sent = {"description": "changed", "permissions": "files:read"}
    [version] = re.findall(r'name="version"[^>]*value="(\d+)"', page.text)
    assert whole.as_("admin").post(f"/admin/roles/edit/?id={name}", {**sent, "version": version}).status_code == 302
    assert Permissions.FILES_SHARE in whole.site.services.roles.get(SHELL, name).permissions
