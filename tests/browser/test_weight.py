"""What a page weighs on the wire, with nothing in the browser's cache and with all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page

from tests.browser.whole_site import SHELL, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

COLD, WARM, REQUESTS = 60_000, 12_000, 8
"""Bytes and requests of a list page: `docs` of the pages, decision 12."""
OWN_FILES = 15_000
"""Warm: a row has five buttons of its own, that work without a script."""
PAGES = ("/admin/files/", "/admin/users/", "/admin/audit/", "/admin/", "/")


@dataclass
class Wire:
    """Bytes that answers took, heads included, and how many there were; what came from the cache is none."""

    bytes: int = 0
    names: list[str] = field(default_factory=list)


def weigh(page: Page, url: str) -> Wire:
    found, cached = Wire(), set[str]()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    asked: dict[str, str] = {}
    session.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    session.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))

    def finished(event: dict[str, object]) -> None:
        key = str(event["requestId"])
        # What the page before still gets is not asked for here.
        if key in asked and key not in cached and event["encodedDataLength"]:
            found.bytes += int(str(event["encodedDataLength"]).partition(".")[0])
            found.names.append(asked[key])

    session.on("Network.loadingFinished", finished)
    page.goto(url, wait_until="networkidle")
    session.detach()
    return found


@pytest.fixture(scope="module")
def full(site: WholeSite) -> WholeSite:
    """With more of everything than a page shows."""
    owner = site.person()
    for number in range(55):
        site.store(owner, f"quarterly report {number:03} of the second department.pdf", b"x" * number)
        site.services.users.create(SHELL, username=f"weighed-{number}", email=f"weighed-{number}@example.org")
    return site


def test_pages_are_light(full: WholeSite, open_page: Callable[..., Page]) -> None:
    person = full.person("admin")
    for number in range(55):
        full.store(person, f"quarterly report {number:03} of the second department.pdf", b"x" * number)
    for path in PAGES:
        page = open_page()
        full.give_session(page, person)
        page.goto("about:blank")  # the page after the sign-in goes on loading
        page.context.new_cdp_session(page).send("Network.clearBrowserCache")
        cold = weigh(page, f"{full.url}{path}")
        warm = weigh(page, f"{full.url}{path}")
        assert cold.bytes <= COLD, (path, cold)
        assert warm.bytes <= (WARM if path != "/" else OWN_FILES), (path, warm)
        assert len(cold.names) <= REQUESTS, (path, cold)
        print(path, cold.bytes, len(cold.names), warm.bytes)
