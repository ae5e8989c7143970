"""A guest's upload goes on after a reload: for the same guest, with the same file, where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.looked_at import WATCHED, faults
from tests.browser.pages import message
from tests.browser.test_requests import ask, shot
from tests.browser.uploading import BROKEN, Bytes, MakeFile, Slow
from tests.browser.whole_site import CHUNK, Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_it_goes_on_after_a_reload_for_the_same_guest_and_the_same_file(
    site: WholeSite,
    person: Person,
    open_page: Callable[..., Page],
    make_file: MakeFile,
    slow_network: Slow,
    tmp_path: Path,
) -> None:
    mine, guest, other = open_page(), open_page(), open_page()
    guest.add_init_script(WATCHED)
    site.let_in(mine, person)
    address = ask(mine, "Films")
    film = make_file("film.bin", 12 * CHUNK)
    guest.goto(address)
    broken_off(guest, film, slow_network, 4)
    waiting = guest.locator("[data-unfinished]")
    expect(waiting).to_contain_text("film.bin")
    expect(waiting).to_contain_text("of 12.6 MB arrived")
    shot(guest, "unfinished")
    assert not faults(guest)
    other.goto(address)
    expect(other.get_by_role("heading", level=1)).to_have_text("Films")
    expect(other.locator("[data-unfinished]")).to_have_count(0)

    another_is_refused(guest, waiting, tmp_path / "other.txt")
    sent = guest_pieces(guest)
    with guest.expect_file_chooser() as chooser:
        waiting.get_by_role("button", name="Pick film.bin again").click()
    chooser.value.set_files(film.path)
    expect(guest.get_by_role("heading", level=2).last).to_have_text("You have delivered 1 file")
    assert 0 < len(sent) < 12, "only what was missing is sent"
    expect(waiting).to_have_count(0)
    mine.get_by_role("link", name="To the request").click()
    mine.get_by_role("button", name="Accept film.bin").click()
    message(mine, "is accepted")
    assert site.sha256(person, site.files(person)["film.bin"]) == film.sha256


def test_another_file_of_that_name_and_size_is_sent_from_the_beginning(
    site: WholeSite, person: Person, open_page: Callable[..., Page], make_file: MakeFile, slow_network: Slow
) -> None:
    mine, guest = open_page(), open_page()
    site.let_in(mine, person)
    film = make_file("film.bin", 6 * CHUNK)
    guest.goto(ask(mine, "Films"))
    broken_off(guest, film, slow_network, 2)
    film = make_file("film.bin", 6 * CHUNK)
    guest.locator("#files").set_input_files(film.path)
    expect(guest.locator("#receipt-title")).to_have_text("You have delivered 1 file")
    waiting = guest.locator("[data-unfinished]")
    expect(waiting).to_have_count(1)
    waiting.get_by_role("button", name="Cancel film.bin").click()
    message(guest, "The upload is cancelled.")
    expect(waiting).to_have_count(0)
    mine.get_by_role("link", name="To the request").click()
    mine.get_by_role("button", name="Accept film.bin").click()
    message(mine, "is accepted")
    assert site.sha256(person, site.files(person)["film.bin"]) == film.sha256


def test_what_is_delivered_is_not_told_to_have_failed_where_the_list_cannot_be_fetched(
    site: WholeSite, person: Person, open_page: Callable[..., Page], make_file: MakeFile, watch: Watch
) -> None:
    mine, guest = open_page(), open_page()
    site.let_in(mine, person)
    address = ask(mine, "Films")
    guest.goto(address)
    watch.allow(BROKEN)

    def cut(route: Route) -> None:
        if route.request.resource_type == "fetch" and route.request.method == "GET":
            route.abort()
        else:
            route.fallback()

    guest.route(address, cut)
    for name in ("one.bin", "two.bin"):
        guest.locator("#files").set_input_files(make_file(name, 10).path)
        expect(guest.locator("[data-status]")).to_have_text(f"{name} is delivered.")
    guest.unroute(address)
    guest.locator("#files").set_input_files(make_file("three.bin", 10).path)
    expect(guest.locator("#receipt-title")).to_have_text("You have delivered 3 files")


_HAS_ARRIVED = """some => new RegExp(some).test(
    document.querySelector("[data-list] .transfer-status")?.textContent.trim() ?? "")"""


def broken_off(guest: Page, film: Bytes, slow_network: Slow, pieces: int) -> None:
    """So many pieces of it arrive, and the page is loaded anew."""
    slow_network(guest, pieces * CHUNK)
    guest.locator("#files").set_input_files(film.path)
    # Looked at with every frame: what is asked now and then may come when all of it has gone.
    guest.wait_for_function(_HAS_ARRIVED, arg=rf"^[{pieces}-{pieces + 1}]\.\d MB", timeout=60_000)
    guest.reload()
    slow_network(guest, 0)


def another_is_refused(guest: Page, waiting: Locator, path: Path) -> None:
    path.write_text("x")
    with guest.expect_file_chooser() as chooser:
        waiting.get_by_role("button", name="Pick film.bin again").press("Enter")
    chooser.value.set_files(path)
    expect(waiting.get_by_role("alert")).to_contain_text("That is another file")


def guest_pieces(page: Page) -> list[str]:
    """Grows by the address of each piece that the page sends from now on."""
    found: list[str] = []
    page.on("request", lambda one: found.append(one.url) if "/chunks?" in one.url and one.method == "POST" else None)
    return found
