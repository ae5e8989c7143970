"""The operators' site without a script: filtering, ordering, paging, selecting, an act with its question, a form that
keeps what was typed. Views, columns and exports: `test_lists.py`; roles: `test_roles.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.ids import new_id
from tests.browser.whole_site import SHELL, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_day_without_a_script(site: WholeSite, open_page: Callable[..., Page]) -> None:
    page, mark = open_page(java_script_enabled=False), new_id()[:8].lower()
    for number in range(21):
        site.services.users.create(
            SHELL, username=f"{mark}-{number:02}", roles=("auditor",) if number < 2 else ("user",)
        )
    site.give_session(page, site.person("admin"))
    page.goto(f"{site.url}/admin/users/?page_size=20")
    rows, firsts = page.locator(".list tbody tr[role=row]"), page.locator(".list tbody th")

    page.get_by_role("searchbox").fill(mark)
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name="User name").click()
    expect(firsts.first).to_have_text(f"{mark}-00")
    page.get_by_role("link", name="Next page").click()
    expect(rows).to_have_count(1)
    expect(firsts).to_have_text([f"{mark}-20"])

    page.locator("summary", has_text="Filter").click()
    page.locator(".filter-field summary", has_text="Role").click()
    field = page.locator(".filter-field[open]")
    field.get_by_role("combobox").select_option("auditor")
    field.get_by_role("button", name="Apply").click()
    expect(firsts).to_have_text([f"{mark}-00", f"{mark}-01"])

    for number in range(2):
        rows.nth(number).get_by_role("checkbox").check()
    page.get_by_role("button", name="Disable").first.click()
    expect(page.locator(".names")).to_contain_text(f"{mark}-01")
    page.get_by_role("button", name="Disable").click()
    expect(page.locator(".toast, .flash").first).to_contain_text("disabled")
    expect(rows.filter(has_text="disabled")).to_have_count(2)

    keeps_what_was_typed(site, page, mark)


def keeps_what_was_typed(site: WholeSite, page: Page, mark: str) -> None:
    page.goto(f"{site.url}/admin/users/new/")
    page.get_by_label("User name").fill(f"{mark}-new")
    page.get_by_label("E-mail").fill("no address")
    page.get_by_label("Quota").fill("much")
    page.get_by_role("button", name="Create user").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value(f"{mark}-new")
    expect(page.get_by_label("E-mail")).to_have_value("no address")
    expect(page.get_by_label("Quota")).to_have_value("much")
    expect(page.get_by_label("Quota")).to_have_attribute("aria-invalid", "true")
