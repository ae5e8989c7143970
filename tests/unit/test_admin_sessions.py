"""Everybody's sessions and tokens, in the admin site (S7): readable, filtered, and ended for the next request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import admin_views
from tests.support.admin_views import Desk
from tests.support.website import SHELL, Browser

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with admin_views.desk() as made:
        yield made


def somebody(desk: Desk, *roles: str) -> tuple[Browser, str]:
    """A browser of a new user of these roles, and the user's id."""
    user = desk.user("", *roles, password="violet-harbour-93-lantern")
    browser = desk.site.browser()
    browser.get("/login")
    sent = {"username": user.username, "password": "violet-harbour-93-lantern"}
    assert browser.post("/login", sent, headers={"User-Agent": CHROME}).status_code == 303
    return browser, user.id


def session_of(desk: Desk, user_id: str) -> str:
    [session] = desk.site.services.sessions.of_user(SHELL, user_id)
    return session.id


def test_s7_sessions_are_listed_by_device_person_and_address(desk: Desk) -> None:
    _, user_id = somebody(desk)
    page = desk.as_("operator").get(f"/admin/sessions/?flt0_person_is={user_id}").text
    assert "Chrome on Linux" in page
    assert page.count(CHROME) == 1  # on hover
    assert "127.0.0.1" in page
    shown = desk.as_("operator").get("/admin/sessions/?flt1_address_is=192.0.2.99").text
    assert "Chrome on Linux" not in shown
    wrong = desk.as_("operator").get("/admin/sessions/?flt1_address_is=nowhere").text
    assert "does not fit" in wrong
    assert "Chrome on Linux" not in wrong


def test_s7_a_session_ended_there_lets_nobody_in_with_the_next_request(desk: Desk) -> None:
    browser, user_id = somebody(desk)
    assert browser.signed_in
    desk.as_("operator").post(
        "/admin/sessions/action/", {"action": "delete", "rowid": session_of(desk, user_id), "confirmed": "1"}
    )
    assert not browser.signed_in


def test_a_lower_rank_ends_no_session_and_no_token_of_a_higher_one(desk: Desk) -> None:
    browser, user_id = somebody(desk, "admin")
    sent = {"id": session_of(desk, user_id), "confirmed": "1"}
    assert desk.as_("operator").post("/admin/sessions/delete/", sent).status_code == 403
    assert browser.signed_in
    token, _ = desk.site.services.tokens.create(SHELL, name="keep me", user_id=user_id)
    assert desk.as_("operator").post("/admin/tokens/delete/", {"id": token.id, "confirmed": "1"}).status_code == 403
    assert desk.site.services.tokens.get(SHELL, token.id) == token


def test_tokens_are_listed_and_revoked(desk: Desk) -> None:
    user = desk.user("", "user", password="violet-harbour-93-lantern")
    token, _ = desk.site.services.tokens.create(SHELL, name="nightly copy", user_id=user.id)
    page = desk.as_("operator").get(f"/admin/tokens/?flt0_person_is={user.id}").text
    assert "nightly copy" in page
    assert user.username in page
    desk.site.services.users.disable(SHELL, user.id)
    desk.site.services.users.enable(SHELL, user.id)
    assert ">ended<" in desk.as_("operator").get(f"/admin/tokens/?flt0_person_is={user.id}").text
    desk.as_("operator").post("/admin/tokens/delete/", {"id": token.id, "confirmed": "1"})
    assert "nightly copy" not in desk.as_("operator").get(f"/admin/tokens/?flt0_person_is={user.id}").text


@pytest.mark.parametrize("section", ["sessions", "tokens"])
def test_who_may_not_see_them_is_refused(desk: Desk, section: str) -> None:
    for role in ("user", "auditor"):
        assert desk.as_(role).get(f"/admin/{section}/").status_code == 403


def test_whom_failures_keep_waiting_can_be_taken_along_as_a_file(desk: Desk) -> None:
    user = desk.user("", password="violet-harbour-93-lantern")
    stranger = desk.site.browser()
    stranger.get("/login")
    for _ in range(12):
        stranger.post("/login", {"username": user.username, "password": "not-this-one-at-all"})
    lines = desk.as_("operator").get("/admin/blocked/export/csv/").text.splitlines()
    assert lines[0] == "Kind,Address or name,User name,Failures,Until,Forgotten"
    [named] = [line.split(",") for line in lines if user.username in line]
    assert (named[0], int(named[3]) >= 6, named[4][:2], named[4][-1]) == ("name", True, "20", "Z")
    assert '"kind": "name"' in desk.as_("operator").get("/admin/blocked/export/jsonl/").text
