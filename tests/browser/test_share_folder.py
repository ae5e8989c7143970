"""A folder and a text that are shared by links, as their owner and strangers see them; without a script as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.paging import Query
from tests.browser.conftest import Watch
from tests.browser.looked_at import WATCHED, faults
from tests.browser.pages import message
from tests.browser.whole_site import PASSWORD, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
TEXT = "first line\n\t<b>second</b> & last\n"


def plans(site: WholeSite, person: Person) -> str:
    """A folder `plans` with a file and a folder with a text; its identifier."""
    who, folders = site.actor(person), site.services.folders
    top = folders.create(who, name="plans")
    inner = folders.create(who, name="drafts and everything else that is not finished", parent=top.id)
    site.store(person, "budget.bin", b"x" * 1000, folder=top.id)
    site.store(
        person, "a name that is too long for any phone there is, but a good name all the same.txt", folder=top.id
    )
    site.store(person, "draft.txt", TEXT.encode(), folder=inner.id)
    return top.id


def made(page: Page) -> str:
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("The link is ready")
    return page.get_by_label("Link", exact=True).input_value()


def enter(stranger: Page, address: str) -> None:
    """By the password, the second time it is right."""
    stranger.goto(address)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("A folder is shared with you")
    assert not faults(stranger)
    stranger.goto(address)
    for password in ("wrong", PASSWORD):
        stranger.get_by_label("Password").fill(password)
        stranger.get_by_role("button", name="Open").click()
        if password == "wrong":
            expect(stranger.get_by_role("alert")).to_contain_text("not the password")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("plans")


def test_a_folder_is_shared_and_looked_through(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("404|401")
    plans(site, person)
    mine, stranger = open_page(), open_page()
    for one in (mine, stranger):
        one.add_init_script(WATCHED)
    site.let_in(mine, person)
    mine.get_by_role("row", name="plans").hover()
    mine.get_by_role("link", name="Share plans").click()
    mine.get_by_label("Password").fill(PASSWORD)
    mine.get_by_label("Number of downloads").fill("2")
    address = made(mine)

    enter(stranger, address)
    stranger.get_by_role("link", name="drafts").click()
    with stranger.expect_download() as begun:
        stranger.get_by_role("button", name="Download draft.txt").click()
    assert Path(begun.value.path()).read_bytes() == TEXT.encode()
    with stranger.expect_download() as begun:
        stranger.get_by_role("button", name="Download the whole folder").click()
    assert begun.value.suggested_filename == "plans.zip"
    with ZipFile(begun.value.path()) as archive:
        assert len(archive.namelist()) == 3
    stranger.goto(address)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("This link is not open (any more)")

    mine.goto(f"{site.url}/shared")
    mine.get_by_role("link", name="plans", exact=True).click()
    mine.get_by_label("Number of downloads").fill("3")
    mine.get_by_role("button", name="Save").click()
    message(mine, "The link is changed.")
    expect(mine.get_by_role("listitem").filter(has_text="Download of draft.txt begun")).to_be_visible()
    stranger.goto(address)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("plans")
    assert not faults(stranger)
    assert not faults(mine)


def test_without_a_script_all_of_it_works(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("404")
    plans(site, person)
    mine, stranger = open_page(java_script_enabled=False), open_page(java_script_enabled=False)
    site.give_session(mine, person)
    mine.goto(site.url)
    mine.get_by_role("link", name="Share plans").click()
    stranger.goto(made(mine))
    with stranger.expect_download() as begun:
        stranger.get_by_role("button", name="Download budget.bin").click()
    assert Path(begun.value.path()).stat().st_size == 1000
    with stranger.expect_download() as begun:
        stranger.get_by_role("button", name="Download all").click()
    assert begun.value.suggested_filename == "plans.zip"
    mine.goto(f"{site.url}/shared")
    mine.get_by_role("link", name="plans", exact=True).click()
    mine.get_by_label("New password").fill(PASSWORD)
    mine.get_by_role("button", name="Save").click()
    stranger.reload()
    expect(stranger.get_by_role("heading", level=1)).to_have_text("A folder is shared with you")


def test_a_text_is_read_and_copied(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("404")
    file = site.store(person, "note.txt", TEXT.encode())
    who, links = site.actor(person), site.services.links
    (_, free), (_, once) = links.create(who, file=file.id), links.create(who, file=file.id, max_downloads=1)
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script(WATCHED)
    page.goto(f"{site.url}/s/{free}")
    shown = page.get_by_role("region", name="Text of note.txt")
    expect(shown).to_contain_text("<b>second</b> & last")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == TEXT
    assert not faults(page)
    page.goto(f"{site.url}/s/{free}")
    page.get_by_role("link", name="Raw").click()
    assert urlsplit(page.url).path.endswith("/raw")
    assert page.evaluate("document.body.textContent") == TEXT

    page.goto(f"{site.url}/s/{once}")
    page.get_by_role("button", name="Show the text").click()
    expect(shown).to_contain_text("first line")
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download").click()
    assert Path(begun.value.path()).read_bytes() == TEXT.encode()
    [used] = [one for one in links.held(who, Query()).items if one.max_downloads]
    assert used.downloads == 1
