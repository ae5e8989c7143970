"""Where people land, what they are asked the password for, and what a new token may do (Z8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support import admin_views
from tests.support.admin_views import Desk
from tests.support.website import PASSWORD, SHELL, Browser

ONLY = {
    "files:read": "/",
    "files:delete": "/",
    "files.all:write": "/",
    "users:write": "/",
    "users:read": "/admin/users/",
    "roles:read": "/admin/roles/",
    "sessions:all": "/admin/sessions/",
    "tokens:all": "/admin/tokens/",
    "tokens:own": "/",
    "views:write": "/",
    "jobs:write": "/admin/jobs/",
    "jobs:read": "/admin/jobs/",
    "audit:read": "/admin/audit/",
    "audit:export": "/",
    "system:read": "/admin/system/",
}
"""Where a single right leads."""


def role_of(role: str) -> str:
    """The role's name; `only:jobs:write` is one with this right."""
    return re.sub(r"[:.]", "-", role)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with admin_views.desk() as made:
        made.site.services.roles.create(SHELL, name="helpdesk", permissions=["users:read", "sessions:all"])
        for right in ONLY:
            made.site.services.roles.create(SHELL, name=role_of(f"only:{right}"), permissions=[right])
        yield made


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("admin", "/admin/"),
        ("operator", "/admin/"),
        ("auditor", "/admin/audit/"),
        ("helpdesk", "/admin/users/"),
        ("witness", "/admin/audit/"),
        ("librarian", "/admin/files/"),
        ("user", "/"),
        *((f"only:{right}", address) for right, address in ONLY.items()),
    ],
)
def test_people_land_where_their_first_right_leads(desk: Desk, role: str, address: str) -> None:
    user, browser = desk.user("", role_of(role), password=PASSWORD), desk.site.browser()
    answer = browser.sign_in(user.username)
    assert answer.headers["Location"] == address
    assert browser.get(address).status_code == 200


def test_who_came_for_a_page_gets_that_page(desk: Desk) -> None:
    user = desk.user("", "operator", password=PASSWORD)
    answer = desk.site.browser().sign_in(user.username, next="/account")
    assert answer.headers["Location"] == "/account"


def test_the_page_says_what_the_password_is_needed_for(desk: Desk) -> None:
    browser = desk.as_("operator")
    page = browser.get("/login?confirm=1&act=user.disable&next=/admin/users/").text
    assert "Confirm it is you" in page
    assert "to disable" in page
    again = browser.post("/login", {"username": "the-operator", "password": "wrong one", "confirm": "1"}).text
    assert "Confirm it is you" in again
    for made_up in ("nonsense", "<b>"):
        assert "Confirm it is you" in browser.get(f"/login?confirm=1&act={made_up}").text
    assert "Confirm it is you" not in desk.site.browser().get("/login?confirm=1").text


# -- tokens


def new_token(browser: Browser, **sent: object) -> str:
    answer = browser.post("/account/tokens", {"name": "t", "days": "30", **sent})
    return "" if answer.status_code == 400 else answer.text


@pytest.mark.parametrize(
    ("sent", "scopes"),
    [
        ({"preset": "upload"}, {"files:write"}),
        ({"preset": "read"}, {"files:read"}),
        ({"preset": "all"}, None),
        ({"preset": "custom", "scope": ["files:read", "files:delete"]}, {"files:read", "files:delete"}),
        ({"preset": "upload", "scope": ["files:delete"]}, {"files:write"}),
    ],
)
def test_a_token_may_what_was_chosen(desk: Desk, sent: dict[str, object], scopes: set[str] | None) -> None:
    user, browser = desk.user("", "user", password=PASSWORD), desk.site.browser()
    browser.sign_in(user.username)
    browser.get("/account")
    assert "bo_" in new_token(browser, **sent)
    [token] = desk.site.services.tokens.of_user(SHELL, user.id)
    assert token.scopes == scopes


@pytest.mark.parametrize("sent", [{}, {"preset": "custom"}, {"preset": "everything"}, {"preset": "all", "days": ""}])
def test_nothing_chosen_is_no_token(desk: Desk, sent: dict[str, object]) -> None:
    user, browser = desk.user("", "user", password=PASSWORD), desk.site.browser()
    browser.sign_in(user.username)
    browser.get("/account")
    answer = browser.post("/account/tokens", {"name": "t", "days": "30", **sent})
    assert answer.status_code == 400
    assert "Choose" in answer.text or "Tick" in answer.text
    assert desk.site.services.tokens.of_user(SHELL, user.id) == []


def test_what_was_sent_stays_in_the_form(desk: Desk) -> None:
    user, browser = desk.user("", "user", password=PASSWORD), desk.site.browser()
    browser.sign_in(user.username)
    browser.get("/account")
    page = browser.post("/account/tokens", {"name": "", "preset": "custom", "scope": "files:read", "days": "30"}).text
    assert 'value="custom" id="preset-custom" required checked' in page
    assert 'value="files:read" id="scope-files:read" checked' in page
