"""The page of a user: what belongs to somebody in tabs, and what is said before it ends for good (S6, S7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from backoffice.domain.users import UserStatus
from tests.support import admin_views
from tests.support.admin_views import CountedDb, Desk
from tests.support.website import PASSWORD, SHELL

DAY_MS = 24 * 3_600_000
TABS = ["files", "uploads", "trash", "sessions", "tokens", "activity", "access", "who"]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with admin_views.desk() as made:
        yield made


def page_of(desk: Desk, user_id: str, tab: str = "", role: str = "admin") -> str:
    answer = desk.as_(role).get(f"/admin/users/details/?id={user_id}&tab={tab}")
    assert answer.status_code == 200
    return answer.text


def test_each_tab_has_what_belongs_to_the_person(desk: Desk) -> None:
    user = desk.user("", "user", password=PASSWORD)
    file, upload = desk.file(f"kept by {user.username}.txt", owner=user), desk.upload("arriving.bin", owner=user)
    trashed = desk.file(f"gone from {user.username}.txt", owner=user)
    desk.site.services.files.trash(SHELL, trashed.id)
    desk.site.services.tokens.create(SHELL, name="nightly", user_id=user.id)
    browser = desk.site.browser()
    assert browser.sign_in(user.username).status_code == 303
    wanted = {
        "files": file.name,
        "uploads": upload.name,
        "trash": trashed.name,
        "sessions": "127.0.0.1",
        "tokens": "nightly",
        "activity": "session.start",
        "access": "May do, and because of which role",
        "who": 'aria-label="Role admin"',
    }
    for tab in TABS:
        shown = page_of(desk, user.id, tab)
        assert wanted[tab] in shown, tab
        # Activity names all of them.
        others = [wanted[name] for name in TABS if name not in (tab, "sessions", "activity") and tab != "activity"]
        assert not any(text in shown.partition("<aside")[0].partition('class="tabs"')[2] for text in others), tab


def test_a_session_is_ended_from_the_page_of_the_person(desk: Desk) -> None:
    user = desk.user("", "user", password=PASSWORD)
    theirs = desk.site.browser()
    theirs.sign_in(user.username)
    (session,) = desk.site.services.sessions.of_user(SHELL, user.id)
    assert f'form="end-one" name="id" value="{session.id}"' in page_of(desk, user.id, "sessions")
    assert "end-one" not in page_of(desk, user.id, "files")
    form = {"id": session.id, "url": f"/admin/users/details/?id={user.id}&tab=sessions", "confirmed": "1"}
    answer = desk.as_("admin").post("/admin/sessions/delete/", form)
    assert answer.status_code in {302, 303}
    assert answer.headers["Location"].endswith("tab=sessions")
    assert not theirs.signed_in


def test_activity_is_by_and_about_the_person_the_newest_first(desk: Desk) -> None:
    user = desk.user("", "user", password=PASSWORD)
    assert desk.site.browser().sign_in(user.username).status_code == 303
    desk.site.services.users.disable(SHELL, user.id)
    shown = page_of(desk, user.id, "activity")
    places = [shown.index(action) for action in ("user.disable", "session.start", "user.create")]
    assert places == sorted(places)


def test_tabs_are_for_who_may_see_what_is_in_them(desk: Desk) -> None:
    user = desk.user()
    registrar = page_of(desk, user.id, role="registrar")  # users alone
    assert not any(f"tab={tab}" in registrar for tab in TABS)
    auditor = page_of(desk, user.id, "tokens", role="auditor")
    assert "tab=activity" in auditor
    assert "tab=tokens" not in auditor


@pytest.mark.parametrize("tab", ["", *TABS, "no-such-tab"])
def test_a_page_of_few_round_trips(desk: Desk, tab: str) -> None:
    user = desk.user("", "user", password=PASSWORD)
    desk.file(owner=user)
    desk.site.services.tokens.create(SHELL, name="nightly", user_id=user.id)
    page_of(desk, user.id, tab)
    before = CountedDb.trips
    page_of(desk, user.id, tab)
    # `as_` opens another page first
    between = CountedDb.trips - before
    before = CountedDb.trips
    desk.as_("admin")
    assert between - (CountedDb.trips - before) <= (5 if tab in ("activity", "who") else 3)


def test_what_disabling_ends_for_good_is_said_before_and_after(desk: Desk) -> None:
    user = desk.user("", "user", password=PASSWORD)
    for _ in range(3):
        assert desk.site.browser().sign_in(user.username).status_code == 303
    desk.site.services.tokens.create(SHELL, name="nightly", user_id=user.id)
    asked = f"Disable {user.username}? 3 sessions and 1 token end for good."
    assert asked in page_of(desk, user.id)
    admin = desk.as_("admin")
    sent = {"action": "disable", "rowid": user.id}
    assert asked in admin.post("/admin/users/action/", sent).text  # without a script
    admin.post("/admin/users/action/", {**sent, "confirmed": "1"})
    assert f"{user.username} is disabled and signed out of 3 browsers." in admin.get("/admin/users/").text
    assert desk.reread(user).status is UserStatus.DISABLED
    assert "Not signed in" in page_of(desk, user.id, "sessions")
    assert ">ended<" in page_of(desk, user.id, "tokens")


def test_who_still_has_something_is_not_asked_about_for_good(desk: Desk) -> None:
    user = desk.user()
    file = desk.file(owner=user)
    admin = desk.as_("admin")
    shown = admin.post("/admin/users/delete/", {"id": user.id}).text
    assert "1 file (5 B) first has to be handed over" in shown
    assert '<button class="btn btn-danger">Delete' not in shown
    assert f"/admin/files/?flt0_owner_is={user.id}" in shown
    desk.site.services.files.purge(SHELL, file.id)
    desk.site.services.files.collect()
    assert "for good?" in admin.post("/admin/users/delete/", {"id": user.id}).text
    admin.post("/admin/users/delete/", {"id": user.id, "confirmed": "1"})
    assert admin.get(f"/admin/users/details/?id={user.id}").status_code == 404


def test_the_form_takes_the_last_day_and_the_days_without_signing_in(desk: Desk) -> None:
    user = desk.user()
    admin = desk.as_("admin")
    form = admin.get(f"/admin/users/edit/?id={user.id}")
    sent = {"username": user.username, "roles": "user", "version": admin_views.version_in(form)}
    admin.post(
        f"/admin/users/edit/?id={user.id}", {**sent, "expires_at": "2099-01-31", "inactive_days": "30", "email": ""}
    )
    changed = desk.reread(user)
    assert (changed.expires_at, changed.inactive_days) == (4073587200000, 30)  # the first of February
    assert 'value="2099-01-31"' in admin.get(f"/admin/users/edit/?id={user.id}").text
    assert "30 days without signing in, by the user" in page_of(desk, user.id)
    wrong = admin.post(
        f"/admin/users/edit/?id={user.id}",
        {**sent, "version": str(changed.version), "expires_at": "soon", "inactive_days": "many"},
    ).text
    assert "This is not a day" in wrong
    assert "This is not a number of days" in wrong
    assert 'value="soon"' in wrong


def test_lists_show_and_filter_who_is_over_or_soon_will_be(desk: Desk) -> None:
    now = desk.site.services.users.now()
    over, soon, later = desk.user(), desk.user(), desk.user()
    for user, days in ((over, -1), (soon, 5), (later, 80)):
        desk.site.services.users.update(SHELL, user.id, expires_at=now + days * DAY_MS)
    admin = desk.as_("admin")

    def listed(value: str) -> list[bool]:
        text = admin.get(f"/admin/users/?flt0_expires_within={value}").text
        return [user.username in text for user in (over, soon, later)]

    assert [listed(value) for value in ("over", "7", "90")] == [
        [True, False, False],
        [False, True, False],
        [False, True, True],
    ]
    assert listed("6") == [False, False, False]  # does not fit: no rows
    assert ">expired<" in page_of(desk, over.id)
    assert "expires soon" in page_of(desk, soon.id)
    assert "expires soon" not in page_of(desk, later.id)


def test_other_roles_are_asked_about_with_what_comes_of_them(desk: Desk) -> None:
    user = desk.user("", "user", "auditor", password=PASSWORD)
    assert desk.site.browser().sign_in(user.username).status_code == 303
    admin, at = desk.as_("admin"), f"/admin/users/edit/?id={user.id}"
    sent = {"username": user.username, "email": "", "roles": "user", "version": str(user.version)}
    asked = admin.post(at, sent).text
    assert "1 session ends for good." in asked
    assert "without auditor" in asked
    assert "read the log" in asked
    assert "Share links</h2>" not in asked, "the other role lets share, too"
    assert desk.reread(user).roles == user.roles
    assert 'value="user" checked' in admin.post(at, {**sent, "back": "1"}).text, "what was ticked is there still"
    assert admin.post(at, {**sent, "confirmed": "1"}).status_code == 302
    assert desk.reread(user).roles == ("user",)
    version = str(desk.reread(user).version)
    assert admin.post(at, {**sent, "username": f"{user.username}x", "version": version}).status_code == 302, "no roles"
    fresh = desk.user()
    sent = {"username": fresh.username, "email": "", "roles": ["user", "auditor"], "version": "1"}
    given = admin.post(f"/admin/users/edit/?id={fresh.id}", sent)
    assert given.status_code == 302, "nothing ends and nothing is lost: done at once"


def test_beside_each_setting_stands_what_holds_and_who_says_so(desk: Desk) -> None:
    user = desk.user(quota_bytes=3 * 1024**3)
    shown = desk.as_("admin").get(f"/admin/users/edit/?id={user.id}").text
    assert "Now: 3.2 GB, from this user." in shown
    assert "Now: never, as nobody set one." in shown
    assert "Now: without limit, from the site&#39;s default." in shown


def test_who_never_signed_in_and_whose_days_run_out_are_listed_and_told(desk: Desk) -> None:
    admin, users = desk.as_("admin"), desk.site.services.users
    form = {"name": "guests", "permissions": "files:read", "inactive_days": "5", "description": ""}
    assert admin.post("/admin/roles/new/", form).status_code == 302
    assert 'value="5"' in admin.get("/admin/roles/edit/?id=guests").text
    assert "5 days, from this role" in admin.get("/admin/roles/details/?id=guests").text
    guest, other = desk.user("", "guests", password=PASSWORD), desk.user("", password=PASSWORD)

    def listed(query: str) -> list[bool]:
        text = admin.get(f"/admin/users/?{query}").text
        return [user.username in text for user in (guest, other)]

    assert listed("flt0_last_signin_within=never") == [True, True]
    assert listed("flt0_inactivity_within=7") == [True, False]
    needs = admin.get("/admin/").text
    assert 'href="/admin/users/?flt0_inactivity_within=7">1 account ends within 7 days unless' in needs
    browser = desk.site.browser()
    assert browser.sign_in(guest.username).status_code == 303
    assert listed("flt0_last_signin_within=never") == [False, True]
    assert listed("flt0_last_signin_within=30&sort=4") == [False, True]
    assert "without a sign-in for 5 days ends" in browser.get("/account").text
    users.update(SHELL, guest.id, expires_at=users.now() + 2 * DAY_MS)
    assert "Your account ends" in browser.get("/account").text
    link = r"/admin/users/\?flt0_expires_within=14&amp;flt1_status_is=active"
    told = rf'href="{link}">\d+ accounts? expires? within 14 days'  # others left some
    assert re.search(told, admin.get("/admin/").text)
    assert listed("flt0_expires_within=14") == [True, False]
    assert re.search(r"5 days<span[^>]*>, from the role</span> <code[^>]*>guests<", page_of(desk, guest.id, "access"))
