"""The list of one's own files: changing it in place, without a script, with hostile names, and for everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import FileChooser, Page, expect

from tests.browser.conftest import Watch
from tests.browser.looked_at import NARROW, PHONE, WIDE
from tests.browser.pages import message, no_barriers, ready
from tests.browser.uploading import Bytes, pick
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HOSTILE = (
    "<img src=x onerror=alert(1)>.txt",
    '"><script>alert(1)<.txt',
    "{{7*7}}${7*7}.txt",
    "javascript:alert(1)",
    "עברית و عربي.txt",
    "=HYPERLINK(1)",
    "a&amp;b' onmouseover='alert(1).txt",
    "n" * 250,
)

SIGN_IN_FIELD = """() => {
    const place = (one) => document.querySelector(`.search-box ${one}`).getBoundingClientRect();
    const [field, sign] = [place("input"), place(".icon")];
    return field.top < sign.top && sign.bottom < field.bottom;
}"""

OpenPage = Callable[..., Page]


def names(page: Page) -> list[str]:
    """As they are shown, in order."""
    return page.locator(".list.files tbody th bdi").all_text_contents()


def shows(page: Page, *wanted: str) -> None:
    expect(page.locator(".list.files tbody th bdi")).to_have_text(list(wanted))


def to_trash(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Delete {name}").click()
    message(page, f"“{name}” is in the trash.")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_rename_delete_undo_and_the_trash(site: WholeSite, open_page: OpenPage, person: Person, script: bool) -> None:
    for name in ("one.txt", "two.txt"):
        site.store(person, name)
    page = open_page(java_script_enabled=script)
    site.sign_in(page, person)
    page.get_by_role("link", name="Rename one.txt").click()
    field = page.get_by_role("textbox", name="New name")
    expect(field).to_have_value("one.txt")
    if script:
        expect(field).to_be_focused()
    field.fill("bad/name.txt")
    page.get_by_role("button", name="Rename").click()
    message(page, "slash")
    page.get_by_role("textbox", name="New name").fill("three.txt")
    page.get_by_role("button", name="Rename").click()
    message(page, "“three.txt” now")
    assert set(site.files(person)) == {"two.txt", "three.txt"}

    to_trash(page, "three.txt")
    shows(page, "two.txt")
    page.get_by_role("button", name="Undo").click()
    message(page, "“three.txt” is back.")
    to_trash(page, "two.txt")
    page.get_by_role("link", name="Trash", exact=True).click()
    shows(page, "two.txt")
    page.get_by_role("link", name="Delete two.txt for good").click()
    page.get_by_role("link", name="Keep").click()
    page.get_by_role("button", name="Restore two.txt").click()
    message(page, "“two.txt” is back.")
    expect(page.get_by_text("The trash is empty")).to_be_visible()
    page.get_by_role("link", name="Files", exact=True).click()
    to_trash(page, "two.txt")
    page.get_by_role("link", name="Trash", exact=True).click()
    page.get_by_role("link", name="Delete two.txt for good").click()
    page.get_by_role("button", name="Delete for good").click()
    message(page, "gone for good")
    assert set(site.files(person)) == {"three.txt"}
    assert site.services.files.usage(site.actor(person)).used == 4


def test_uploading_without_a_script(
    site: WholeSite, open_page: OpenPage, person: Person, make_file: Callable[[str, int], Bytes]
) -> None:
    page = open_page(java_script_enabled=False)
    site.sign_in(page, person)
    files = [make_file('fi"rst.bin', 5_000_000), make_file("second.txt", 10), make_file("empty", 0)]
    page.get_by_label("Files to upload").set_input_files([file.path for file in files])
    page.get_by_role("button", name="Upload", exact=True).click()
    message(page, "3 files are stored.")
    assert page.url == f"{site.url}/"
    found = site.files(person)
    assert {site.sha256(person, found[file.path.name]) for file in files} == {file.sha256 for file in files}
    expect(page.locator("[data-with-script]:visible")).to_have_count(0)
    no_barriers_without_script(page)


def no_barriers_without_script(page: Page) -> None:
    """axe is itself a script; what can be said without: every control has a name, every form its token."""
    for control in page.locator("main button:visible, main a:visible").all():
        assert control.inner_text().strip() or control.get_attribute("aria-label"), control
    assert (
        page.locator("main form[method=post]").count()
        == page.locator("main form[method=post]:is(:has(input[name=csrf_token]), [action*='csrf_token='])").count()
    )


def test_names_are_shown_as_they_are(site: WholeSite, mine: Page, person: Person) -> None:
    mine.on("dialog", lambda dialog: pytest.fail(f"a name ran as a script: {dialog.message}"))
    pick(mine, *({"name": name, "mimeType": "text/html", "buffer": b"x"} for name in HOSTILE))
    expect(mine.locator("[data-total-text]")).to_have_text(f"{len(HOSTILE)} files stored", timeout=90_000)
    assert set(mine.locator("[data-part=name]").all_text_contents()) == set(HOSTILE)
    expect(mine.locator(".list.files tbody th bdi")).to_have_count(len(HOSTILE))
    assert set(names(mine)) == set(HOSTILE) == set(site.files(person))
    for name in HOSTILE[:3]:
        mine.get_by_role("button", name=f"Delete {name}", exact=True).click()
        message(mine, f"“{name}” is in the trash.")
    no_barriers(mine)


def test_search_order_and_pages_in_place(site: WholeSite, mine: Page, person: Person) -> None:
    for number in range(52):
        site.store(person, f"file {number:02}.txt", b"x" * number)
    mine.reload()
    expect(mine.locator(".pager")).to_contain_text("1–50 of 52")
    mine.evaluate("() => { globalThis.sameDocument = true; }")
    mine.get_by_role("link", name="Name", exact=True).click()
    expect(mine.locator("th[aria-sort]")).to_have_text("Name")
    assert names(mine)[:2] == ["file 00.txt", "file 01.txt"]
    expect(mine.locator("#sort-name")).to_be_focused()
    mine.get_by_role("link", name="Next page").click()
    shows(mine, "file 50.txt", "file 51.txt")
    mine.go_back()
    expect(mine.locator(".pager")).to_contain_text("1–50 of 52")
    mine.get_by_role("link", name="Size", exact=True).click()
    expect(mine.locator("th[aria-sort=descending]")).to_have_text("Size")
    assert names(mine)[0] == "file 51.txt"
    mine.keyboard.press("/")
    mine.keyboard.type("file 07")
    mine.keyboard.press("Enter")
    shows(mine, "file 07.txt")
    assert "q=file+07" in mine.url
    expect(mine.get_by_role("searchbox")).to_be_focused()
    expect(mine.locator("[data-status]")).to_have_text("Files, 1 to 1 of 1")
    mine.get_by_role("searchbox").fill("nothing like it")
    mine.keyboard.press("Enter")
    expect(mine.locator(".empty-title")).to_have_text("Nothing matches")
    mine.get_by_role("link", name="Show all files").click()
    expect(mine.locator(".pager")).to_contain_text("1–50 of 52")
    assert mine.evaluate("() => globalThis.sameDocument")


def test_a_list_in_use_is_not_replaced_by_a_finished_upload(site: WholeSite, mine: Page, person: Person) -> None:
    site.store(person, "here.txt")
    mine.reload()
    mine.get_by_role("link", name="Rename here.txt").click()
    field = mine.get_by_role("textbox", name="New name")
    field.fill("half-typed")
    pick(mine, {"name": "new.txt", "mimeType": "", "buffer": b"x"})
    expect(mine.locator("[data-total-text]")).to_have_text("1 file stored")
    mine.wait_for_timeout(1500)
    expect(field).to_have_value("half-typed")
    mine.get_by_role("link", name="Cancel").click()
    expect(mine.locator(".list.files tbody th bdi")).to_have_count(2)


def test_a_store_that_is_away_is_said_by_the_list(
    site: WholeSite, mine: Page, person: Person, frozen_store: Callable[[], Callable[[], None]], watch: Watch
) -> None:
    watch.allow(r"Failed to load resource")
    thaw = frozen_store()
    mine.goto(f"{site.url}/?sort=name", timeout=90_000)
    expect(mine.get_by_text("The store does not answer just now")).to_be_visible()
    thaw()
    # The page of the error asks again by itself.
    expect(mine.get_by_role("heading", level=1)).to_have_text("My files", timeout=60_000)


def everywhere(page: Page) -> None:
    """The page as it is: wide in light and dark; on a phone what comes of there being less room."""
    no_barriers(page, "light", "dark")
    page.set_viewport_size(PHONE)
    no_barriers(page, rules=NARROW)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off sideways"
    page.set_viewport_size(WIDE)


def test_no_barriers(site: WholeSite, page: Page, person: Person) -> None:
    """Wide in both looks, and on a phone."""
    for name in ("report.pdf", "old.txt"):
        site.store(person, name)
    view = site.services.uploads.put_chunk(
        site.actor(person), upload_id=None, index=0, total_chunks=2, data=b"x" * 100, size=200, name="half.bin"
    )
    page.set_viewport_size(WIDE)
    site.let_in(page, person)
    expect(page.locator("[data-resume]")).to_be_visible()
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)
        assert page.evaluate(SIGN_IN_FIELD), "the sign of the search stands in its field"
    everywhere(page)
    pick(page, {"name": "new.txt", "mimeType": "", "buffer": b"x"})
    expect(page.get_by_role("link", name="new.txt", exact=True)).to_be_visible()
    page.get_by_role("button", name="Delete old.txt").click()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    everywhere(page)
    page.get_by_role("link", name="Rename report.pdf").click()
    expect(page.get_by_role("textbox", name="New name")).to_be_focused()
    everywhere(page)
    page.get_by_role("link", name="Trash", exact=True).click()
    page.get_by_role("link", name="Delete old.txt for good").click()
    expect(page.get_by_role("link", name="Keep")).to_be_focused()
    everywhere(page)
    assert view.upload.name == "half.bin"


def choose_by_key(page: Page) -> FileChooser:
    """On a busy machine the browser can forget that a key was pressed before the script asks for the dialog; people
    press it again."""
    chosen: list[FileChooser] = []
    page.once("filechooser", lambda chooser: chosen.append(chooser))  # noqa: PLW0108 - Playwright marks what it calls
    for _ in range(30):
        page.keyboard.press("Enter")
        for _ in range(20):
            page.wait_for_timeout(50)
            if chosen:
                return chosen[0]
    pytest.fail("Enter opens no dialog")


def test_by_keyboard_alone(site: WholeSite, mine: Page, person: Person) -> None:
    site.store(person, "one.txt")
    mine.reload()
    ready(mine)
    for _ in range(30):
        mine.keyboard.press("Tab")
        if mine.evaluate("() => document.activeElement.textContent.trim()") == "Upload":
            break
    else:
        pytest.fail("the button is not to be reached with Tab")
    mine.keyboard.press("Enter")
    mine.keyboard.press("Tab")
    expect(mine.get_by_role("button", name="Files", exact=True)).to_be_focused()
    choose_by_key(mine).set_files({"name": "typed.txt", "mimeType": "", "buffer": b"x"})
    expect(mine.get_by_role("link", name="Download typed.txt")).to_be_visible()
    mine.get_by_role("link", name="Rename one.txt").focus()
    mine.keyboard.press("Enter")
    expect(mine.get_by_role("textbox", name="New name")).to_be_focused()
    mine.keyboard.type("uno")
    mine.keyboard.press("Enter")
    message(mine, "“uno.txt” now")
