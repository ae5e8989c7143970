"""Every page of the operators' site in a real browser, with names that are made to hurt in all of its records.

Of each page all is looked at in one visit: what axe calls serious, in light, in dark and on a phone; contrast of icons,
fields and the current item; headings; width; the policy, the console, and scripts that are none.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from backoffice.domain.ids import new_id
from tests.browser.looked_at import WATCHED, WIDE, faults
from tests.browser.whole_site import Person, WholeSite
from tests.support.furnished import Furnished, furnish, pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PARTS = (
    ("users",),
    ("roles", "sessions", "tokens", "blocked", "jobs"),
    ("files", "trash", "uploads", "links", "shares"),
    ("admin", "audit", "find", "pages", "system"),
)
"""The endpoints by the first part of their names, so that several processes share them."""
MAIN = (
    *("admin.index", "users.index_view", "users.details_view", "users.edit_view", "roles.index_view"),
    *("files.index_view", "audit.index_view", "pages.upload"),
)


@pytest.fixture(scope="module")
def boss(site: WholeSite) -> Person:
    return site.person("admin")


@pytest.fixture(scope="module")
def here(site: WholeSite, boss: Person) -> Furnished:
    return furnish(site.services, site.actor(boss), new_id()[:8].lower())


@pytest.mark.parametrize("part", PARTS, ids="-".join)
def test_nothing_is_wrong_with_any_page(
    site: WholeSite, page: Page, boss: Person, here: Furnished, part: tuple[str, ...]
) -> None:
    page.set_viewport_size(WIDE)
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(WATCHED)
    site.give_session(page, boss)
    found: dict[str, list[str]] = {}
    for endpoint, addresses in pages(here).items():
        for address in addresses if endpoint.partition(".")[0] in part else ():
            answer = page.goto(site.url + address)
            status = [] if answer is not None and answer.status == 200 else [f"status {answer and answer.status}"]
            found[address] = status + faults(page)
    assert {address: said for address, said in found.items() if said} == {}


def test_forced_colours_hide_nothing(
    site: WholeSite, open_page: Callable[..., Page], boss: Person, here: Furnished
) -> None:
    """Where the system chooses the colours there are no backgrounds: what only they told is told by a line."""
    page = open_page(forced_colors="active", reduced_motion="reduce", viewport=WIDE)
    page.add_init_script(WATCHED)
    site.give_session(page, boss)
    known, found = pages(here), dict[str, list[str]]()
    for endpoint in MAIN:
        address = known[endpoint][0]
        page.goto(site.url + address)
        page.keyboard.press("Tab")
        found[address] = page.evaluate("() => [...lookedAt.contrast(), ...lookedAt.forced()]")
    assert {address: said for address, said in found.items() if said} == {}


def test_all_parts_are_looked_at(here: Furnished) -> None:
    assert {one.partition(".")[0] for one in pages(here)} == {name for part in PARTS for name in part}
