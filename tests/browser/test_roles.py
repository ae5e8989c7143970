"""The matrix of roles in a real browser: a change with its question, a conflict, a phone, the keyboard, no script."""

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


def make_role(site: WholeSite, *permissions: str, like: str = "") -> str:
    name = f"r{new_id()[:8].lower()}"
    site.services.roles.create(SHELL, name=name, permissions=permissions or ("files:read",), copied_from=like)
    return name


def granted(site: WholeSite, name: str) -> set[str]:
    return set(site.services.roles.get(SHELL, name).permissions)


@pytest.fixture
def admin(site: WholeSite, page: Page) -> Page:
    site.give_session(page, site.person("admin"))
    return page


def test_a_change_is_asked_about_saved_and_without_barriers(site: WholeSite, admin: Page) -> None:
    page = admin
    name = make_role(site, "files:read", "users:read", like="auditor")
    person = site.person(name)
    page.goto(f"{site.url}/admin/roles/")
    box = page.get_by_role("checkbox", name=f"Create, change and delete roles for {name}")
    box.check()
    # With the keyboard alone.
    page.get_by_role("checkbox", name=re.compile(f"^See users for {name}")).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Change {name}?")
    expect(page.get_by_role("link", name=person.name)).to_be_visible()
    expect(page.get_by_text("see users, and what they use")).to_be_visible()
    no_barriers(page, "light", "dark")
    assert granted(site, name) == {"files:read", "users:read"}
    page.get_by_role("button", name="Save these changes").click()
    expect(page.locator("[data-toasts]")).to_contain_text(f"{name} was changed")
    expect(box).to_be_checked()
    assert granted(site, name) == {"files:read", "roles:write"}
    page.goto(f"{site.url}/admin/roles/details/?id={name}&tab=members")
    expect(page.get_by_role("link", name=person.name)).to_be_visible()


def test_a_conflict_keeps_what_was_ticked(site: WholeSite, admin: Page) -> None:
    name = make_role(site)
    admin.goto(f"{site.url}/admin/roles/")
    admin.get_by_role("checkbox", name=f"See users for {name}").check()
    site.services.roles.update(SHELL, name, permissions=["audit:read"])
    admin.get_by_role("button", name="Review changes").click()
    expect(admin.get_by_role("alert")).to_contain_text(f"Somebody else changed {name}")
    expect(admin.get_by_role("checkbox", name=f"See users for {name}, not saved yet")).to_be_checked()
    assert granted(site, name) == {"audit:read"}
    admin.get_by_role("button", name="Review changes").click()
    admin.get_by_role("button", name="Save these changes").click()
    expect(admin.locator("[data-toasts]")).to_contain_text(f"{name} was changed")
    assert granted(site, name) == {"files:read", "users:read"}


@pytest.mark.parametrize("script", [True, False])
def test_a_phone_shows_one_role_at_a_time_and_keeps_the_ticks(
    site: WholeSite, open_page: OpenPage, script: bool
) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, java_script_enabled=script)
    site.give_session(page, site.person("admin"))
    first, second = make_role(site), make_role(site)
    page.goto(f"{site.url}/admin/roles/")
    for name, other in ((first, second), (second, first)):
        page.get_by_role("button", name=name, exact=True).click()
        box = page.get_by_role("checkbox", name=f"See users for {name}")
        expect(box).to_be_visible()
        expect(page.locator(f"input[name=rights-{other}]:visible")).to_have_count(0)
        box.check()
    if script:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        no_barriers(page)
    page.get_by_role("button", name="Review changes").click()
    page.get_by_role("button", name="Save these changes").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Roles")
    assert granted(site, first) == granted(site, second) == {"files:read", "users:read"}


def test_deleting_a_role_says_who_has_it(site: WholeSite, admin: Page) -> None:
    name = make_role(site, "audit:read")
    person = site.person(name)
    admin.goto(f"{site.url}/admin/roles/details/?id={name}")
    admin.get_by_role("button", name="Delete").click()
    expect(admin.get_by_role("heading", level=1)).to_have_text(f"Delete {name}?")
    expect(admin.get_by_role("link", name=person.name)).to_be_visible()
    no_barriers(admin)
    site.services.users.update(SHELL, person.id, roles=["user"])
    admin.goto(f"{site.url}/admin/roles/details/?id={name}")
    admin.get_by_role("button", name="Delete").click()
    admin.get_by_role("button", name="Delete", exact=True).click()
    expect(admin.locator("[data-toasts]")).to_contain_text("was deleted")
