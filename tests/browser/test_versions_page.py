"""What a file held before, in a dialog over the list and without a script: sent, taken again, deleted."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looked_at import WIDE
from tests.browser.pages import ready
from tests.browser.test_folders_page import everywhere
from tests.browser.uploading import pick, stored
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FIRST, SECOND, THIRD = b"first", b"the second", b"and a third one"


def put(site: WholeSite, person: Person, file_id: str, data: bytes) -> None:
    site.services.uploads.replace_content(site.actor(person), file_id, BytesIO(data).readinto, len(data))


def held(site: WholeSite, person: Person, file_id: str) -> tuple[bytes, list[int]]:
    """What the file holds, and the numbers of what is kept."""
    files, actor = site.services.files, site.actor(person)
    return b"".join(files.open(actor, file_id).read()), [one.number for one in files.history(actor, file_id).earlier]


def versions(page: Page) -> list[str]:
    return [text.split("\n")[0].strip() for text in page.locator(".version-name").all_inner_texts()]


def test_versions_are_looked_at_taken_again_and_deleted(site: WholeSite, mine: Page, person: Person) -> None:
    mine.set_viewport_size(WIDE)
    file = site.store(person, "report.txt", FIRST)
    for data in (SECOND, FIRST):
        put(site, person, file.id, data)
    mine.goto(site.url)
    ready(mine)
    mine.get_by_role("link", name="report.txt", exact=True).click()
    look = mine.get_by_role("dialog", name="report.txt")
    look.get_by_label("More").click()
    look.get_by_role("link", name="Versions", exact=True).click()
    dialog = mine.get_by_role("dialog", name="Versions")
    expect(dialog.get_by_role("heading", level=1)).to_be_focused()
    expect(dialog.locator(".version")).to_have_count(3)
    assert versions(mine) == ["Version 3 Now", "Version 2", "Version 1 Same as now"]
    everywhere(mine)
    with mine.expect_download() as begun:
        dialog.get_by_role("link", name="Download version 2").click()
    assert Path(begun.value.path()).read_bytes() == SECOND
    assert begun.value.suggested_filename == "report.txt"

    dialog.get_by_role("button", name="Restore version 2").click()
    expect(dialog.get_by_role("status")).to_contain_text("The file holds this version again.")
    assert versions(mine) == ["Version 4 Now", "Version 3", "Version 1"]
    assert held(site, person, file.id) == (SECOND, [3, 1])

    dialog.get_by_role("link", name="Delete version 1").click()
    expect(dialog.get_by_role("link", name="Keep")).to_be_visible()
    everywhere(mine)
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("status")).to_contain_text("The version is deleted.")
    assert held(site, person, file.id) == (SECOND, [3])
    dialog.get_by_role("link", name="Close").click()
    expect(mine.locator("dialog[open]")).to_have_count(0)


def test_the_list_is_as_it_is_now_however_the_dialog_was_left(site: WholeSite, mine: Page, person: Person) -> None:
    file = site.store(person, "report.txt", FIRST)
    put(site, person, file.id, b"x" * 2_000)
    mine.goto(site.url)
    ready(mine)
    row = mine.locator("tbody tr", has_text="report.txt")
    expect(row).to_contain_text("2.0 kB")
    for leave in (lambda: mine.keyboard.press("Escape"), lambda: mine.mouse.click(5, 5)):
        mine.get_by_role("link", name="report.txt", exact=True).click()
        mine.get_by_role("dialog", name="report.txt").get_by_label("More").click()
        mine.get_by_role("dialog").get_by_role("link", name="Versions", exact=True).click()
        dialog = mine.get_by_role("dialog", name="Versions")
        before = row.inner_text()
        dialog.get_by_role("button", name="Restore version").first.click()
        expect(dialog.get_by_role("status")).to_contain_text("The file holds this version again.")
        assert row.inner_text() == before, "nothing moves below the dialog"
        leave()
        expect(mine.locator("dialog[open]")).to_have_count(0)
        expect(row).to_contain_text("5 B" if "2.0 kB" in before else "2.0 kB")


def test_without_a_script_a_new_version_is_sent_and_another_taken_again(
    site: WholeSite, open_page: Callable[..., Page], person: Person, tmp_path: Path
) -> None:
    file = site.store(person, "report.txt", FIRST)
    page = open_page(java_script_enabled=False)
    site.give_session(page, person)
    page.goto(f"{site.url}/my/files/{file.id}/versions")
    expect(page.locator(".version")).to_have_count(1)
    chosen = tmp_path / "another name.txt"
    chosen.write_bytes(THIRD)
    page.get_by_label("Upload a new version").set_input_files(chosen)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".flash[role=status]")).to_contain_text("The new version is stored.")
    assert held(site, person, file.id) == (THIRD, [1])
    page.get_by_role("button", name="Restore version 1").click()
    assert versions(page) == ["Version 3 Now", "Version 2"]
    page.get_by_role("link", name="Delete version 2").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".version")).to_have_count(1)
    assert held(site, person, file.id) == (FIRST, [])
    assert [one.name for one in site.files(person).values()] == ["report.txt"]


def test_a_file_that_is_dropped_again_replaces_and_keeps_the_old_version(
    site: WholeSite, mine: Page, person: Person
) -> None:
    file = site.store(person, "report.txt", FIRST)
    mine.goto(site.url)
    ready(mine)
    pick(mine, {"name": "report.txt", "mimeType": "text/plain", "buffer": SECOND})
    question = mine.get_by_role("dialog")
    expect(question).to_contain_text("Replacing keeps the old version: it can be restored.")
    question.get_by_role("button", name="Replace").click()
    stored(mine, "report.txt")
    assert held(site, person, file.id) == (SECOND, [1])
