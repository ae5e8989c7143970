"""The panels that say who may do what, on the pages of users and files."""

from __future__ import annotations

import re

import pytest

from backoffice.domain.permissions import Permissions
from backoffice.web.admin import access_panel
from backoffice.web.admin.files import FileView
from backoffice.web.admin.users import UserView
from tests.support.admin_views import Desk
from tests.support.website import SHELL

P = Permissions


@pytest.fixture(autouse=True)
def panels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserView, "panels", lambda _, record: access_panel.user_access_panel(record))
    monkeypatch.setattr(FileView, "panels", lambda _, record: access_panel.who_can_panel(record))


def test_what_a_user_may_do_and_because_of_which_role(whole: Desk) -> None:
    user = whole.user("", "user", "auditor")
    text = whole.as_("auditor").get(f"/admin/users/details/?id={user.id}").text
    row = re.search(r"see a file \(of others\).*?</tr>", text, re.DOTALL)
    assert row is not None
    assert ">auditor<" in row[0]
    assert ">user<" not in row[0]
    assert "no role of" in text, "what they may not do, and why"
    assert "from the site&#39;s default" in text
    assert "BACKOFFICE_QUOTA_BYTES" in text


def test_the_quota_says_that_it_is_the_users_own(whole: Desk) -> None:
    user = whole.user("", "user", quota_bytes=3 * 1024**3)
    text = whole.as_("admin").get(f"/admin/users/details/?id={user.id}").text
    assert re.search(r"3 GiB<span[^>]*>, from this user<", text)


def test_a_disabled_user_may_not_do_it_now(whole: Desk) -> None:
    user = whole.user("", "user", password="violet-harbour-93")
    whole.site.services.users.disable(SHELL, user.id)
    assert "may not do any of this now" in whole.as_("admin").get(f"/admin/users/details/?id={user.id}").text


def test_who_reaches_a_file(whole: Desk) -> None:
    whole.as_("operator")
    owner = whole.user()
    file = whole.file(owner=owner)
    text = whole.as_("admin").get(f"/admin/files/details/?id={file.id}").text
    assert owner.username in text
    assert "the-operator" in text
    only = whole.as_("admin").get(f"/admin/files/details/?id={file.id}&through=operator").text
    assert "the-admin</bdi></a></li>" not in only
    assert "the-operator" in only


def test_who_may_not_see_users_has_no_such_tab(whole: Desk) -> None:
    file = whole.file()
    text = whole.as_("librarian").get(f"/admin/files/details/?id={file.id}").text
    assert "Who can reach this" not in text
    user = whole.user()
    assert "because of which role" not in whole.as_("registrar").get(f"/admin/users/details/?id={user.id}").text
