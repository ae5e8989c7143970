"""The page below a path of its host, which is also a path of the site's own: its script finds its way, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.uploading import Bytes, pick, stored
from tests.browser.whole_site import PASSWORD
from tests.support.servers import Site, free_ports

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def below(tmp_path: Path) -> Iterator[str]:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}/files"
    environ = {"BACKOFFICE_ADMIN_PASSWORD": PASSWORD, "BACKOFFICE_DURABILITY": "os", "BACKOFFICE_PUBLIC_URL": f"{url}/"}
    process = Site.start(tmp_path / "data", environ=environ, port=port)
    try:
        process.ready()
        yield url
    finally:
        process.close()


def test_uploading_and_administering_below_a_path(
    below: str, page: Page, make_file: Callable[[str, int], Bytes]
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.goto(f"{below}/login")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.goto(f"{below}/")
    pick(page, make_file("film.bin", 9_000_000))
    stored(page, "film.bin")
    page.goto(f"{below}/admin/files/")
    expect(page.get_by_role("link", name="film.bin").first).to_be_visible()
    assert any(path.endswith("/upload_chunk") for path in asked)
    assert any(path.endswith("/upload_complete") for path in asked)
    assert not [path for path in asked if not path.startswith("/files/")]
