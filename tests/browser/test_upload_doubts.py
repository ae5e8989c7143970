"""A small file goes in one request: what the page does where nobody knows what came of that."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from backoffice.domain.paging import Query
from tests.browser.conftest import Watch
from tests.browser.pages import ready
from tests.browser.uploading import BROKEN, pick
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
    assert site.sha256(person, stored) == hashlib.sha256(b"new").hexdigest()
    assert [one.id for one in site.services.files.trash_page(actor, Query()).items] == [old.id]


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
