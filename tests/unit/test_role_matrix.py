"""Roles as a matrix, and what is asked before a change of them is saved."""

from __future__ import annotations

import re

import pytest

from backoffice.domain.permissions import Permission, Permissions
from tests.support.admin_views import Desk
from tests.support.website import SHELL

P = Permissions
URL = "/admin/roles/matrix/"


def fields(page: str, *names: str) -> dict[str, list[str]]:
    """What the form of the page would send of these roles."""
    sent: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        found = re.search(r'name="((?:rights|seen|version)-([^"]*))"', tag)
        if found is None or found[2] not in names or ("checkbox" in tag and " checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        sent.setdefault(found[1], []).append(value[1] if value is not None else "")
    return sent


def granted(whole: Desk, name: str) -> set[Permission]:
    return set(whole.site.services.roles.get(SHELL, name).permissions)


def test_rights_stand_down_and_roles_across(whole: Desk) -> None:
    name = whole.role(P.FILES_READ, P.USERS_READ)
    whole.user("", name)
    text = whole.as_("admin").get("/admin/roles/").text
    assert re.search(r'<th scope="row" class="right"[^>]*>Read the audit log</th>', text)
    assert f'aria-label="See users for {name}" checked' in text
    assert f'aria-label="Read the audit log for {name}"' in text
    assert f'aria-label="1 person has {name}"' in text
    assert 'name="rights-operator"' not in text, "built-in roles are fixed"
    assert str(P.FILES_SHARE) in text


def test_what_roles_demand_of_share_links_stands_below_the_rights(whole: Desk) -> None:
    """Their own numbers; the site's where they say nothing."""
    name = whole.role(P.FILES_SHARE)
    row = re.compile(r"<tr>\s*<th[^>]*>(Life, at most|A password)</th>(.*?)</tr>", re.DOTALL)
    admin = whole.as_("admin")
    before = dict(row.findall(admin.get("/admin/roles/").text))
    assert "<strong>" not in "".join(before.values())
    assert before["Life, at most"].count("365 days") == before["A password"].count("not needed") > 4
    whole.site.services.roles.update(SHELL, name, share_days=7, share_password=1)
    after = dict(row.findall(admin.get("/admin/roles/").text))
    assert after["Life, at most"].count("<strong>7 days</strong>") == 1
    assert after["A password"].count("<strong>needed</strong>") == 1


def test_who_only_reads_has_no_boxes(whole: Desk) -> None:
    whole.role()
    text = whole.as_("auditor").get("/admin/roles/").text
    assert "checkbox" not in text
    assert "matrix-form" in text
    assert whole.as_("auditor").post(URL, {"save": "1"}).status_code == 403


def test_a_change_is_asked_about_and_then_saved(whole: Desk) -> None:
    admin, name, other = whole.as_("admin"), whole.role(P.FILES_READ, P.USERS_READ), whole.role()
    person = whole.user("", name)
    sent = fields(admin.get("/admin/roles/").text, name, other)
    sent[f"rights-{name}"] = [str(P.FILES_READ), str(P.AUDIT_READ)]
    asked = admin.post(URL, {**sent, "save": "1"})
    assert asked.status_code == 200
    assert person.username in asked.text
    assert "read the log" in asked.text
    assert "see users, and what they use" in asked.text
    assert granted(whole, name) == {P.FILES_READ, P.USERS_READ}, "asked, and not done"
    saved = admin.post(URL, {**sent, "confirmed": "1"})
    assert saved.status_code == 302
    assert granted(whole, name) == {P.FILES_READ, P.AUDIT_READ}
    assert whole.actions(whole.id_of("admin"))[:1] == ["role.update"]


def test_what_nobody_touched_is_left_alone(whole: Desk) -> None:
    """Somebody else may have changed it meanwhile."""
    admin, mine, theirs = whole.as_("admin"), whole.role(), whole.role()
    sent = fields(admin.get("/admin/roles/").text, mine, theirs)
    whole.site.services.roles.update(SHELL, theirs, permissions=["audit:read"])
    sent[f"rights-{mine}"] = [str(P.USERS_READ)]
    assert admin.post(URL, {**sent, "confirmed": "1"}).status_code == 302
    assert granted(whole, mine) == {P.USERS_READ}
    assert granted(whole, theirs) == {P.AUDIT_READ}


@pytest.mark.parametrize("confirmed", ["", "1"])
def test_a_conflict_is_shown_and_nothing_is_saved(whole: Desk, confirmed: str) -> None:
    admin, name, second = whole.as_("admin"), whole.role(), whole.role()
    sent = fields(admin.get("/admin/roles/").text, name, second)
    whole.site.services.roles.update(SHELL, name, permissions=["audit:read"])
    sent[f"rights-{name}"] = sent[f"rights-{second}"] = [str(P.USERS_READ)]
    answer = admin.post(URL, {**sent, **({"confirmed": "1"} if confirmed else {"save": "1"})})
    assert f"Somebody else changed {name}" in answer.text
    assert re.search(rf'aria-label="See users for {name}, not saved yet" checked', answer.text)
    assert granted(whole, name) == {P.AUDIT_READ}
    assert granted(whole, second) == {P.FILES_READ}, "all or nothing"
    again = fields(answer.text, name, second)
    assert admin.post(URL, {**again, "confirmed": "1"}).status_code == 302
    assert granted(whole, name) == granted(whole, second) == {P.USERS_READ}


def test_ticks_are_kept_while_a_phone_shows_another_role(whole: Desk) -> None:
    admin, name, other = whole.as_("admin"), whole.role(), whole.role()
    sent = fields(admin.get("/admin/roles/").text, name, other)
    sent[f"rights-{name}"] = [str(P.AUDIT_READ)]
    text = admin.post(URL, {**sent, "show": other}).text
    assert f'value="{other}" aria-pressed="true"' in text
    assert f'aria-label="Read the audit log for {name}, not saved yet" checked' in text
    assert granted(whole, name) == {P.FILES_READ}


def test_a_role_grants_something(whole: Desk) -> None:
    admin, name = whole.as_("admin"), whole.role()
    sent = fields(admin.get("/admin/roles/").text, name)
    sent[f"rights-{name}"] = []
    answer = admin.post(URL, {**sent, "save": "1"})
    assert f"{name}: A role grants at least one permission." in answer.text
    assert granted(whole, name) == {P.FILES_READ}


def test_nobody_ticks_what_they_do_not_hold(whole: Desk) -> None:  # Z4
    keeper, name = whole.as_("keeper"), whole.role()
    text = keeper.get("/admin/roles/").text
    assert re.search(rf'aria-label="Read the audit log for {name}" disabled', text)
    sent = fields(text, name)
    sent[f"rights-{name}"] = [str(P.FILES_READ), str(P.AUDIT_READ)]
    assert keeper.post(URL, {**sent, "confirmed": "1"}).status_code == 403
    assert granted(whole, name) == {P.FILES_READ}


def test_built_in_roles_are_not_changed_by_hand(whole: Desk) -> None:
    admin = whole.as_("admin")
    sent = {"version-user": "1", "seen-user": "files:read", "rights-user": "audit:read", "confirmed": "1"}
    assert "A built-in role stays as it is" in admin.post(URL, sent).text
    gone = {"version-nothing": "1", "seen-nothing": "", "rights-nothing": "audit:read", "confirmed": "1"}
    assert admin.post(URL, gone).status_code == 404
    for bad in ({"version-user": "x"}, {"version-user": "-1"}, {"version-user": "9" * 30}):
        assert admin.post(URL, {**sent, **bad}).status_code == 400


def test_rights_that_are_not_offered_stay(whole: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(P.FILES_SHARE, "offered", False)
    admin, name = whole.as_("admin"), whole.role(P.FILES_READ, P.FILES_SHARE)
    page = admin.get("/admin/roles/").text
    assert str(P.FILES_SHARE) not in page, "a right without a feature is not offered"
    sent = fields(page, name)
    sent[f"rights-{name}"] = [str(P.USERS_READ)]
    assert admin.post(URL, {**sent, "confirmed": "1"}).status_code == 302
    assert granted(whole, name) == {P.USERS_READ, P.FILES_SHARE}


def test_a_role_like_another_one_says_where_it_differs(whole: Desk) -> None:
    admin = whole.as_("admin")
    page = admin.get("/admin/roles/new/?like=auditor").text
    assert re.search(r'name="copied_from"[^>]*value="auditor"', page)
    assert re.search(r'value="audit:read" checked', page)
    name = f"{whole.role()}-like"
    sent = {"name": name, "copied_from": "auditor", "permissions": ["audit:read"]}
    assert admin.post("/admin/roles/new/", sent).status_code == 302
    assert whole.site.services.roles.get(SHELL, name).copied_from == "auditor"
    text = admin.get("/admin/roles/").text
    assert re.search(r'class="about">like auditor, but for \d+<', text)
    assert f'aria-label="See users for {name}, otherwise than in auditor"' in text


def test_one_roles_form_asks_too(whole: Desk) -> None:
    admin, name = whole.as_("admin"), whole.role()
    person = whole.user("", name)
    version = re.search(r'name="version"[^>]*value="(\d+)"', admin.get(f"/admin/roles/edit/?id={name}").text)
    assert version is not None
    sent = {"description": "d", "permissions": ["audit:read"], "version": version[1]}
    asked = admin.post(f"/admin/roles/edit/?id={name}", sent)
    assert person.username in asked.text
    assert "Save these changes" in asked.text
    assert granted(whole, name) == {P.FILES_READ}
    back = admin.post(f"/admin/roles/edit/?id={name}", {**sent, "confirmed": "1", "back": "1"}).text
    assert 'value="audit:read" checked' in back
    assert granted(whole, name) == {P.FILES_READ}
    assert admin.post(f"/admin/roles/edit/?id={name}", {**sent, "confirmed": "1"}).status_code == 302
    assert granted(whole, name) == {P.AUDIT_READ}


def test_deleting_says_who_has_it(whole: Desk) -> None:
    admin, name = whole.as_("admin"), whole.role(P.AUDIT_READ)
    person = whole.user("", name)
    text = admin.post("/admin/roles/delete/", {"id": name}).text
    assert "1 person has it" in text
    assert person.username in text
    assert "read the log" in text
    assert '<button class="btn btn-danger">Delete' not in text
    empty = whole.role()
    assert "Nobody has it" in admin.post("/admin/roles/delete/", {"id": empty}).text
    assert admin.post("/admin/roles/delete/", {"id": empty, "confirmed": "1"}).status_code == 302
    assert admin.get(f"/admin/roles/details/?id={empty}").status_code == 404


def test_the_page_of_a_role(whole: Desk) -> None:
    admin, name = whole.as_("admin"), whole.role(P.AUDIT_READ)
    person = whole.user("", name)
    assert "Read the audit log" in admin.get(f"/admin/roles/details/?id={name}").text
    assert person.username in admin.get(f"/admin/roles/details/?id={name}&tab=members").text
    assert "the-admin" in admin.get(f"/admin/roles/details/?id={name}&tab=who").text
    assert "Built-in roles stay" in admin.get("/admin/roles/details/?id=user&tab=who").text
    keeper = whole.as_("keeper").get(f"/admin/roles/details/?id={name}&tab=members").text
    assert person.username not in keeper, "who may not see users sees none"
    assert admin.get(f"/admin/roles/details/?id={name}&tab=members&cursor=x").status_code == 400


@pytest.mark.parametrize("name", ["admin", "operator", "auditor", "user"])
def test_the_form_of_a_built_in_role_says_why_there_is_none_and_offers_one_like_it(whole: Desk, name: str) -> None:
    told = whole.as_("admin").get(f"/admin/roles/edit/?id={name}")
    assert told.status_code == 403
    assert f"{name} stays as it is" in told.text
    assert f'href="/admin/roles/new/?like={name}"' in told.text
