"""The admin site's views on real services: doing things, mending forms, what vanishes meanwhile, hostile names, CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from urllib.parse import quote

import pytest

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.ids import new_id
from backoffice.domain.limits import UNLIMITED_QUOTA
from backoffice.domain.permissions import Permissions
from backoffice.services import authorization as authority
from tests.support.admin_site import Markup
from tests.support.admin_views import Desk, version_in
from tests.support.website import SHELL

EVIL = "\"'><img src=x onerror=alert(1)>{{7*7}}"
"""A name that a file may have."""


# --- what others do meanwhile


@pytest.mark.parametrize("view", ["users", "files", "roles"])
def test_a_change_by_somebody_else_is_not_lost(whole: Desk, view: str) -> None:
    admin = whole.as_("admin")
    if view == "users":
        user = whole.user()
        key, mine = user.id, {"username": user.username, "email": "mine@example.org", "roles": "user"}
        theirs, shown = {**mine, "email": "theirs@example.org"}, "theirs@example.org"
    elif view == "files":
        key, mine, theirs, shown = whole.file().id, {"name": "mine.txt"}, {"name": "theirs.txt"}, "theirs.txt"
    else:
        key, shown = whole.role(), "theirs"
        mine, theirs = ({"description": text, "permissions": "files:read"} for text in ("mine", "theirs"))
    address = f"/admin/{view}/edit/?id={key}"
    version = version_in(admin.get(address))
    assert admin.post(address, {**theirs, "version": version}).status_code == 302
    answer = admin.post(address, {**mine, "version": version})
    assert answer.status_code == 200
    assert "Somebody else changed this" in answer.text
    assert shown in answer.text
    assert answer.text.count('<th scope="row">') == 1, "only what differs"
    assert admin.post(address, {**mine, "version": version_in(answer)}).status_code == 302
    for forged in ("", "x", "-1", "9" * 30):
        answer = admin.post(address, {**theirs, "version": forged})
        assert "The form is incomplete" in answer.text
    assert "The form is incomplete" in admin.post(address, theirs).text


def test_what_vanished_is_not_there(whole: Desk) -> None:
    admin = whole.as_("admin")
    upload, trashed, user, file, role = whole.upload(), whole.trashed(), whole.user(), whole.file(), whole.role()
    services = whole.site.services
    services.uploads.cancel(SHELL, upload.id)
    services.files.purge(SHELL, trashed.id)
    services.users.delete(SHELL, user.id)
    services.files.trash(SHELL, file.id)
    services.roles.delete(SHELL, role)
    gone = {"uploads": upload.id, "trash": trashed.id, "users": user.id, "files": file.id, "roles": role}
    for view, key in gone.items():
        answers = [
            admin.get(f"/admin/{view}/details/?id={key}"),
            admin.post(f"/admin/{view}/delete/", {"id": key, "confirmed": "1"}),
        ]
        if view != "files":  # which nothing is asked about
            answers.append(admin.post(f"/admin/{view}/action/", {"rowid": key, "action": "delete"}))
        if view not in ("trash", "uploads"):
            answers += [admin.get(f"/admin/{view}/edit/?id={key}"), admin.post(f"/admin/{view}/edit/?id={key}", {})]
        for answer in answers:
            assert answer.status_code == 404, (view, answer.request.path)
            assert answer.mimetype == "text/html"
    answer = admin.post("/admin/files/action/", {"rowid": file.id, "action": "delete"})
    assert answer.status_code == 302
    assert "is not there any more" in admin.get("/admin/files/").text
    for key in ("", "x" * 3000, "..", "a b", "{}", "%00"):
        assert admin.get(f"/admin/files/details/?id={quote(key)}").status_code == 404


# --- doing


def test_a_file_goes_to_the_trash_and_back_and_away(whole: Desk) -> None:
    admin, file = whole.as_("admin"), whole.file("around.txt")
    page = admin.get(f"/admin/files/details/?id={file.id}").text
    assert "Move to trash" in page
    assert f'href="/files/{file.id}"' in page
    assert 'data-confirm=""' in page
    assert admin.post("/admin/files/delete/", {"id": file.id}).status_code == 302
    assert "around.txt was moved to the trash." in admin.get("/admin/files/").text
    assert "Restore" in admin.get(f"/admin/trash/details/?id={file.id}").text
    admin.post("/admin/trash/action/", {"rowid": file.id, "action": "restore"})
    assert "1 file was restored." in admin.get("/admin/trash/").text
    admin.post("/admin/files/action/", {"rowid": file.id, "action": "delete"})
    assert "Delete this file for good?" in admin.post("/admin/trash/delete/", {"id": file.id}).text
    admin.post("/admin/trash/delete/", {"id": file.id, "confirmed": "1"})
    assert admin.get(f"/admin/trash/details/?id={file.id}").status_code == 404
    assert whole.store.exists(f"file:{{{file.id}}}:chunk:0") == 0


def test_users_are_disabled_and_enabled(whole: Desk) -> None:
    admin, users = whole.as_("admin"), [whole.user(), whole.user()]
    ids = [user.id for user in users]
    assert "signed out at once" in admin.post("/admin/users/action/", {"rowid": ids, "action": "disable"}).text
    admin.post("/admin/users/action/", {"rowid": ids, "action": "disable", "confirmed": "1"})
    assert "2 users were disabled." in admin.get("/admin/users/").text
    assert 'value="enable"' in admin.get(f"/admin/users/details/?id={ids[0]}").text
    admin.post("/admin/users/action/", {"rowid": ids[0], "action": "enable"})
    assert [whole.reread(user).status for user in users] == ["invited", "disabled"]
    answer = admin.post("/admin/users/action/", {"rowid": ids[1], "action": "invite", "confirmed": "1"})
    assert answer.status_code == 302
    assert "This user is disabled" in admin.get("/admin/users/").text


def test_a_one_time_link_is_shown_once_and_works_once(whole: Desk) -> None:
    admin = whole.as_("admin")
    answer = admin.post("/admin/users/new/", {"username": "newcomer", "email": "", "roles": "user"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    [secret] = re.findall(r"http://localhost/setup/([\w-]{43})", answer.text)
    user = whole.site.services.users.find(SHELL, "newcomer")
    for path in (
        "/admin/users/",
        f"/admin/users/details/?id={user.id}",
        f"/admin/audit/?flt2_object_is=user:{user.id}",
    ):
        assert secret not in admin.get(path).text
    assert secret.encode() not in b"".join(repr(row).encode() for row in whole.records().values())
    again = admin.post("/admin/users/action/", {"rowid": user.id, "action": "invite", "confirmed": "1"})
    [other] = re.findall(r"http://localhost/setup/([\w-]{43})", again.text)
    assert "24 hours" in again.text
    stranger = whole.site.browser()
    assert stranger.get(f"/setup/{secret}").status_code == 404
    assert stranger.get(f"/setup/{other}").status_code == 200


def test_mistakes_in_a_form_are_said_beside_the_field(whole: Desk) -> None:
    admin = whole.as_("admin")
    sent = {"username": "the-admin", "email": "x@example.org", "roles": "user", "quota_bytes": "lots"}
    assert "must be a size such as" in admin.post("/admin/users/new/", sent).text
    text = admin.post("/admin/users/new/", {**sent, "quota_bytes": ""}).text
    assert 'id="username-error"' in text
    assert 'value="x@example.org"' in text
    text = admin.post("/admin/users/new/", {"username": "short", "password": "abc", "roles": "user"}).text
    assert 'id="password-error"' in text
    assert 'value="abc"' not in text
    assert (
        'id="name-error"' in admin.post("/admin/roles/new/", {"name": "Not A Name", "permissions": "files:read"}).text
    )
    assert 'id="permissions-error"' in admin.post("/admin/roles/new/", {"name": "empty"}).text
    file = whole.file()
    page = admin.get(f"/admin/files/edit/?id={file.id}")
    answer = admin.post(f"/admin/files/edit/?id={file.id}", {"name": "a/b", "version": version_in(page)})
    assert 'id="name-error"' in answer.text


def test_a_form_outlives_the_question_for_the_password(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:  # S8
    admin, before = whole.as_("admin"), whole.records()
    monkeypatch.setattr(authority, "FRESH_MS", 0)
    answer = admin.post("/admin/roles/new/", {"name": "later", "description": "kept", "permissions": "files:read"})
    assert answer.status_code == 200
    assert "/login?confirm=1" in answer.text
    assert 'value="kept"' in answer.text
    assert whole.records() == before


# --- what people wrote stays text


def test_hostile_names_stay_literal(whole: Desk) -> None:
    admin = whole.as_("admin")
    tag = "<img src=x onerror=alert(1)>{{7*7}}"
    file = whole.file(f"{EVIL}.txt", tags=(tag,))
    trashed, upload = whole.trashed(f"{EVIL}2.txt"), whole.upload(f"{EVIL}3.txt")
    role = whole.role(Permissions.FILES_READ, description=f"{EVIL}</script><script>alert(1)</script>")
    key = {"files": file.id, "trash": trashed.id, "uploads": upload.id, "roles": role}
    paths = [f"/admin/{view}/{part}" for view, one in key.items() for part in ("", f"details/?id={one}")]
    paths += [f"/admin/files/edit/?id={file.id}", f"/admin/roles/edit/?id={role}", "/admin/users/new/"]
    paths += [f"/admin/files/?flt2_tag_is={quote(tag)}", f"/admin/files/?search={quote(EVIL)}", "/admin/audit/"]
    pages = [(path, admin.get(path)) for path in paths]
    pages += [
        (f"{view} asks", admin.post(f"/admin/{view}/delete/", {"id": one}))
        for view, one in key.items()
        if view != "files"
    ]
    for path, answer in pages:
        assert answer.status_code == 200, path
        assert "<img" not in answer.text, path
        assert "{{7*7}}" in answer.text or path.endswith("new/") or "search" in path or "roles" in path, path
        markup = Markup()
        markup.feed(answer.text)
        assert not markup.problems(), path
    assert "}49{" not in "".join(answer.text for _, answer in pages)


def test_no_cell_of_a_csv_is_a_formula(whole: Desk) -> None:  # I1
    admin, marks = whole.as_("admin"), ("=", "+", "-", "@", "\uff1d")
    for mark in marks:
        whole.file(f"{mark}cmd|calc!A{new_id()}", tags=(f"{mark}tag",))
        whole.trashed(f"{mark}cmd|calc!B{new_id()}")
        whole.upload(f"{mark}cmd|calc!C{new_id()}")
        if mark != "@":  # no address begins with it
            whole.user(email=f"{mark}{new_id()}cmd@example.org")
    for view in ("users", "files", "trash", "uploads"):
        answer = admin.get(f"/admin/{view}/export/csv/")
        assert answer.mimetype == "text/csv"
        assert "attachment" in answer.headers["Content-Disposition"]
        rows = list(csv.reader(io.StringIO(answer.text)))
        cells = [cell for row in rows for cell in row if cell]
        assert len([cell for cell in cells if "cmd" in cell]) >= len(marks) - 1, view
        assert not [cell for cell in cells if cell.startswith(marks) and not cell.lstrip("-").isdigit()], view
        assert "<span" not in answer.text
        assert "<bdi" not in answer.text


def test_a_csv_has_what_the_list_has(whole: Desk) -> None:
    whole.file("text by person07.txt", whole.user("person07"))
    answer = whole.as_("admin").get("/admin/files/export/csv/?flt0_owner_is=person07&sort=0")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["Name", "Owner", "Size", "Type", "Created"]
    [row] = rows[1:]
    assert row[:4] == ["text by person07.txt", "person07", "5", "text/plain"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[4])


def test_an_invitation_that_leads_nowhere_is_said_to(whole: Desk) -> None:
    admin, users = whole.as_("admin"), whole.site.services.users
    user, late = whole.user(), whole.user()
    users.disable(SHELL, user.id)
    users.enable(SHELL, user.id)
    whole.site.swap(users=replace(users, now=lambda: late.invite_expires_at))
    try:
        page = admin.get(f"/admin/users/?search={late.username}").text
        details = admin.get(f"/admin/users/details/?id={late.id}").text
    finally:
        whole.site.swap(users=users)
    assert "invited, no open link" in page
    assert "ran out" in details
    assert "invited, no open link" in admin.get(f"/admin/users/?search={user.username}").text
    assert "invited, no open link" not in admin.get(f"/admin/users/?search={late.username}").text
    assert "ends <time" in admin.get(f"/admin/users/details/?id={late.id}").text


def test_a_quota_of_ones_own_may_be_none_at_all(whole: Desk) -> None:
    admin, user = whole.as_("admin"), whole.user(password="violet-harbour-93")
    of_site = "from the site&#39;s default"
    for entered, kept, shown in (("Unlimited", UNLIMITED_QUOTA, "unlimited"), ("", None, of_site)):
        page = admin.get(f"/admin/users/edit/?id={user.id}")
        sent = {"username": user.username, "email": "", "roles": "user", "quota_bytes": entered}
        answer = admin.post(f"/admin/users/edit/?id={user.id}", {"version": version_in(page), **sent})
        assert answer.status_code == 302
        assert whole.reread(user).quota_bytes == kept
        assert shown in admin.get(f"/admin/users/details/?id={user.id}").text
        in_form = 'value="unlimited"' in admin.get(f"/admin/users/edit/?id={user.id}").text
        assert in_form is (kept is not None)
        limit = whole.site.services.files.usage(SHELL, user.id).limit
        assert (limit is None) is (kept is not None)


def test_S7_a_persons_sessions_are_seen_and_ended_on_their_page(whole: Desk) -> None:
    admin, user = whole.as_("admin"), whole.user(password="violet-harbour-93")
    services = whole.site.services
    started = services.sessions.start_for(replace(ANONYMOUS, ip="192.0.2.77", agent="somebody's browser"), user)
    page = admin.get(f"/admin/users/details/?id={user.id}&tab=sessions").text
    assert "192.0.2.77" in page
    assert "sign_out" in page
    sent = {"rowid": user.id, "action": "sign_out", "confirmed": "1"}
    assert admin.post("/admin/users/action/", sent).status_code == 302
    assert not services.sessions.of_user(SHELL, started.user.id)


def test_Z10_a_list_that_is_taken_along_is_in_the_log(whole: Desk) -> None:
    admin = whole.as_("admin")
    for view in ("users", "files"):
        assert admin.get(f"/admin/{view}/export/csv/").status_code == 200
    found = whole.site.services.audit.page(SHELL, filters=[("action", "list.export")]).items
    mine = {entry.event["data"]["list"] for entry in found if entry.event["actor"]["name"] == "the-admin"}
    assert mine >= {"users", "files"}
