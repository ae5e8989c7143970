"""The log, the overview and the system's page in a real browser: times of the reader, walking through entries."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.ids import new_id
from tests.browser.pages import no_barriers
from tests.browser.whole_site import SHELL, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OpenPage = Callable[..., Page]


def test_entries_are_walked_beside_the_list_in_the_readers_time(site: WholeSite, open_page: OpenPage) -> None:
    page = open_page(timezone_id="Asia/Tokyo")
    site.give_session(page, site.person("admin"))
    user, _ = site.services.users.create(SHELL, username=f"w-{new_id()[:8].lower()}", roles=("user",))
    site.services.users.update(SHELL, user.id, email=f"{user.username}@example.org")
    page.goto(f"{site.url}/admin/audit/?flt2_object_is=user:{user.id}")
    entries = page.locator("[data-entry]")
    expect(entries).to_have_count(2)
    local = entries.first.locator("time").inner_text()
    page.get_by_role("button", name="UTC").click()
    assert int(local[:2]) == (int(entries.first.locator("time").inner_text()[:2]) + 9) % 24
    page.keyboard.press("j")
    panel = page.locator("[data-aside] [data-log-entry]")
    expect(panel).to_contain_text("changed e-mail address")
    expect(page).to_have_url(re.compile(r"&entry=\d+-\d+$"))
    no_barriers(page)
    page.keyboard.press("j")
    expect(panel).to_contain_text("created the user")
    page.reload()
    expect(panel).to_contain_text("created the user")
    expect(page.get_by_role("button", name="UTC")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("k")
    expect(panel.locator(".diff")).to_contain_text("@example.org")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page).not_to_have_url(re.compile("entry="))


def test_without_a_script_an_entry_is_a_page_and_times_are_utc(site: WholeSite, open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{site.url}/login")
    person = site.person("auditor")
    page.get_by_label("User name").fill(person.name)
    page.get_by_label("Password").fill("violet-harbour-93-lantern")
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{site.url}/admin/audit/")
    page.locator("[data-entry] a.log-time").first.click()
    expect(page.locator("[data-log-entry] .facts")).to_contain_text("UTC")
    expect(page.locator("[data-log-entry] pre")).to_contain_text('"action"')


def test_a_filter_with_a_long_value_is_no_wider_than_a_phone(site: WholeSite, open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 740})
    site.give_session(page, site.person("admin"))
    page.goto(f"{site.url}/admin/audit/?flt2_object_is=user:{'W' * 22}")
    expect(page.locator(".chip")).to_contain_text("WWWW")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    expect(page.locator(".chip > a")).to_be_in_viewport(ratio=1)  # what takes it away
