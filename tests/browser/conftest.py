"""A whole site, people on it, and a real Chromium."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.pages import FASTER
from tests.browser.uploading import COUNT, SIZE, Bytes
from tests.browser.whole_site import CHUNK, PASSWORD, Person, WholeSite
from tests.support.long_acts import services_of
from tests.support.servers import Site, need

CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first is the same browser without its windows, which cost most of the processor time of these tests."""
SECONDS = 30
"""How long the page may take for something that is not an upload of many megabytes; machines of tests are busy."""

expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSite]:
    need(Path("/proc/self/stat").exists(), "/proc")
    data = tmp_path_factory.mktemp("site") / "data"
    sizes = {f"BACKOFFICE_{name}": str(CHUNK) for name in ("CHUNK_SIZE", "MAX_CHUNK_SIZE")}
    process = Site.start(data, environ=sizes | {"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_DURABILITY": "os"})
    try:
        url = process.ready()
        yield WholeSite(url, process, services_of(data))
    finally:
        process.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own browser, else the one that Playwright has installed."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, CHROMIUM)), None)
        need(found or Path(playwright.chromium.executable_path).exists(), "Chromium")
        # Nothing is drawn by a graphics card that is imitated. Whoever runs tests as root, in a container, cannot have
        # the sandbox.
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What went wrong in a page without a test looking: script errors, refused resources, breaches of the policy."""

    problems: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """This may happen in this test."""
        self.allowed.append(pattern)

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.problems.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def check(self) -> None:
        left = [one for one in self.problems if not any(re.search(pattern, one) for pattern in self.allowed)]
        assert not left, "\n".join(left)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Checked at the end of every test that opens a page."""
    watching = Watch()
    yield watching
    watching.check()


@pytest.fixture
def open_page(chromium: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser that knows nothing; options are those of `new_context`."""
    contexts: list[BrowserContext] = []

    def open_it(**options: Any) -> Page:
        context = chromium.new_context(**options)
        context.set_default_timeout(SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        watch.watch(page)
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


@pytest.fixture
def person(site: WholeSite) -> Person:
    return site.person()


@pytest.fixture
def mine(site: WholeSite, page: Page, person: Person) -> Page:
    """The page of that person's files, signed in and with its script at work."""
    site.let_in(page, person)
    return page


@pytest.fixture
def hurried(page: Page) -> None:
    """The page's clock goes faster: what it waits for by time, it waits for a fraction as long. To be asked for with
    `usefixtures`, before the page is opened."""
    page.add_init_script(
        f"""(() => {{
            const {{ performance, setTimeout }} = globalThis;
            const now = performance.now.bind(performance);
            performance.now = () => now() * {FASTER};
            globalThis.setTimeout = (run, ms = 0, ...rest) => setTimeout(run, ms / {FASTER}, ...rest);
        }})();"""
    )


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[..., Bytes]:
    """Random bytes under a name."""

    def make(name: str, size: int) -> Bytes:
        found, path = hashlib.sha256(), tmp_path / name
        with path.open("wb") as out:
            for start in range(0, size, 1 << 20):
                block = os.urandom(min(1 << 20, size - start))
                found.update(block)
                out.write(block)
        return Bytes(path, found.hexdigest())

    return make


@pytest.fixture
def begun(site: WholeSite, person: Person) -> Callable[..., str]:
    """An upload that another browser began: these chunks have arrived."""

    def begin(name: str, data: bytes, indexes: list[int], size: int = SIZE // COUNT) -> str:
        actor, upload_id, count = site.actor(person), None, -(-len(data) // size)
        for index in indexes:
            piece = data[index * size : (index + 1) * size]
            view = site.services.uploads.put_chunk(
                actor, upload_id=upload_id, index=index, total_chunks=count, data=piece, size=len(data), name=name
            )
            upload_id = view.upload.id
        assert upload_id is not None
        return upload_id

    return begin


@pytest.fixture
def slow_network() -> Callable[[Page, int], None]:
    """Lets a page send so many bytes a second; 0: as many as it can."""

    def slow(page: Page, upload: int) -> None:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload or -1},
        )

    return slow


@pytest.fixture
def frozen_store(site: WholeSite) -> Iterator[Callable[[], Callable[[], None]]]:
    """Stops the store where it stands; what comes back lets it go on."""
    pid = site.store_pid()

    def freeze() -> Callable[[], None]:
        os.kill(pid, signal.SIGSTOP)
        return lambda: os.kill(pid, signal.SIGCONT)

    yield freeze
    os.kill(pid, signal.SIGCONT)
