"""A long file goes in one body, in a real browser: what a cut leaves is for pieces, and it is compared in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.pages import wait_until
from tests.browser.test_upload_versions import change
from tests.browser.uploading import BROKEN, LONG, Bytes, MakeFile, Slow, chunks_sent, pick, row, stored
from tests.browser.whole_site import CHUNK, Person, WholeSite
from tests.support.fault_proxy import Relay, relay
from tests.support.in_between import between

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

COUNT = 33
END = 5
"""Bytes beyond the last whole chunk."""


def bodies_sent(page: Page) -> list[str]:
    """Grows by the address of each long body that the page sends from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if request.method == "PATCH" else None)
    return found


@pytest.fixture
def file(make_file: MakeFile) -> Bytes:
    return make_file("long.bin", COUNT * CHUNK + END)


def test_it_goes_in_one_body_and_its_end_as_a_chunk(site: WholeSite, mine: Page, person: Person, file: Bytes) -> None:
    bodies, chunks = bodies_sent(mine), chunks_sent(mine)
    pick(mine, file)
    stored(mine, "long.bin")
    assert (len(bodies), chunks) == (1, [COUNT])
    assert site.sha256(person, site.files(person)["long.bin"]) == file.sha256
    assert site.uploads(person) == []
    assert site.services.files.usage(site.actor(person)).reserved == 0


@pytest.fixture
def net(site: WholeSite, watch: Watch) -> Iterator[Relay]:
    watch.allow(BROKEN)
    with relay(site.url) as found:
        yield found


def test_what_came_before_a_cut_counts(site: WholeSite, net: Relay, page: Page, person: Person, file: Bytes) -> None:
    site.let_in(page, person, net.url)
    net.pause = 0.004
    bodies, chunks = bodies_sent(page), chunks_sent(page)
    pick(page, file)
    wait_until(page, lambda: bool(bodies), "the body to be on its way")
    page.wait_for_timeout(500)
    [upload] = site.uploads(person)
    net._cut(*net.connections)
    net.pause = 0
    stored(page, "long.bin", LONG)
    done = site.files(person)["long.bin"]
    assert (done.id, site.sha256(person, done)) == (upload.id, file.sha256)
    assert 0 < len(set(chunks)) <= COUNT, "some had come"
    assert len(bodies) == 1


def test_paused_in_the_middle_only_the_rest_is_sent(
    site: WholeSite, net: Relay, page: Page, person: Person, file: Bytes
) -> None:
    site.let_in(page, person, net.url)
    net.pause = 0.004
    bodies, chunks = bodies_sent(page), chunks_sent(page)
    pick(page, file)
    wait_until(page, lambda: bool(bodies), "the body to be on its way")
    wait_until(page, lambda: net.up > 8 * CHUNK, "some of it to have come")
    page.get_by_role("button", name="Pause: long.bin").click()
    expect(row(page, "long.bin")).to_have_attribute("data-state", "paused")
    net.pause = 0
    page.get_by_role("button", name="Resume: long.bin").click()
    stored(page, "long.bin", LONG)
    assert 0 < len(set(chunks)) <= COUNT
    assert site.sha256(person, site.files(person)["long.bin"]) == file.sha256


def test_cancelled_in_the_middle_nothing_is_left(
    site: WholeSite, net: Relay, page: Page, person: Person, file: Bytes
) -> None:
    site.let_in(page, person, net.url)
    net.pause = 0.004
    bodies = bodies_sent(page)
    pick(page, file)
    wait_until(page, lambda: bool(bodies), "the body to be on its way")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Cancel: long.bin").click()
    wait_until(page, lambda: site.uploads(person) == [], "the upload to be given up")
    assert site.files(person) == {}


def test_what_is_over_is_not_listed_as_unfinished_until_the_list_is_fetched_anew(
    site: WholeSite, mine: Page, person: Person, file: Bytes, slow_network: Slow, watch: Watch
) -> None:
    watch.allow(BROKEN)
    slow_network(mine, 8 * CHUNK)
    pick(mine, file)
    pick(mine, {"name": "small.txt", "mimeType": "text/plain", "buffer": b"small"})
    stored(mine, "small.txt")
    listed = mine.locator("[data-unfinished]")
    expect(listed).to_have_count(1)  # fetched in the middle
    expect(listed).to_be_hidden()
    mine.route("**/*", lambda route: route.abort() if route.request.url.rstrip("/") == site.url else route.fallback())
    slow_network(mine, 0)
    stored(mine, "long.bin", LONG)
    expect(listed).to_have_count(1)
    expect(listed).to_be_hidden()


def test_where_a_proxy_takes_no_long_bodies_pieces_go(
    site: WholeSite, page: Page, person: Person, file: Bytes, watch: Watch
) -> None:
    watch.allow(BROKEN)
    with between(site.url) as front:
        front.limit = 2 * CHUNK
        site.let_in(page, person, front.url)
        bodies = bodies_sent(page)
        for name in ("long.bin", "other.bin"):
            other = file.path.with_name(name)
            if not other.exists():
                os.link(file.path, other)
            pick(page, other)
            stored(page, name, LONG)
        assert len(bodies) == 1, "it is known by then"
        expect(page.locator("[data-limit]")).to_be_hidden()
    assert {site.sha256(person, one) for one in site.files(person).values()} == {file.sha256}
    assert site.uploads(person) == []


def test_a_slow_body_is_given_up_for_pieces_and_what_came_counts(
    site: WholeSite,
    page: Page,
    person: Person,
    file: Bytes,
    mine: Page,
    hurried: None,
    slow_network: Slow,
    watch: Watch,
) -> None:
    """By the page's clock 8 s are soon over."""
    watch.allow(BROKEN)
    slow_network(mine, 4 * CHUNK)
    chunks = chunks_sent(mine)
    pick(mine, file)
    wait_until(mine, lambda: bool(chunks), "pieces to be sent")
    slow_network(mine, 0)
    stored(mine, "long.bin", LONG)
    assert site.sha256(person, site.files(person)["long.bin"]) == file.sha256
    assert site.uploads(person) == []


@pytest.mark.parametrize("at", [0, COUNT * CHUNK // 2, COUNT * CHUNK - 1], ids=["first", "middle", "late"])
def test_a_file_that_changes_behind_what_was_sent_is_noticed(
    site: WholeSite, mine: Page, person: Person, file: Bytes, at: int
) -> None:
    """Its date is as it was."""
    os.utime(file.path, (1_000_000_000, 1_000_000_000))
    mine.route("**/uploads/*/chunks?*", lambda route: _changed(route, file.path, at), times=1)
    pick(mine, file)
    expect(row(mine, "long.bin")).to_have_attribute("data-state", "failed", timeout=60_000)
    expect(row(mine, "long.bin")).to_contain_text("changed while it was being sent")
    wait_until(mine, lambda: site.uploads(person) == [], "the upload to be given up")
    assert site.files(person) == {}


def _changed(route: Route, path: Path, at: int) -> None:
    change(path, at, date_kept=True)
    route.continue_()


def test_bytes_that_came_otherwise_than_they_are_in_the_file_make_no_file(
    site: WholeSite, mine: Page, person: Person, file: Bytes
) -> None:
    """Whoever spoilt them."""

    def other(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        said["items"][7]["sha256"] = "0" * 64
        route.fulfill(response=answer, json=said)

    mine.route("**/uploads/*/chunks?*", other, times=1)
    pick(mine, file)
    expect(row(mine, "long.bin")).to_have_attribute("data-state", "failed", timeout=60_000)
    wait_until(mine, lambda: site.uploads(person) == [], "the upload to be given up")
    assert site.files(person) == {}
