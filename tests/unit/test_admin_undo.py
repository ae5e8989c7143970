"""The button *Undo* of the admin site: in toasts, in the log, on the pages of records and jobs."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from backoffice.domain.acts import Acts
from backoffice.domain.files import FileState
from backoffice.errors import NotFound
from backoffice.web.admin import messages
from tests.support.admin_views import Desk, version_in
from tests.support.website import SHELL, Browser

_FORM = re.compile(
    r'<form method="post" action="(/admin/undo/)" class="undo">.*?name="(entry|job|request)" value="([^"]+)">'
    r'<input type="hidden" name="url" value="([^"]*)">'
)


def forms(page: TestResponse) -> list[dict[str, str]]:
    """What the buttons of a page send."""
    return [{name: value, "url": unescape(url)} for _, name, value, url in _FORM.findall(page.text)]


def toast(browser: Browser, answer: TestResponse) -> dict[str, str]:
    """The button in the latest toast of the page to which an answer leads."""
    assert answer.status_code in {302, 303}, answer.text
    page = browser.get(answer.location)
    found = [one for one in forms(page) if "request" in one][-1]
    assert '<div class="toasts"' in page.text
    return found


def state(whole: Desk, file_id: str) -> tuple[str, FileState]:
    try:
        found = whole.site.services.files.get(SHELL, file_id)
    except NotFound:
        found = whole.site.services.files.trashed(SHELL, file_id)
    return found.name, found.state


def test_a_toast_undoes_all_that_the_request_did_and_that_is_undone_again(whole: Desk) -> None:
    first, second = whole.file(), whole.file()
    operator = whole.as_("operator")
    both = {"action": "delete", "rowid": [first.id, second.id], "confirmed": "1", "url": "/admin/files/?search=x"}
    button = toast(operator, operator.post("/admin/files/action/", both))
    assert button["url"] == "/admin/files/?search=x"
    undone = operator.post("/admin/undo/", button)
    assert undone.location == "/admin/files/?search=x"
    again = toast(operator, undone)
    assert {state(whole, one.id)[1] for one in (first, second)} == {FileState.READY}
    assert operator.post("/admin/undo/", again).status_code == 303
    assert {state(whole, one.id)[1] for one in (first, second)} == {FileState.TRASHED}
    assert (
        "There is nothing to undo." in operator.get(operator.post("/admin/undo/", {"request": "0" * 16}).location).text
    )


def test_forms_offer_it_and_what_is_final_does_not(whole: Desk) -> None:
    admin, file, user = whole.as_("admin"), whole.file(), whole.user()
    page = admin.get(f"/admin/files/edit/?id={file.id}")
    answer = admin.post(
        f"/admin/files/edit/?id={file.id}",
        {"name": "other.txt", "tags": "", "owner": whole.id_of("user"), "version": version_in(page)},
    )
    assert admin.post("/admin/undo/", toast(admin, answer)).status_code == 303
    assert state(whole, file.id)[0] == file.name
    for address, sent in (
        ("/admin/users/action/", {"action": "disable", "rowid": user.id, "confirmed": "1"}),
        ("/admin/users/action/", {"action": "enable", "rowid": user.id}),
    ):
        assert toast(admin, admin.post(address, sent))
    purge = {"action": "delete", "rowid": whole.trashed().id, "confirmed": "1"}
    assert forms(admin.get(admin.post("/admin/trash/action/", purge).location)) == [], "that is for good"


def test_what_was_made_or_deleted_is_offered_too(whole: Desk) -> None:
    """Roles, and the saved views that everybody has."""
    admin, roles = whole.as_("admin"), whole.site.services.roles
    sent = {"name": "readers", "permissions": "files:read", "description": "", "inactive_days": ""}
    undone = admin.post("/admin/undo/", toast(admin, admin.post("/admin/roles/new/", sent)))
    assert "readers" not in {role.name for role in roles.all(SHELL)}
    page = admin.get(undone.location)
    assert "Undone: readers is gone again." in page.text
    assert admin.post("/admin/undo/", [one for one in forms(page) if "request" in one][-1]).status_code == 303
    assert "readers" in {role.name for role in roles.all(SHELL)}
    role = "/admin/roles/details/?id=readers&tab=activity"
    roles.update(SHELL, "readers", description="They read")
    page = admin.get(role)
    assert "undo an earlier act" in page.text
    [changed, *_] = [one for one in forms(page) if "entry" in one]
    assert admin.post("/admin/undo/", changed).location == role
    assert roles.get(SHELL, "readers").description == ""
    deleted = admin.post("/admin/roles/delete/", {"id": "readers", "confirmed": "1"})
    assert admin.post("/admin/undo/", toast(admin, deleted)).status_code == 303
    assert "readers" in {role.name for role in roles.all(SHELL)}

    def views() -> list[str]:
        found = whole.site.services.views.store.for_section(whole.id_of("auditor"), "audit")
        return [view.name for view in found]

    auditor = whole.as_("auditor")
    saved = auditor.post("/admin/own/audit/views", {"name": "Denied", "query": "flt0_outcome_is=denied"})
    button = toast(auditor, saved)
    assert views() == ["Denied"]
    assert auditor.post("/admin/undo/", button).status_code == 303
    assert views() == []
    [entry, *_] = whole.site.services.audit.page(SHELL, filters=(("action", "view.delete"),)).items
    assert [one["entry"] for one in forms(auditor.get(f"/admin/audit/details/?id={entry.id}"))] == [entry.id]
    assert forms(whole.as_("registrar").get(f"/admin/audit/details/?id={entry.id}")) == []
    assert auditor.post("/admin/undo/", {"entry": entry.id}).status_code == 303
    assert views() == ["Denied"]


def test_the_log_offers_it_where_nothing_newer_stands_against_it(whole: Desk) -> None:
    file, admin = whole.file(), whole.as_("admin")
    library = whole.site.services.files
    library.rename(SHELL, file.id, "second.txt")
    library.rename(SHELL, file.id, "third.txt")
    page = admin.get(f"/admin/files/details/?id={file.id}&tab=activity")
    [button] = forms(page)
    entry = button["entry"]
    assert button["url"] == f"/admin/files/details/?id={file.id}&tab=activity"
    assert forms(admin.get(f"/admin/audit/details/?id={entry}")) == [
        {"entry": entry, "url": f"/admin/audit/details/?id={entry}"}
    ]
    assert admin.post("/admin/undo/", button).location == button["url"]
    assert state(whole, file.id)[0] == "second.txt"
    page = admin.get(button["url"])
    assert len([one for one in forms(page) if "entry" in one]) == 2, "the first change, and the undoing"
    refused = admin.post("/admin/undo/", button)
    assert refused.status_code == 409
    assert "This is undone already." in refused.text
    user = whole.user()
    whole.site.services.users.update(SHELL, user.id, quota_bytes=5)
    [button] = forms(admin.get(f"/admin/users/details/?id={user.id}&tab=activity"))
    assert admin.post("/admin/undo/", button).status_code == 303
    assert whole.reread(user).quota_bytes is None


def test_what_was_changed_since_is_told_with_both_values(whole: Desk) -> None:
    file, admin = whole.file(), whole.as_("admin")
    heir, other = whole.user(password="a fine long phrase"), whole.user(password="a fine long phrase")
    library = whole.site.services.files
    library.transfer(SHELL, file.id, heir.id)
    [moved] = [one for one in forms(admin.get(f"/admin/files/details/?id={file.id}&tab=activity")) if "entry" in one]
    library.transfer(SHELL, file.id, other.id)
    refused = admin.post("/admin/undo/", moved)
    assert refused.status_code == 409
    assert f"It was changed again since, by {SHELL.name}." in refused.text
    for name in ("the-user", heir.username, other.username):
        assert name in refused.text
    assert f'href="{moved["url"].replace("&", "&amp;")}"' in refused.text


def test_who_may_not_do_the_opposite_is_refused(whole: Desk) -> None:
    file = whole.file()
    whole.site.services.files.rename(SHELL, file.id, "sixth.txt")
    [entry] = [
        one.id
        for one in whole.site.services.audit.page(
            SHELL, filters=(("object", f"file:{file.id}"), ("action", "file.rename"))
        ).items
    ]
    auditor = whole.as_("auditor")
    assert forms(auditor.get(f"/admin/audit/details/?id={entry}")) == []
    assert auditor.post("/admin/undo/", {"entry": entry}).status_code == 404
    assert whole.actions(whole.id_of("auditor"))[0] == "access.deny"
    assert whole.as_("registrar").post("/admin/undo/", {"entry": entry}).status_code == 404
    assert state(whole, file.id)[0] == "sixth.txt"
    assert whole.site.browser().post("/admin/undo/", {"entry": entry}).status_code in {400, 401, 403}
    owner = whole.as_("user")
    elsewhere = {"entry": entry, "url": "//elsewhere.example/"}
    assert owner.post("/admin/undo/", elsewhere).location == "/", "where they may be"
    assert state(whole, file.id)[0] == file.name
    for unknown in ("1-0", "nonsense", "", "../x"):
        assert owner.post("/admin/undo/", {"entry": unknown}).status_code == 404


def test_a_job_is_undone_from_its_page(whole: Desk) -> None:
    operator, services = whole.as_("operator"), whole.site.services
    file = whole.file()
    sent = {"action": "tag", "rowid": file.id, "start": "1", "add": "x"}
    page = operator.post("/admin/files/action/", sent).location
    assert forms(operator.get(page)) == [], "it is not over"
    while services.jobs.runner.run_some():
        pass
    [button] = forms(operator.get(page))
    undoing = operator.post("/admin/undo/", button)
    assert undoing.location.startswith("/admin/jobs/details/?id=")
    while services.jobs.runner.run_some():
        pass
    assert services.files.get(SHELL, file.id).tags == ()
    assert "Undone" in operator.get(undoing.location).text


def test_a_message_says_it_of_the_acts_that_have_an_opposite(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr(messages, "flash", lambda text, category: said.append(category))
    for act in (Acts.FILE_TRASH, Acts.FILE_PURGE, None):
        with whole.site.app.test_request_context(environ_overrides={"backoffice.request_id": "r1"}):
            messages.doing(act)
            messages.flash_done("Done.")
    assert said == ["undo:r1", "success", "success"]
