"""Uppy, a widget of others that many sites have, over tus in Chromium: it finishes whatever happens on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.pages import wait_until
from tests.browser.uploading import BROKEN, Bytes, MakeFile, Slow
from tests.browser.whole_site import CHUNK, SHELL, Person, WholeSite
from tests.support.servers import ROOT, descendants, need

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
UPPY: Final = ROOT / "tests" / "browser" / "uppy"
PAGE: Final = """<!doctype html><html lang="en"><title>A page with Uppy</title><link rel="icon" href="data:,">
<label>File <input type="file"></label><output></output><script type="module">
import { Uppy, Tus } from "/uppy-page.mjs";
const said = document.querySelector("output");
const { token, chunkSize } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const uppy = new Uppy({ autoProceed: true }).use(Tus, {
  endpoint: "/tus/", headers: { Authorization: `Bearer ${token}` }, chunkSize: Number(chunkSize),
  retryDelays: [100, 200, 400, 800, 1600, 3200, 6400],
});
uppy.on("upload-progress", (file, progress) => { said.dataset.bytes = progress.bytesUploaded; });
uppy.on("upload-error", (file, error) => { said.textContent = `failed: ${error}`; });
uppy.on("upload-success", (file) => { said.textContent = `stored: ${file.name}`; });
document.querySelector("input").addEventListener("change", (event) => {
  for (const file of event.target.files) uppy.addFile({ name: file.name, type: file.type, data: file });
});
document.body.dataset.ready = "";
</script></html>"""
SIZE: Final = 8 * CHUNK


@pytest.fixture
def uppy(site: WholeSite, page: Page, person: Person, watch: Watch) -> Callable[[Bytes], None]:
    """Opens a page with the widget and gives it a file."""
    bundle = UPPY / "node_modules" / "uppy" / "dist" / "uppy.min.mjs"
    need(bundle.exists(), f"Uppy (npm ci in {UPPY.relative_to(ROOT)})")
    watch.allow(BROKEN)
    watch.allow(r"\[Uppy\]")
    _, token = site.services.tokens.create(SHELL, name="uppy", user_id=person.id, days=1)

    def answer(route: Route, body: str | Path, content_type: str) -> None:
        given = {"path": body} if isinstance(body, Path) else {"body": body}
        route.fulfill(**given, content_type=content_type)  # type: ignore[arg-type]

    page.context.route("**/uppy-page.html", lambda route: answer(route, PAGE, "text/html"))
    page.context.route("**/uppy-page.mjs", lambda route: answer(route, bundle, "text/javascript"))

    def give(file: Bytes) -> None:
        page.goto(f"{site.url}/uppy-page.html#token={token}&chunkSize={CHUNK}")
        expect(page.locator("body[data-ready]")).to_be_attached()
        page.locator("input").set_input_files(file.path)

    return give


def half_way(page: Page) -> None:
    def sent() -> int:
        return int(page.locator("output").get_attribute("data-bytes") or 0)

    wait_until(page, lambda: sent() >= SIZE // 2, "half of it is sent")


def stored(site: WholeSite, page: Page, person: Person, file: Bytes) -> None:
    """It is there once, byte for byte, and nothing beside it."""
    expect(page.locator("output")).to_have_text(f"stored: {file.path.name}", timeout=90_000)
    found = site.files(person)
    assert list(found) == [file.path.name]
    assert site.sha256(person, found[file.path.name]) == file.sha256
    assert site.uploads(person) == []


def test_uppy(site: WholeSite, page: Page, person: Person, uppy: Callable[[Bytes], None], make_file: MakeFile) -> None:
    file = make_file("film.bin", SIZE + 1)
    uppy(file)
    stored(site, page, person, file)


@pytest.mark.parametrize("what", ["offline", "worker", "store"])
def test_uppy_is_interrupted(
    site: WholeSite,
    page: Page,
    person: Person,
    uppy: Callable[[Bytes], None],
    make_file: MakeFile,
    slow_network: Slow,
    what: str,
) -> None:
    file = make_file("film.bin", SIZE)
    slow_network(page, 2 * CHUNK)
    uppy(file)
    half_way(page)
    if what == "offline":
        page.context.set_offline(True)
        page.wait_for_timeout(500)
        page.context.set_offline(False)
    elif what == "worker":
        for pid in web_workers(site):
            os.kill(pid, signal.SIGKILL)
    else:
        os.kill(site.store_pid(), signal.SIGKILL)
    slow_network(page, 0)
    stored(site, page, person, file)


def test_uppy_goes_on_after_its_page_was_closed(
    site: WholeSite,
    page: Page,
    person: Person,
    uppy: Callable[[Bytes], None],
    make_file: MakeFile,
    slow_network: Slow,
) -> None:
    file = make_file("film.bin", SIZE)
    slow_network(page, 2 * CHUNK)
    uppy(file)
    half_way(page)
    page.goto("about:blank")
    slow_network(page, 0)
    [left] = site.uploads(person)
    assert left.bytes >= SIZE // 2 - CHUNK
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    uppy(file)
    stored(site, page, person, file)
    assert sent.count("POST") == 0, "it began anew"
    assert sent.count("PATCH") <= (SIZE - left.bytes) // CHUNK + 1


def web_workers(site: WholeSite) -> list[int]:
    """Those that answer requests: what gunicorn's own process has started."""
    family = descendants(site.process.process.pid)
    served = [pid for pid in family if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    found = [pid for pid in served if parent(pid) in served]
    assert found, "there are web workers"
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
