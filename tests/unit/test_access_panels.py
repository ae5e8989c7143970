"""The panels that say who may do what, on the pages of users and files."""

from __future__ import annotations

import re

from backoffice.domain.permissions import Permissions
from tests.support.admin_views import Desk
from tests.support.website import SHELL

P = Permissions


def test_what_a_user_may_do_and_because_of_which_role(whole: Desk) -> None:
    user = whole.user("", "user", "auditor")
    text = whole.as_("auditor").get(f"/admin/users/details/?id={user.id}&tab=access").text
    row = re.search(r"see a file \(of others\).*?</tr>", text, re.DOTALL)
    assert row is not None
    assert ">auditor<" in row[0]
    assert ">user<" not in row[0]
    assert "no role of" in text, "what they may not do, and why"
    assert "from the site&#39;s default" in text
    assert "BACKOFFICE_QUOTA_BYTES" in text


def test_the_quota_says_that_it_is_the_users_own(whole: Desk) -> None:
    user = whole.user("", "user", quota_bytes=3 * 1024**3)
    text = whole.as_("admin").get(f"/admin/users/details/?id={user.id}&tab=access").text
    assert re.search(r"3.2 GB<span[^>]*>, from this user<", text)


def test_a_disabled_user_may_not_do_it_now(whole: Desk) -> None:
    user = whole.user("", "user", password="violet-harbour-93")
    whole.site.services.users.disable(SHELL, user.id)
    assert "may not do any of this now" in whole.as_("admin").get(f"/admin/users/details/?id={user.id}&tab=access").text


def test_who_reaches_a_file(whole: Desk) -> None:
    whole.as_("operator")
    owner = whole.user()
    file = whole.file(owner=owner)
    text = whole.as_("admin").get(f"/admin/files/details/?id={file.id}&tab=who").text
    assert owner.username in text
    assert "the-operator" in text
    only = whole.as_("admin").get(f"/admin/files/details/?id={file.id}&tab=who&through=operator").text
    assert "the-admin</bdi></a></li>" not in only
    assert "the-operator" in only


def test_who_may_not_see_users_has_no_such_tab(whole: Desk) -> None:
    file = whole.file()
    text = whole.as_("librarian").get(f"/admin/files/details/?id={file.id}&tab=who").text
    assert "tab=who" not in text
    user = whole.user()
    assert (
        "because of which role" not in whole.as_("registrar").get(f"/admin/users/details/?id={user.id}&tab=access").text
    )


def test_what_if_a_role_were_taken(whole: Desk) -> None:
    user = whole.user("", "user", "auditor")
    shown = whole.as_("admin").get(f"/admin/users/details/?id={user.id}&tab=access&without=auditor").text
    asked = shown.partition("What if a role were taken?")[2].partition("</section>")[0]
    assert "loses" in asked
    assert "read the log" in asked
    assert "rename a file" not in asked, "role user grants that still"
    admin = whole.id_of("admin")
    last = whole.as_("admin").get(f"/admin/users/details/?id={admin}&tab=access&without=admin").text
    assert "the last active administrator" in last
    other = whole.as_("admin").get(f"/admin/users/details/?id={user.id}&tab=access&without=operator").text
    assert "loses" not in other, "they do not have that one"


def test_who_can_act_on_an_account(whole: Desk) -> None:
    user = whole.user()
    shown = whole.as_("admin").get(f"/admin/users/details/?id={user.id}&tab=who").text
    assert "/admin/roles/details/?id=admin" in shown
    assert "the-admin" in shown
    alone = whole.as_("admin").get(f"/admin/users/details/?id={whole.id_of('admin')}&tab=who").text
    assert "Nobody else has this role." in alone


def test_of_what_is_in_the_trash_as_well(whole: Desk) -> None:
    file = whole.trashed()
    assert "the-admin" in whole.as_("admin").get(f"/admin/trash/details/?id={file.id}").text
