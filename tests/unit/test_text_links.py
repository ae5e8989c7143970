"""Links to texts: who may read one by its page, and when that is counted."""

from __future__ import annotations

import html
import re
import time

import pytest
from redis import Redis

from backoffice.domain.files import FileSpec
from backoffice.domain.limits import LINK_AGAIN_SECONDS, MAX_LINK_TEXT
from backoffice.domain.links import Link
from tests.support.links import Sharing, download, press
from tests.support.uploads import reader
from tests.support.website import PASSWORD, Browser, Site

TEXT = 'first line\n\t<script>alert(1)</script> & "quotes" {{7*7}}\n\u202eright to left\u202c, é, \U0001f642\n'


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Sharing:
    site, client = shared
    client.flushall()
    return Sharing(site)


def text(on: Sharing, data: bytes = TEXT.encode(), name: str = "note.txt", mime: str = "", **fields: object) -> str:
    """The path of a link to it."""
    file = on.site.services.uploads.upload_stream(on.owner(), FileSpec(name, mime), reader(data))
    return on.share(file=file.id, **fields)[1]


def link_of(on: Sharing, path: str) -> Link:
    found = on.links.store.get(path.removeprefix("/s/")[:22])
    assert found is not None
    return found


def shown(browser: Browser, path: str) -> str | None:
    """The text that the page shows."""
    found = re.search(r"<pre [^>]*>\n(.*?)</pre>", browser.get(path).text, re.DOTALL)
    return html.unescape(found[1]) if found else None


def test_a_text_is_shown_at_once_where_nothing_is_asked_or_counted(on: Sharing) -> None:
    path = text(on)
    for _ in range(50):
        assert shown(on.stranger(), path) == TEXT
    assert "<script>alert" not in on.stranger().get(path).text
    raw = on.stranger().get(f"{path}/raw")
    assert (raw.data.decode(), raw.headers["Content-Type"]) == (TEXT, "text/plain; charset=utf-8")
    assert raw.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert (raw.headers["X-Content-Type-Options"], raw.headers["Cache-Control"]) == ("nosniff", "private, no-store")
    assert (link_of(on, path).downloads, len(on.entries("link.open"))) == (0, 1)
    assert download(on.stranger(), path).data.decode() == TEXT
    assert link_of(on, path).downloads == 1


def test_who_takes_a_text_by_itself_is_in_the_log_as_who_looks(on: Sharing) -> None:
    path = text(on)
    for _ in range(3):
        assert on.stranger().get(f"{path}/raw").status_code == 200
    assert len(on.entries("link.open")) == 1


@pytest.mark.parametrize("data", [b"\nbegins with an empty line", b"\r\nwindows\r\n", b" "])
def test_no_byte_of_a_text_gets_lost_on_the_page(on: Sharing, data: bytes) -> None:
    path = text(on, data)
    assert shown(on.stranger(), path) == data.decode()
    assert on.stranger().get(f"{path}/raw").data == data


def test_Z7_nobody_reads_a_text_uncounted_where_a_number_is_set(on: Sharing) -> None:
    path = text(on, max_downloads=1)
    browser = on.stranger()
    for _ in range(50):
        assert shown(browser, path) is None
        assert browser.get(f"{path}/raw").status_code == 303
        assert browser.open(path, "HEAD").status_code == 200
    assert link_of(on, path).downloads == 0
    assert press(browser, path, {"show": "1"}).headers["Location"] == path
    assert shown(browser, path) == TEXT
    assert (browser.get(f"{path}/raw").data, browser.get(f"{path}/file").data) == (TEXT.encode(), TEXT.encode())
    assert link_of(on, path).downloads == 1
    other = on.stranger()
    assert [other.get(path + way).status_code for way in ("", "/raw", "/file")] == [404, 404, 303]


def test_Z7_what_was_shown_once_is_shown_again_for_minutes_only(on: Sharing, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text(on, max_downloads=2)
    browser = on.stranger()
    press(browser, path, {"show": "1"})
    later = time.time() + LINK_AGAIN_SECONDS + 1
    monkeypatch.setattr("backoffice.web.link_tickets.time.time", lambda: later)
    assert shown(browser, path) is None
    assert browser.get(f"{path}/raw").status_code == 303
    assert link_of(on, path).downloads == 1


def test_Z7_a_text_with_a_password_is_shown_to_who_has_it(on: Sharing) -> None:
    path = text(on, password=PASSWORD)
    browser = on.stranger()
    for form in ({"show": "1"}, {"show": "1", "password": "wrong"}):
        assert press(browser, path, form).status_code == 401
    assert (shown(browser, path), browser.get(f"{path}/raw").status_code) == (None, 303)
    assert "note.txt" not in browser.get(path).text
    press(browser, path, {"show": "1", "password": PASSWORD})
    assert (shown(browser, path), link_of(on, path).downloads) == (TEXT, 1)


def test_Z7_a_link_that_is_shut_shows_no_text_to_who_read_it(on: Sharing) -> None:
    path = text(on, max_downloads=1)
    browser = on.stranger()
    press(browser, path, {"show": "1"})
    on.links.revoke(on.owner(), link_of(on, path).id)
    for way in ("", "/raw", "/file"):
        answer = browser.get(path + way)
        assert (answer.status_code, b"first line" in answer.data) == (404, False)


@pytest.mark.parametrize(
    ("data", "name", "mime"),
    [
        (b"no \xff UTF-8", "a.txt", "text/plain"),
        (b"a \0 NUL", "a.txt", "text/plain"),
        (b"x" * (MAX_LINK_TEXT + 1), "a.txt", "text/plain"),
        (b"<p>not said to be one", "a.bin", "application/octet-stream"),
        (b"%PDF-1.4", "a.pdf", "application/pdf"),
        (b"", "a.txt", "text/plain"),
    ],
)
def test_what_is_no_text_is_offered_as_a_file(on: Sharing, data: bytes, name: str, mime: str) -> None:
    path = text(on, data, name, mime)
    browser = on.stranger()
    assert (shown(browser, path), browser.get(f"{path}/raw").status_code) == (None, 303)
    assert download(browser, path).data == data
    assert download(on.stranger(), path, show="1").data == data


def test_html_is_shown_as_the_text_that_it_is(on: Sharing) -> None:
    path = text(on, b"<!doctype html><script>alert(1)</script>", "page.html", "text/html")
    browser = on.stranger()
    assert shown(browser, path) == "<!doctype html><script>alert(1)</script>"
    assert browser.get(f"{path}/raw").headers["Content-Type"] == "text/plain; charset=utf-8"
