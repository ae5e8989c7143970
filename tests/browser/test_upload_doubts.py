"""A small file goes in one request: what the page does where nobody knows what came of that."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from backoffice.domain.paging import Query
from tests.browser.conftest import Watch
from tests.browser.pages import ready, wait_until
from tests.browser.uploading import BROKEN, pick, row
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PUT = "**/files/*?*checksum=*"
"""The address of the one request."""


def small(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "text/plain", "buffer": data}


def test_a_file_of_the_same_bytes_elsewhere_is_not_the_one_that_was_sent(
    site: WholeSite, mine: Page, person: Person, watch: Watch
) -> None:
    watch.allow(BROKEN)
    actor = site.actor(person)
    site.store(person, "report.txt", b"new")
    here = site.services.folders.create(actor, name="here")
    old = site.store(person, "report.txt", b"old", here.id)
    mine.goto(f"{site.url}/?folder={here.id}")
    ready(mine)
    mine.route(PUT, lambda route: route.fulfill(status=503, body="busy"), times=1)
    pick(mine, small("report.txt", b"new"))
    mine.get_by_role("dialog").get_by_role("button", name="Replace").click()
    expect(mine.locator("[data-total-text]")).to_have_text("1 file stored")
    [stored] = site.services.files.page_in(actor, here.id, Query()).items
    assert stored.id == old.id
    assert site.sha256(person, stored) == hashlib.sha256(b"new").hexdigest()
    assert [one.digest for one in site.services.files.history(actor, old.id).earlier] == [old.digest]


def test_in_a_folder_it_is_found_where_it_went(
    site: WholeSite, mine: Page, person: Person, watch: Watch, tmp_path: Path
) -> None:
    watch.allow(BROKEN)
    place = site.services.folders.create(site.actor(person), name="place")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "small.txt").write_text("once")
    mine.goto(f"{site.url}/?folder={place.id}")
    ready(mine)

    def lost(route: Route) -> None:
        route.fetch()
        route.abort()

    mine.route(PUT, lost, times=1)
    pick(mine, tmp_path / "a", kind="folder")
    expect(mine.locator("[data-total-text]")).to_have_text("1 file stored")
    assert list(site.files(person)) == ["small.txt"]
    assert site.uploads(person) == []


@pytest.fixture
def held(mine: Page, watch: Watch) -> list[str]:
    """The next small file is stored, and its answer never comes. Grows by one once it is stored."""
    watch.allow(BROKEN)
    stored: list[str] = []

    def hold(route: Route) -> None:
        route.fetch()
        stored.append(route.request.url)

    mine.route(PUT, hold, times=1)
    return stored


def test_paused_before_the_answer_it_is_stored_once(
    site: WholeSite, mine: Page, person: Person, held: list[str]
) -> None:
    pick(mine, small("small.txt", b"once"))
    wait_until(mine, lambda: bool(held), "the file to be stored")
    mine.get_by_role("button", name="Pause: small.txt").click()
    mine.get_by_role("button", name="Resume: small.txt").click()
    expect(mine.locator("[data-total-text]")).to_have_text("1 file stored")
    assert list(site.files(person)) == ["small.txt"]
    assert site.uploads(person) == []


def test_cancelled_before_the_answer_it_is_said_to_be_stored(mine: Page, held: list[str]) -> None:
    pick(mine, small("small.txt", b"once"))
    wait_until(mine, lambda: bool(held), "the file to be stored")
    mine.get_by_role("button", name="Cancel: small.txt").click()
    expect(row(mine, "small.txt")).to_contain_text("stored before it could be cancelled")


@pytest.mark.usefixtures("hurried")
def test_cancelled_before_it_arrives_it_is_cancelled(site: WholeSite, mine: Page, person: Person, watch: Watch) -> None:
    watch.allow(BROKEN)
    asked: list[str] = []
    mine.route(PUT, lambda route: asked.append(route.request.url))
    pick(mine, small("small.txt", b"never"))
    wait_until(mine, lambda: bool(asked), "the request")
    mine.get_by_role("button", name="Cancel: small.txt").click()
    expect(row(mine, "small.txt")).to_contain_text("it may have been stored")
    expect(row(mine, "small.txt").locator("[data-part=status]")).to_have_text("Cancelled")
    assert site.files(person) == {}
