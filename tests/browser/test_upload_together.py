"""Small files go together, in a real browser: each is as if it were sent alone."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.conftest import Watch
from tests.browser.pages import wait_until
from tests.browser.uploading import BROKEN, pick, row
from tests.browser.whole_site import Person, WholeSite
from tests.support.fault_proxy import relay

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BATCH = "**/files/batch"


def small(tmp_path: Path, count: int) -> dict[str, Path]:
    files = {f"{number}.txt": tmp_path / f"{number}.txt" for number in range(count)}
    for name, path in files.items():
        path.write_text(f"content of {name}")
    return files


def names_of(route: Route) -> list[str]:
    """Of the files in a request."""
    return re.findall(r'"name": ?"(\d+\.txt)"', (route.request.post_data_buffer or b"").decode())


def all_there(site: WholeSite, person: Person, files: dict[str, Path]) -> None:
    """Once each, with what they have."""
    found = site.files(person)
    assert sorted(found) == sorted(files)
    for name, path in files.items():
        assert site.sha256(person, found[name]) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert site.uploads(person) == []


def total(page: Page, text: str) -> None:
    expect(page.locator("[data-total-text]")).to_have_text(text, timeout=60_000)


def test_many_go_in_few_requests(site: WholeSite, mine: Page, person: Person, tmp_path: Path) -> None:
    files, requests = small(tmp_path, 60), list[str]()

    def note(request: Request) -> None:
        if request.method in {"PUT", "POST"} and "/files/" in request.url and "taken" not in request.url:
            requests.append(request.url)

    mine.on("request", note)
    pick(mine, *files.values())
    total(mine, "60 files stored")
    all_there(site, person, files)
    assert len(requests) < 20


def test_those_whose_answer_is_lost_are_stored_once(
    site: WholeSite, page: Page, person: Person, tmp_path: Path, watch: Watch
) -> None:
    watch.allow(BROKEN)
    with relay(site.url) as net:
        site.let_in(page, person, net.url)
        net.lose.append(b"POST /files/batch")
        files = small(tmp_path, 12)
        pick(page, *files.values())
        total(page, "12 files stored")
        assert not net.lose, "it was lost"
    all_there(site, person, files)


def test_cut_in_the_middle_they_are_stored_once(
    site: WholeSite, mine: Page, person: Person, tmp_path: Path, watch: Watch
) -> None:
    """As where the server dies after some of them: those are there, and nobody has an answer."""
    watch.allow(BROKEN)
    files = small(tmp_path, 12)

    def dies(route: Route) -> None:
        for name in list(files)[:5]:
            site.store(person, name, files[name].read_bytes())
        route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")

    mine.route(BATCH, dies, times=1)
    pick(mine, *files.values())
    total(mine, "12 files stored")
    all_there(site, person, files)


def test_one_that_is_refused_is_in_nobodys_way(
    site: WholeSite, mine: Page, person: Person, tmp_path: Path, watch: Watch
) -> None:
    watch.allow(BROKEN)
    taken: list[str] = []

    def takes_a_name(route: Route) -> None:
        taken.append(names_of(route)[1])
        site.store(person, taken[0], b"somebody was faster")
        route.continue_()

    mine.route(BATCH, takes_a_name, times=1)
    files = small(tmp_path, 6)
    pick(mine, *files.values())
    total(mine, "6 files stored")
    [name] = taken
    other = f"{name.removesuffix('.txt')} (2).txt"
    expect(row(mine, name)).to_contain_text(f"stored as “{other}”")
    found = site.files(person)
    assert sorted(found) == sorted([*files, other])
    assert site.sha256(person, found[other]) == hashlib.sha256(files[name].read_bytes()).hexdigest()


def test_each_is_paused_and_cancelled_by_itself(
    site: WholeSite, mine: Page, person: Person, tmp_path: Path, watch: Watch
) -> None:
    watch.allow(BROKEN)
    held: list[Route] = []
    mine.route(BATCH, lambda route: held.append(route), times=1)  # noqa: PLW0108 -- a built-in cannot be wrapped
    files = small(tmp_path, 6)
    pick(mine, *files.values())
    wait_until(mine, lambda: bool(held), "the request")
    cancelled, paused, *_ = names_of(held[0])
    mine.get_by_role("button", name=f"Cancel: {cancelled}", exact=True).click()
    mine.get_by_role("button", name=f"Pause: {paused}", exact=True).click()
    expect(row(mine, paused)).to_have_attribute("data-state", "paused")
    held[0].continue_()
    expect(row(mine, cancelled)).to_contain_text("stored before it could be cancelled")
    mine.get_by_role("button", name=f"Resume: {paused}", exact=True).click()
    total(mine, "6 files stored")
    all_there(site, person, files)


def test_all_cancelled_the_request_ends(
    site: WholeSite, mine: Page, person: Person, tmp_path: Path, watch: Watch
) -> None:
    watch.allow(BROKEN)
    held: list[Route] = []
    mine.route(BATCH, lambda route: held.append(route))  # noqa: PLW0108
    files = small(tmp_path, 3)
    failed: list[str] = []
    mine.on("requestfailed", lambda request: failed.append(request.url))
    pick(mine, *files.values())
    wait_until(mine, lambda: bool(held), "the request")
    for name in names_of(held[0]):
        mine.get_by_role("button", name=f"Cancel: {name}", exact=True).click()
    wait_until(mine, lambda: any("batch" in one for one in failed), "the request to be given up")
    assert not set(site.files(person)) & set(names_of(held[0]))


def test_without_a_network_they_wait(site: WholeSite, mine: Page, person: Person, tmp_path: Path, watch: Watch) -> None:
    watch.allow(BROKEN)
    held: list[Route] = []
    mine.route(BATCH, lambda route: held.append(route), times=1)  # noqa: PLW0108 -- a built-in cannot be wrapped
    files = small(tmp_path, 12)
    pick(mine, *files.values())
    wait_until(mine, lambda: bool(held), "the request")
    mine.context.set_offline(True)
    held[0].abort("internetdisconnected")
    expect(mine.locator("[data-trouble]")).to_be_visible()
    mine.context.set_offline(False)
    total(mine, "12 files stored")
    all_there(site, person, files)
