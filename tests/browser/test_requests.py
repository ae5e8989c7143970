"""Files are requested in a real browser, delivered by a guest, and accepted; without a script as well."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.looked_at import WATCHED, faults
from tests.browser.pages import message
from tests.browser.whole_site import CHUNK, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NASTY = "<img src=x onerror='alert(1)'>.txt"
SHOTS = os.environ.get("LOOK_AT")
"""A directory for pictures of these pages, where somebody wants to look at them."""


def shot(page: Page, name: str) -> None:
    if SHOTS:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for width, height in ((1280, 800), (360, 740)):
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}-{width}.png", full_page=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 800})


def payload(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "text/plain", "buffer": data}


def ask(page: Page, title: str, *, files: str = "5") -> str:
    """Make a request; its address."""
    page.get_by_role("link", name="Requests").first.click()
    page.get_by_role("link", name="Request files").click()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Message").fill("Everything from Saturday, please.\nAlso the blurred ones.")
    page.get_by_label("Number of files").fill(files)
    shot(page, "new")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("The request is ready")
    shot(page, "made")
    return page.get_by_label("Link", exact=True).input_value()


def accept_and_refuse(mine: Page) -> None:
    """One of what waits each way, with a look at it before."""
    mine.get_by_role("link", name="To the request").click()
    expect(mine.get_by_role("heading", name="Waiting for you")).to_be_visible()
    shot(mine, "waiting")
    mine.get_by_role("link", name="film.bin", exact=True).click()
    message(mine, "A stranger sent this")
    shot(mine, "look")
    mine.get_by_role("button", name="Accept").click()
    mine.get_by_role("link", name=f"Refuse {NASTY}").click()
    shot(mine, "refuse")
    mine.get_by_role("button", name="Refuse").click()
    expect(mine.get_by_role("button", name="Accept all 3")).to_be_visible()
    shot(mine, "one")
    mine.get_by_role("link", name="Requests").first.click()
    shot(mine, "list")


def test_a_guest_delivers_and_the_owner_accepts(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("404")
    mine, guest = open_page(), open_page()
    for one in (mine, guest):
        one.add_init_script(WATCHED)
    site.let_in(mine, person)
    address = ask(mine, "Photos of the party")

    guest.goto(address)
    expect(guest.get_by_role("heading", level=1)).to_have_text("Photos of the party")
    expect(guest.get_by_text(f"{person.name} asks you for files")).to_be_visible()
    shot(guest, "guest")
    guest.get_by_label("Your name").fill("Bob <b>")
    long = os.urandom(2 * CHUNK + 17)
    guest.locator("#files").set_input_files(
        [payload(NASTY, b"x"), payload("film.bin", long), payload("empty.txt", b"")]
    )
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 3 files")
    expect(guest.get_by_text("Up to 2 files")).to_be_visible()
    guest.locator("#files").set_input_files([payload(f"{number}.txt", b"x") for number in range(3)])
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 5 files")
    expect(guest.locator(".transfer")).to_contain_text("has all the files that it takes")
    shot(guest, "delivered")
    assert guest.evaluate("breaches") == []

    accept_and_refuse(mine)
    file = site.files(person)["film.bin"]
    assert site.sha256(person, file) == hashlib.sha256(long).hexdigest()

    guest.reload()
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 4 files")
    guest.get_by_role("button", name="Take back 0.txt").click()
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 3 files")
    for page in (guest, mine):
        assert not faults(page)


def test_what_is_under_way_survives_a_lost_connection(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED|Failed to load resource")
    mine, guest = open_page(), open_page()
    site.let_in(mine, person)
    guest.goto(ask(mine, "Films"))
    body = os.urandom(6 * CHUNK)
    seen: list[str] = []

    def cut(route: Route) -> None:
        seen.append(route.request.url)
        if len(seen) == 3:
            route.abort()
        else:
            route.continue_()

    guest.route("**/chunks?*", cut)
    guest.locator("#files").set_input_files([payload("film.bin", body)])
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 1 file")
    assert len(seen) == 7, "the piece that was cut is sent again, and no other"
    mine.get_by_role("link", name="To the request").click()
    mine.get_by_role("button", name="Accept film.bin").click()
    message(mine, "is accepted")
    assert site.sha256(person, site.files(person)["film.bin"]) == hashlib.sha256(body).hexdigest()


def test_all_of_it_works_without_a_script(
    site: WholeSite, person: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("404")
    mine, guest = open_page(java_script_enabled=False), open_page(java_script_enabled=False)
    site.give_session(mine, person)
    mine.goto(site.url)
    address = ask(mine, "Reports")
    guest.goto(address)
    shot(guest, "plain")
    guest.get_by_label("Your name").fill("Bob")
    guest.get_by_role("button", name="Save").click()
    guest.get_by_label("Files to deliver").set_input_files([payload("a.txt", b"a"), payload("b.txt", b"b")])
    guest.get_by_role("button", name="Deliver", exact=True).click()
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 2 files")
    guest.get_by_role("button", name="Take back a.txt").click()
    expect(guest.get_by_role("heading", level=2)).to_have_text("You have delivered 1 file")
    code = guest.locator(".code").text_content() or ""

    other = open_page(java_script_enabled=False)
    other.goto(address)
    other.get_by_text("I have delivered before").click()
    other.get_by_label("Receipt code").fill(code.lower())
    other.get_by_role("button", name="Show what I delivered").click()
    expect(other.get_by_text("b.txt")).to_be_visible()

    mine.get_by_role("link", name="To the request").click()
    mine.get_by_role("button", name="Accept b.txt").click()
    expect(mine.get_by_role("heading", name="Accepted")).to_be_visible()
    mine.get_by_role("button", name="Close now").click()
    guest.goto(address)
    expect(guest.get_by_role("heading", level=1)).to_have_text("This link is not open (any more)")
