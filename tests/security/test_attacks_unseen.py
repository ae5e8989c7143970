"""Attacks that nobody saw: they were refused, or took something along, and the log had no entry of it."""

from __future__ import annotations

import pytest

from tests.support.website import PASSWORD, SHELL, Browser, Site

PAGES_OF_PEOPLE = ("/account/password", "/account/tokens", "/account/tokens/revoke", "/account/sessions/end")


def reasons(site: Site, action: str) -> list[object]:
    """Why something was refused, of all entries with this action, the newest first."""
    found = site.services.audit.page(SHELL, filters=(("action", action),)).items
    assert {entry.event["outcome"] for entry in found} <= {"denied"}
    return [entry.event["data"]["because"] for entry in found]


def test_attack_12_guessing_the_password_of_a_stolen_session_is_seen(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.get("/account")
    wanted = {"password": "violet-harbour-94", "repeat": "violet-harbour-94"}
    for number, guess in enumerate(("first guess", "second guess"), 1):
        assert browser.post("/account/password", {"current": guess, **wanted}).status_code == 400
        assert reasons(site, "session.refuse") == ["wrong password"] * number


@pytest.mark.parametrize("path", PAGES_OF_PEOPLE)
def test_attack_12_a_token_that_tries_what_takes_a_person_is_seen(site: Site, path: str) -> None:
    site.add_user("ann")
    bearer = {"Authorization": f"Bearer {site.token('ann')}"}
    form = {
        "current": PASSWORD,
        "password": "violet-harbour-94",
        "repeat": "violet-harbour-94",
        "name": "t",
        "days": "1",
    }
    assert site.app.test_client().post(path, data=form, headers=bearer).status_code == 401
    assert reasons(site, "access.deny") == ["a token where a person is needed"]


def test_attack_12_a_form_from_elsewhere_is_seen(site: Site) -> None:
    browser = site.signed_in("ann")
    browser.token = "made up"
    assert browser.post("/account/sessions/end", headers={"Origin": "http://elsewhere.example"}).status_code == 403
    assert len(reasons(site, "access.deny")) == 1
    stranger: Browser = site.browser()
    assert stranger.post("/login", {"username": "ann", "password": "x"}).status_code == 403
    assert len(reasons(site, "session.refuse")) == 1


@pytest.mark.parametrize("credential", ["Basic YTpi", f"Bearer bo_{'A' * 22}_{'s' * 43}", "Bearer", "Bearer \u00e9"])
def test_attack_12_a_credential_that_is_none_is_seen(site: Site, credential: str) -> None:
    answer = site.app.test_client().get("/account", headers={"Authorization": credential})
    assert answer.status_code == 401
    assert len(reasons(site, "token.refuse")) == 1
