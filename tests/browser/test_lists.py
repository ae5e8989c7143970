"""Lists of the admin site in a real browser: filters, saved views, selecting and the keyboard, the palette; and all but
the keys without a script."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.ids import new_id
from tests.browser.pages import no_barriers
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OpenPage = Callable[..., Page]


@pytest.fixture
def owner(site: WholeSite) -> Person:
    """Somebody with three files."""
    person = site.person()
    for name, size in (("orbit.png", 1500), ("Résumé — Zoë.pdf", 20), ("notes.txt", 500)):
        site.store(person, name, b"x" * size)
    return person


def chosen(site: WholeSite, page: Page, owner: Person) -> str:
    """The files of that person, by the filter menu; the address."""
    page.goto(f"{site.url}/admin/files/")
    page.locator("summary", has_text="Filter").click()
    page.locator(".filter-field summary", has_text="Owner").click()
    page.locator("[data-person]").fill(owner.name)
    page.get_by_role("option", name=owner.name).click()
    expect(page.locator(".chips")).to_contain_text(owner.name)
    expect(page.locator("tbody tr")).to_have_count(3)
    return page.url


def test_filtering_without_barriers(site: WholeSite, open_page: OpenPage, owner: Person) -> None:
    page = open_page(viewport={"width": 360, "height": 800}, timezone_id="Asia/Tokyo")
    site.give_session(page, site.person("operator"))
    address = chosen(site, page, owner)
    page.locator("summary", has_text="Filter").click()
    page.locator(".filter-field summary", has_text="Created").click()
    expect(page.locator("[data-zone-words]")).to_have_text("Days are those of Asia/Tokyo.")
    no_barriers(page, "light", "dark")
    page.get_by_role("link", name="Today", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert "tz=Asia/Tokyo" in page.url
    page.goto(address)
    page.keyboard.press("Control+k")
    page.keyboard.type("orbit.png")
    expect(page.get_by_role("option", name="orbit.png").first).to_be_visible()
    no_barriers(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Find")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_list_by_the_keyboard_alone(site: WholeSite, page: Page, owner: Person) -> None:
    site.give_session(page, site.person("operator"))
    chosen(site, page, owner)
    for key in ("j", "x", "j", "x", "k", "j"):
        page.keyboard.press(key)
    expect(page.locator("[data-count]")).to_have_text(re.compile("2 selected · [0-9.]+ k?B"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("[data-bulk]")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(re.compile("orbit.png|Résumé|notes"))


def test_an_act_by_the_palette(site: WholeSite, page: Page, owner: Person) -> None:
    site.give_session(page, site.person("admin"))
    page.goto(f"{site.url}/admin/")
    page.keyboard.press("Control+k")
    page.keyboard.type(f"disable {owner.name}")
    expect(page.get_by_role("option", name=f"Disable {owner.name}")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".names")).to_have_text(owner.name)
    page.get_by_role("button", name="Disable").click()
    expect(page.locator(".toast")).to_contain_text("disabled")


def test_views_columns_and_export_without_a_script(site: WholeSite, open_page: OpenPage, owner: Person) -> None:
    page, name = open_page(java_script_enabled=False), f"v-{new_id()[:6]}"
    site.give_session(page, site.person("operator"))
    page.goto(f"{site.url}/admin/files/")
    page.locator("summary", has_text="Filter").click()
    page.locator(".filter-field summary", has_text="Owner").click()
    page.locator("[data-person]").fill(owner.name)
    page.locator(".filter-field[open]").get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("summary", has_text="Save view").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    page.locator("summary[title='Columns and density']").click()
    page.get_by_label("Owner", exact=True).last.uncheck()
    page.get_by_label("Low rows").check()
    page.locator("form[action$='/look']").get_by_role("button", name="Apply").click()
    expect(page.locator(".list.compact thead")).not_to_contain_text("Owner")
    expect(page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON Lines").click()
    assert len(download.value.path().read_text("utf-8").splitlines()) == 3
    page.get_by_role("button", name="Delete view").click()
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    page.goto(f"{site.url}/admin/find/?q=orbit.png")
    expect(page.locator(".found").get_by_role("link", name="orbit.png").first).to_be_visible()
