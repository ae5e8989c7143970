"""A browser that an administrator left open: whoever sits down there does nothing to accounts without the password."""

from __future__ import annotations

import re

import pytest
from redis import Redis

from backoffice.domain.times import now_ms
from tests.support.website import SHELL, Browser, Site, make_whole_site

LATER = 11 * 60_000
"""Milliseconds after which a password is no longer one that was just given."""


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


def sit_down(site: Site, *roles: str) -> Browser:
    browser = site.signed_in("rosa", *roles)
    browser.get("/account")
    return browser


def leave(site: Site, milliseconds: int = LATER) -> None:
    """So much later. The views and the services have the same object, which is frozen."""
    object.__setattr__(site.services.users, "now", lambda: now_ms() + milliseconds)


def version_in(page: str) -> str:
    [found] = re.findall(r'name="version"[^>]* value="(\d+)"', page)
    return str(found)


ASKED = "/login?confirm=1"


@pytest.mark.parametrize("act", ["invite", "disable", "enable", "delete"])
def test_attack_24_a_browser_left_open_touches_no_account(site: Site, act: str) -> None:
    victim = site.add_user("ann")
    browser = sit_down(site, "admin")
    leave(site)
    sent = {"action": act, "rowid": victim, "confirmed": "1"}
    answer = browser.post("/admin/users/action/", sent)
    assert answer.status_code in {302, 303}
    assert answer.location.startswith(ASKED)
    assert site.services.users.get(SHELL, victim).active
    leave(site, 0)
    assert not (browser.post("/admin/users/action/", sent).location or "").startswith(ASKED), "it was asked for nothing"


def test_attack_24_nor_a_name_or_an_address(site: Site) -> None:
    victim = site.add_user("ann")
    browser = sit_down(site, "admin")
    form = {"username": "eve", "email": "eve@example.org", "roles": "user", "quota_bytes": ""}
    page = f"/admin/users/edit/?id={victim}"
    form["version"] = version_in(browser.get(page).text)
    leave(site)
    for left_out in ("email", "username"):
        changed = form | {left_out: "ann" if left_out == "username" else ""}
        answer = browser.post(page, changed)
        assert answer.status_code == 200
        assert ASKED in answer.text
        user = site.services.users.get(SHELL, victim)
        assert (user.username, user.email) == ("ann", "")
    leave(site, 0)
    browser.post(page, form)
    assert site.services.users.get(SHELL, victim).username == "eve"


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_attack_24_nobody_makes_a_way_in_for_an_equal(site: Site, role: str) -> None:
    equal = site.add_user("ann", role)
    browser = site.signed_in("rosa", role)
    browser.get("/account")
    answer = browser.post("/admin/users/action/", {"action": "invite", "rowid": equal, "confirmed": "1"})
    assert answer.status_code == 403
    assert "/setup/" not in answer.text
