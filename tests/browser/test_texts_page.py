"""Writing a text in a dialog over the list of one's own files."""

from __future__ import annotations

from io import BytesIO

import pytest
from playwright.sync_api import Dialog, Page, expect

from backoffice.domain.paging import Query
from tests.browser.conftest import Watch
from tests.browser.looked_at import WIDE
from tests.browser.pages import ready
from tests.browser.test_folders_page import everywhere, message, shows
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
TEXT = "One\n\n\ttwo\n"


def write(page: Page, name: str, text: str) -> None:
    page.locator(".upload-menu summary").click()
    page.get_by_role("link", name="New text").click()
    form = page.get_by_role("dialog", name="New text")
    expect(form.get_by_role("textbox", name="Name")).to_be_focused()
    form.get_by_role("textbox", name="Name").fill(name)
    form.get_by_role("textbox", name="Text").fill(text)


def test_a_text_is_written_read_and_copied(site: WholeSite, mine: Page, person: Person, watch: Watch) -> None:
    watch.allow("409")
    mine.set_viewport_size(WIDE)
    mine.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    mine.goto(site.url)
    ready(mine)
    write(mine, "notes", TEXT)
    everywhere(mine)
    mine.get_by_role("button", name="Save").click()
    message(mine, "“notes.txt” is stored.")
    shows(mine, "notes.txt")

    # The name is taken: what was written stays, and both are kept.
    write(mine, "notes", TEXT + "more")
    mine.get_by_role("button", name="Save").click()
    expect(mine.get_by_role("alert")).to_contain_text("You have a file of this name.")
    expect(mine.get_by_role("textbox", name="Text")).to_have_value(TEXT + "more")
    everywhere(mine)
    mine.get_by_role("button", name="Keep both").click()
    message(mine, "“notes (2).txt” is stored.")
    actor = site.actor(person)
    found = site.services.files.page(actor, Query()).items
    read = {one.name: b"".join(site.services.files.open(actor, one.id).read()).decode() for one in found}
    assert read == {"notes.txt": TEXT, "notes (2).txt": TEXT + "more"}

    mine.get_by_role("link", name="notes.txt", exact=True).click()
    look = mine.get_by_role("dialog", name="notes.txt")
    look.get_by_role("button", name="Copy").click()
    expect(look.get_by_role("button", name="Copied")).to_be_visible()
    assert mine.evaluate("() => navigator.clipboard.readText()") == TEXT
    look.get_by_label("More").click()
    with mine.context.expect_page() as raw:
        look.get_by_role("link", name="Raw text").click()
    assert raw.value.evaluate("() => document.contentType") == "text/plain"
    assert raw.value.locator("body").inner_text() == TEXT


def test_what_is_not_saved_is_not_thrown_away_by_chance(site: WholeSite, mine: Page, watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    mine.goto(site.url)
    ready(mine)
    asked: list[str] = []

    def no(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    mine.on("dialog", no)
    write(mine, "draft", "Dear")
    mine.keyboard.press("Escape")
    expect(mine.get_by_role("textbox", name="Text")).to_have_value("Dear")
    assert asked == ["Leave the text? What you wrote is not saved."]

    mine.context.set_offline(True)
    mine.get_by_role("button", name="Save").click()
    expect(mine.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    expect(mine.get_by_role("textbox", name="Text")).to_have_value("Dear")
    mine.context.set_offline(False)
    mine.get_by_role("button", name="Save").click()
    message(mine, "“draft.txt” is stored.")

    # What is as it was needs no question.
    write(mine, "", "")
    mine.keyboard.press("Escape")
    expect(mine.get_by_role("dialog")).to_have_count(0)
    assert len(asked) == 1


def test_going_back_asks_before_a_text_is_lost(site: WholeSite, mine: Page, person: Person) -> None:
    place = site.services.folders.create(site.actor(person), name="Place")
    mine.goto(site.url)
    ready(mine)
    mine.get_by_role("link", name="Place", exact=True).click()
    mine.wait_for_url(f"**/*{place.id}*")
    inside = mine.url
    write(mine, "draft", "Dear")
    asked: list[str] = []
    answers = [False, True]

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if answers.pop(0):
            dialog.accept()
        else:
            dialog.dismiss()

    mine.on("dialog", answer)
    mine.evaluate("() => history.back()")
    mine.wait_for_function("address => location.href === address", arg=inside)
    expect(mine.get_by_role("textbox", name="Text")).to_have_value("Dear")
    assert asked == ["Leave the text? What you wrote is not saved."]
    mine.get_by_role("button", name="Save").click()
    message(mine, "“draft.txt” is stored.")
    found = site.services.files.page_in(site.actor(person), place.id, Query()).items
    assert [one.name for one in found] == ["draft.txt"]

    write(mine, "other", "Dear")
    mine.evaluate("() => history.back()")
    expect(mine.get_by_role("dialog")).to_have_count(0)
    assert mine.url != inside
    assert len(asked) == 2


def test_a_text_is_changed_and_two_who_do_see_both(site: WholeSite, mine: Page, person: Person, watch: Watch) -> None:
    watch.allow("409")
    file = site.store(person, "plan.txt", b"first")
    mine.set_viewport_size(WIDE)
    mine.goto(site.url)
    ready(mine)
    mine.get_by_role("link", name="plan.txt", exact=True).click()
    mine.get_by_role("dialog").get_by_label("More").click()
    mine.get_by_role("link", name="Edit text").click()
    form = mine.get_by_role("dialog", name="Edit “plan.txt”")
    expect(form.get_by_role("textbox", name="Text")).to_have_value("first")
    form.get_by_role("textbox", name="Text").fill("mine")
    everywhere(mine)

    site.services.uploads.replace_content(site.actor(person), file.id, BytesIO(b"theirs").readinto)
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Nothing is saved yet.")
    expect(form.get_by_role("textbox", name="What it says now")).to_have_value("theirs")
    expect(form.get_by_role("textbox", name="What you wrote")).to_have_value("mine")
    everywhere(mine)
    form.get_by_role("button", name="Save mine").click()
    look = mine.get_by_role("dialog", name="plan.txt", exact=True)
    expect(look.frame_locator("iframe").locator("body")).to_have_text("mine")
    actor = site.actor(person)
    assert b"".join(site.services.files.open(actor, file.id).read()) == b"mine"
    assert [one.number for one in site.services.files.history(actor, file.id).earlier] == [2, 1]
