"""Folders, a selection, a look at a file and the trash on the page of one's own files: with a script, and without."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from backoffice.domain.folders import Folder
from tests.browser.looked_at import NARROW, PHONE, WIDE
from tests.browser.pages import message, no_barriers, ready
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def shows(page: Page, *wanted: str) -> None:
    expect(page.locator(".list.files tbody th bdi")).to_have_text(list(wanted))


def furnished(site: WholeSite, person: Person) -> Folder:
    actor, folders = site.actor(person), site.services.folders
    reports = folders.create(actor, name="Reports")
    folders.create(actor, name="2026", parent=reports.id)
    for name in ("one.txt", "two.txt", "three.txt"):
        site.store(person, name, name.encode())
    return reports


def everywhere(page: Page) -> None:
    no_barriers(page, "light", "dark")
    page.set_viewport_size(PHONE)
    no_barriers(page, rules=NARROW)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off sideways"
    page.set_viewport_size(WIDE)


def in_a_folder(mine: Page) -> None:
    """Another folder, by name; and all of it into the trash, and back."""
    mine.get_by_role("link", name="Reports", exact=True).click()
    expect(mine.get_by_role("heading", level=1)).to_have_text("Reports")
    shows(mine, "2026", "one.txt", "two.txt")
    mine.locator(".upload-menu summary").click()
    mine.get_by_role("link", name="New folder").click()
    mine.get_by_role("textbox", name="Name of the new folder").fill("2027")
    mine.keyboard.press("Enter")
    message(mine, "“2027” is made")
    shows(mine, "2026", "2027", "one.txt", "two.txt")
    everywhere(mine)
    mine.locator("thead").get_by_label("Select all rows of this page").check()
    mine.get_by_role("button", name="Move to trash").click()
    message(mine, "4 items are in the trash.")
    expect(mine.get_by_role("button", name="Undo")).to_be_visible()
    mine.get_by_role("button", name="Undo").click()
    message(mine, "4 items are back.")
    shows(mine, "2026", "2027", "one.txt", "two.txt")


def walked_by_keys(page: Page) -> None:
    """Letters are for a row that has the focus."""
    page.keyboard.press("j")
    expect(page.locator("tbody :focus")).to_have_count(0)
    page.get_by_role("link", name="one.txt", exact=True).focus()
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="three.txt", exact=True)).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="one.txt", exact=True)).to_be_focused()


def back_and_again(mine: Page, where: Locator) -> None:
    """What was moved, by the message about it."""
    mine.get_by_role("button", name="Undo").press("Enter")
    message(mine, "2 items are back where they were.")
    shows(mine, "Reports", "one.txt", "three.txt", "two.txt")
    for name in ("one.txt", "two.txt"):
        mine.get_by_label(f"Select {name}").check()
    mine.get_by_role("button", name="Move", exact=True).click()
    where.get_by_role("link", name="Reports").click()
    where.get_by_role("button", name="Move to “Reports”").click()
    message(mine, "2 items are moved.")
    shows(mine, "Reports", "three.txt")


def test_a_day_with_a_script(site: WholeSite, mine: Page, person: Person, tmp_path: Path) -> None:
    furnished(site, person)
    mine.set_viewport_size(WIDE)
    mine.goto(f"{site.url}/?sort=name")
    ready(mine)
    mine.evaluate("() => { globalThis.sameDocument = true; }")
    shows(mine, "Reports", "one.txt", "three.txt", "two.txt")

    walked_by_keys(mine)

    # A look, by the space bar, and away.
    mine.keyboard.press("Space")
    look = mine.get_by_role("dialog", name="one.txt")
    expect(look.frame_locator("iframe").locator("body")).to_have_text("one.txt")
    everywhere(mine)
    mine.keyboard.press("Escape")
    expect(mine.get_by_role("link", name="one.txt", exact=True)).to_be_focused()

    # Two as an archive, then into a folder.
    mine.keyboard.press("x")
    mine.get_by_label("Select two.txt").check()
    expect(mine.locator("[data-count]")).to_have_text("2 selected · 14 B")
    everywhere(mine)
    with mine.expect_download() as download:
        mine.get_by_role("button", name="Download", exact=True).click()
    download.value.save_as(tmp_path / "got.zip")
    assert ZipFile(BytesIO((tmp_path / "got.zip").read_bytes())).namelist() == ["one.txt", "two.txt"]
    mine.get_by_role("button", name="Move", exact=True).click()
    where = mine.get_by_role("dialog", name="Move 2 items")
    where.get_by_role("link", name="Reports").click()
    everywhere(mine)
    where.get_by_role("button", name="Move to “Reports”").click()
    message(mine, "2 items are moved.")
    expect(where).to_be_hidden()
    shows(mine, "Reports", "three.txt")
    back_and_again(mine, where)
    in_a_folder(mine)
    mine.go_back()
    shows(mine, "Reports", "three.txt")
    assert mine.evaluate("() => globalThis.sameDocument")


def test_a_day_without_a_script(site: WholeSite, open_page: Callable[..., Page], person: Person) -> None:
    furnished(site, person)
    page = open_page(java_script_enabled=False)
    site.give_session(page, person)
    page.goto(f"{site.url}/?sort=name")
    page.get_by_role("link", name="one.txt", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("one.txt")
    expect(page.frame_locator("iframe").locator("body")).to_have_text("one.txt")
    page.get_by_role("link", name="My files").last.click()
    for name in ("Reports", "two.txt"):
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("button", name="Move to My files").click()
    message(page, "are moved.")
    page.locator(".upload-menu summary").click()
    page.get_by_role("link", name="New folder").click()
    page.get_by_role("textbox", name="Name of the new folder").fill("Old")
    page.get_by_role("button", name="Make folder").click()
    page.get_by_role("link", name="Move three.txt").click()
    page.get_by_role("link", name="Old").click()
    page.get_by_role("button", name="Move to “Old”").click()
    page.get_by_role("link", name="Old", exact=True).click()
    shows(page, "three.txt")
    page.locator(".upload-menu summary").click()
    page.get_by_label("Pick files").set_input_files({"name": "four.txt", "mimeType": "", "buffer": b"4"})
    page.get_by_role("button", name="Upload", exact=True).click()
    shows(page, "four.txt", "three.txt")
    page.get_by_label("Select four.txt").check()
    page.get_by_role("button", name="Move to trash").click()
    message(page, "“four.txt” is in the trash.")
    page.get_by_role("link", name="Trash", exact=True).click()
    page.get_by_role("searchbox").fill("four")
    page.get_by_role("searchbox").press("Enter")
    shows(page, "four.txt")
    page.get_by_role("link", name="Empty the trash").click()
    expect(page.get_by_text("Delete 1 file (1 B) for good? Nobody can bring it back.")).to_be_visible()
    page.get_by_role("button", name="Delete for good").click()
    message(page, "1 item is gone for good.")
