"""A file is shared by a link in a real browser, and downloaded by a stranger; without a script as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.looked_at import WATCHED, faults
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def share(page: Page, name: str) -> str:
    """Make a link for one download; its address."""
    page.get_by_role("row", name=name).hover()
    page.get_by_role("link", name=f"Share {name}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Share “{name}”")
    page.get_by_label("Number of downloads").fill("1")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("The link is ready")
    expect(page.get_by_role("img", name="QR code of the link")).to_be_visible()
    return page.get_by_label("Link", exact=True).input_value()


def test_share_download_and_revoke(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("404")
    file = site.store(person, "plan.txt")
    mine, stranger = open_page(permissions=["clipboard-read", "clipboard-write"]), open_page()
    for one in (mine, stranger):
        one.add_init_script(WATCHED)
    site.let_in(mine, person)
    address = share(mine, file.name)
    mine.get_by_role("button", name="Copy").click()
    expect(mine.get_by_role("button", name="Copied")).to_be_visible()
    assert mine.evaluate("navigator.clipboard.readText()") == address

    stranger.goto(address)
    with stranger.expect_download() as begun:
        stranger.get_by_role("button", name="Download").click()
    assert begun.value.suggested_filename == file.name
    assert Path(begun.value.path()).stat().st_size == file.size
    stranger.goto(address)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("This link is not open (any more)")
    assert not faults(mine)

    plain = open_page(java_script_enabled=False)
    site.give_session(plain, person)
    plain.goto(site.url)
    second = share(plain, file.name)
    plain.get_by_role("link", name="Shared by me").first.click()
    expect(plain.get_by_role("row").filter(has_text="1 of 1")).to_contain_text("used up")
    plain.get_by_role("row").filter(has_text="0 of 1").get_by_role("link", name="Revoke").click()
    plain.get_by_role("button", name="Revoke").click()
    expect(plain.get_by_role("row")).to_have_count(2)
    stranger.goto(second)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("This link is not open (any more)")
    mine.goto(f"{site.url}/shared")
    assert not faults(mine)
