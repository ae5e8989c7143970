"""The upload page in a real Chromium, beside `curl` and beside the API."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.doors import OCTETS
from benchmarks.http import Connection
from benchmarks.memory import MOST, Watched, warm
from benchmarks.pages import sign_in
from benchmarks.plan import MIB, Goal, Part, Plan
from benchmarks.site import Failed, Site, running
from benchmarks.timing import Moved, Series, in_turn, spread
from benchmarks.transfer import settle

CURL, PAGE, API = "`curl -T`", "the page", "the API"
LARGE, SMALL = 0.6, 0.5
"""Of the speed of curl with one file; of that of the API with many."""
HANDS = 6
"""Connections of the API: as many as a browser has to one host."""
SMALL_BYTES = 10_000
TURNS = 2
SECONDS = 300
PICKER = "input[data-picker=files]"
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")


def measure(plan: Plan) -> list[Part]:
    password, count = secrets.token_urlsafe(24), 200 if plan.quick else 1_000
    part = Part(
        "Uploads from the page",
        f"In Chromium on loopback, level `os`: a file of {plan.moved // MIB} MiB beside `curl -T`, median of "
        f"{plan.rounds} rounds and of their ratios; {count:,} files of {SMALL_BYTES:,} bytes beside as many `PUT` over "
        f"{HANDS} kept connections, median of {TURNS} turns. From picking the files until the site has the last.",
        ("", "one file", "ratio", f"{count:,} files", "ratio"),
    )
    files = plan.scratch / "page-files"
    files.mkdir()
    environ = {"BACKOFFICE_ADMIN_PASSWORD": password}
    with running(plan.scratch / "page", "os", environ) as site, _page(site, password) as page:
        warm(site)
        watched = Watched(site)
        large = _large(plan, site, page, files)
        small = _small(plan, site, page, files, count)
        grown = watched.growth
    ratio = statistics.median(api / own for own, api in zip(*small, strict=True))
    for name, times in ((CURL, None), (API, small[1]), (PAGE, small[0])):
        series = large.get(name)
        part.rows.append(
            [
                name,
                f"{series.median:,.0f} MB/s" if series else "",
                f"{series.over(large[CURL]):.2f}" if series else "",
                f"{count / statistics.median(times):,.0f} files/s" if times else "",
                f"{ratio:.2f}" if times is small[0] else "",
            ]
        )
    part.goals += [
        Goal(f"{PAGE} : {CURL}, one file", large[PAGE].over(large[CURL]), LARGE),
        Goal(f"{PAGE} : {API}, {count:,} files", ratio, SMALL),
        Goal("growth of a web worker, the page", grown, MOST, at_most=True, unit=" MiB"),
    ]
    part.figures |= {name: series.rates for name, series in large.items()} | {"small": small}
    return [part]


@contextmanager
def _page(site: Site, password: str) -> Iterator[Page]:
    """The upload page, signed in."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        context = browser.new_context()
        for pair in sign_in(site, password).split("; "):
            name, _, value = pair.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": f"http://{site.host}:{site.port}"}])
        page = context.new_page()
        page.goto(f"http://{site.host}:{site.port}/")
        yield page
        browser.close()


def _fresh(page: Page) -> None:
    """The page anew, with all that uploads take, which the first movement of the pointer loads."""
    page.goto(page.url)
    page.locator("body").dispatch_event("pointermove")
    page.wait_for_selector(PICKER, state="attached")


def _large(plan: Plan, site: Site, page: Page, files: Path) -> dict[str, Series]:
    path = files / "large.bin"
    path.write_bytes(os.urandom(plan.moved))
    _fresh(page)

    def moved(file_id: str, chunks: int) -> Moved:
        def clear() -> None:
            settle(site, file_id)
            site.free(file_id, chunks)

        return Moved(plan.moved, clear)

    def curl() -> Moved:
        address = f"http://{site.host}:{site.port}/files/"
        header = f"Authorization: Bearer {site.token}"
        done = subprocess.run(
            ["curl", "-sSf", "-T", str(path), "-H", header, address], check=True, capture_output=True, text=True
        )
        stored = json.loads(done.stdout)
        return moved(stored["id"], stored["total_chunks"])

    def from_the_page() -> Moved:
        before = _count(site)
        # A name that is taken would be asked about.
        named = path.with_name(f"large-{before}.bin")
        os.link(path, named)
        page.locator(PICKER).set_input_files(named)
        _await(site, page, before + 1)
        stored = _listed(site)["items"][0]
        return moved(stored["id"], stored["total_chunks"])

    plan.say("Uploads from the page: one file")
    return in_turn({CURL: curl, PAGE: from_the_page}, plan.rounds, plan.say)


def _small(plan: Plan, site: Site, page: Page, files: Path, count: int) -> tuple[list[float], list[float]]:
    """Seconds of each turn: from the page, and over the API."""
    own, api = list[float](), list[float]()
    plan.say("Uploads from the page: many files")
    for turn in range(TURNS):
        paths = []
        for number in range(count):
            paths.append(files / f"small-{turn}-{number}.bin")
            paths[-1].write_bytes(os.urandom(SMALL_BYTES))
        _fresh(page)
        before, began = _count(site), time.perf_counter()
        page.locator(PICKER).set_input_files(paths)
        _await(site, page, before + count)
        own.append(time.perf_counter() - began)
        contents = [path.read_bytes() for path in paths]
        api.append(_put_all(site, turn, contents))
        plan.say(f"  {turn + 1}/{TURNS} page {own[-1]:.1f} s, API {api[-1]:.1f} s")
    return own, api


def _put_all(site: Site, turn: int, contents: list[bytes]) -> float:
    hands = [Connection(site.host, site.port, site.headers) for _ in range(HANDS)]

    def put(hand: Connection, number: int) -> None:
        hand.ask("PUT", f"/files/api-{turn}-{number}.bin", [contents[number]], SMALL_BYTES, Content_Type=OCTETS)

    began = time.perf_counter()
    spread(put, hands, len(contents))
    took = time.perf_counter() - began
    for hand in hands:
        hand.__exit__(None, None, None)
    return took


def _await(site: Site, page: Page, count: int) -> None:
    """Wait until the site has so many files; the page goes on meanwhile. Raises Failed."""
    until = time.monotonic() + SECONDS
    while _count(site) < count:
        if time.monotonic() > until:
            raise Failed(f"after {SECONDS} s the page has not sent all: {page.locator('main').inner_text()[:500]}")
        page.wait_for_timeout(50)


def _count(site: Site) -> int:
    return int(_listed(site)["total"])


def _listed(site: Site) -> dict[str, Any]:
    with Connection(site.host, site.port, site.headers) as connection:
        found: dict[str, Any] = json.loads(connection.ask("GET", "/files?limit=1&sort=created&order=desc").body)
    return found
