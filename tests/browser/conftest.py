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
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from backoffice.app import build_services, store_client
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.files import File, FileSpec
from backoffice.domain.ids import new_id
from backoffice.domain.paging import Query
from backoffice.domain.uploads import Upload
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import find, socket_url
from backoffice.secret import Secret
from backoffice.services.container import Services
from backoffice.settings import Settings
from tests.support.servers import Site, descendants, need

PASSWORD = "violet-harbour-93-lantern"
SHELL = system_actor("test", "shell")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 30
"""How long the page may take for something that is not an upload of many megabytes; machines of tests are busy."""

expect.set_options(timeout=SECONDS * 1000)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    id: str
    name: str


@dataclass(slots=True)
class WholeSite:
    """`manage.py up`, seen from outside and, to prepare and to compare, from inside."""

    url: str
    process: Site
    services: Services

    def person(self, *roles: str, quota: int | None = None) -> Person:
        """A new person each time, so that no test sees another's files."""
        user, _ = self.services.users.create(
            SHELL, username=f"u-{new_id()[:8].lower()}", password=PASSWORD, roles=roles or ("user",), quota_bytes=quota
        )
        return Person(user.id, user.username)

    def actor(self, person: Person) -> Actor:
        _, text = self.services.tokens.create(SHELL, name="test", user_id=person.id, days=1)
        found = self.services.tokens.authenticate(text, ip="127.0.0.1", agent="test", request_id="test")
        assert found is not None
        return found[0]

    def sign_in(self, page: Page, person: Person) -> None:
        page.goto(f"{self.url}/login")
        page.get_by_label("User name").fill(person.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My files")

    def files(self, person: Person) -> dict[str, File]:
        page = self.services.files.page(self.actor(person), Query(limit=500))
        return {file.name: file for file in page.items}

    def uploads(self, person: Person) -> list[Upload]:
        """The unfinished ones."""
        return list(self.services.uploads.mine(self.actor(person), Query(sort="created")).items)

    def sha256(self, person: Person, file: File) -> str:
        """Of the bytes that are stored."""
        found = hashlib.sha256()
        for part in self.services.files.open(self.actor(person), file.id).read():
            found.update(part)
        return found.hexdigest()

    def store(self, person: Person, name: str, data: bytes = b"data") -> File:
        left = memoryview(data)

        def read_into(view: memoryview) -> int:
            nonlocal left
            count = min(len(view), len(left))
            view[:count], left = left[:count], left[count:]
            return count

        return self.services.uploads.upload_stream(self.actor(person), FileSpec(name), read_into, len(data))

    def store_pid(self) -> int:
        """The process of the store."""
        family = descendants(self.process.process.pid)
        found = [pid for pid in family if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert len(found) == 1, "one store"
        return found[0]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSite]:
    need(Path("/proc/self/stat").exists(), "/proc")
    data = tmp_path_factory.mktemp("site") / "data"
    process = Site.start(data, environ={"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_DURABILITY": "os"})
    try:
        url = process.ready()
        layout = Layout.at(data)
        running = find(layout)
        assert running is not None
        settings = Settings(
            redis_url=socket_url(running.socket),
            redis_password=Secret(layout.store_password.read_text().strip()),
            secret_keys=(Secret(layout.secret.read_text().strip()),),
            data_dir=data,
        )
        yield WholeSite(url, process, build_services(settings, store_client(settings)))
    finally:
        process.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own browser, else the one that Playwright has installed."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, CHROMIUM)), None) or playwright.chromium.executable_path
        need(found and Path(found).exists(), "Chromium")
        # Whoever runs tests as root, in a container, cannot have the sandbox.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
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
    site.sign_in(page, person)
    expect(page.locator("[data-drop]")).to_have_class(re.compile(r"\bready\b"))
    return page


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file on this machine and what it has."""

    path: Path
    sha256: str


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


def no_barriers(page: Page) -> None:
    """Fails with what axe finds on the page as it is now: WCAG 2.2 A and AA, and good practice."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
