"""Files that are looked at in a real browser: no script of theirs runs, and nothing leaves the page (F2)."""

from __future__ import annotations

import io
import math
import re
import struct
import zlib
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from backoffice.domain.files import File, FileSpec
from tests.browser.conftest import Watch
from tests.browser.pages import message
from tests.browser.whole_site import Person, WholeSite

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MARK = "top.HACKED = parent.HACKED = globalThis.HACKED = 1"
CALL = "fetch('/evil'); new Image().src = '/evil.gif'; open('/evil'); top.location = '/evil'"
HTML = (
    f"<!doctype html><meta http-equiv=refresh content='0;url=/evil'><base href='//evil.example/'><body onload='{MARK}'>"
    f"<script>{MARK}; {CALL}</script><img src=x onerror='{MARK}'><iframe src='javascript:{MARK}'></iframe>"
    "<link rel=stylesheet href='/evil.css'><form action='/evil'><button autofocus onfocus='submit()'></form>"
).encode()
SVG = (
    "<?xml version='1.0'?><?xml-stylesheet href='/evil.css'?>"
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' viewBox='0 0 9 9' "
    f"onload='{MARK}'><script>{MARK}; {CALL}</script><image href='/evil.png' width='9' height='9'/>"
    f"<use href='/evil.svg#a'/><foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload='{MARK}'>"
    f"<iframe src='/evil'/></body></foreignObject><a href='javascript:{MARK}'><circle r='9'/></a>"
    f"<animate onbegin='{MARK}' attributeName='x' dur='1s'/></svg>"
).encode()
PDF = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\(1\\);"
    b"this.submitForm\\('/evil'\\))>>>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n"
)
BREAKS_OUT = f'"><script>{MARK}</script><img src="/evil.png'.encode()
GIF = b"GIF89a/*\x00\x00\x00\x00\x00;*/=0;" + MARK.encode()
"""A polyglot: an image to one reader, a script to another."""


def png() -> bytes:
    """A small picture, with a script in one of its texts."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    text = b"Comment\0<script>" + MARK.encode() + b"</script>"
    pixels = zlib.compress(2 * (b"\0" + 2 * b"\xff\x80\x00"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        part(*one) for one in ((b"IHDR", head), (b"tEXt", text), (b"IDAT", pixels), (b"IEND", b""))
    )


def wav() -> bytes:
    """Two seconds of a tone."""
    tone = bytes(int(128 + 60 * math.sin(at / 5)) for at in range(16_000))
    about = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    body = b"WAVEfmt " + about + b"data" + struct.pack("<I", len(tone)) + tone
    return b"RIFF" + struct.pack("<I", len(body)) + body


HOSTILE = {
    "page.html": (HTML, ""),
    "page.xhtml": (HTML, "application/xhtml+xml"),
    "drawing.svg": (SVG, ""),
    "paper.pdf": (PDF, ""),
    "picture.png": (png(), ""),
    "no picture.png": (HTML, "image/png"),
    "breaks out.svg": (BREAKS_OUT, "image/svg+xml"),
    "polyglot.gif": (GIF, ""),
    "script.txt": (HTML, "text/plain"),
    "data.json": (HTML, "application/json"),
    "letter.eml": (HTML, "message/rfc822"),
    "film.mp4": (HTML, "video/mp4"),
    "tone.mp3": (HTML, "audio/mpeg"),
    "flash.swf": (b"FWS\x06", "application/x-shockwave-flash"),
    "old.mht": (HTML, "multipart/related"),
}


def store(site: WholeSite, person: Person, name: str, data: bytes, mime_type: str = "") -> File:
    made = FileSpec(name, mime_type)
    return site.services.uploads.upload_stream(site.actor(person), made, io.BytesIO(data).readinto, len(data))


@pytest.fixture
def boss(site: WholeSite) -> Person:
    return site.person("admin")


def test_F2_no_file_of_any_type_runs_anything_or_calls_anybody(site: WholeSite, page: Page, boss: Person) -> None:
    """Whatever a page of ours would have had to stop is a problem of its own: the console has to stay empty."""
    site.give_session(page, boss)
    asked = list[str]()
    page.context.on("request", lambda request: asked.append(request.url))
    page.context.on("page", lambda opened: asked.append(f"window {opened.url}"))
    for name, (data, mime_type) in HOSTILE.items():
        file = store(site, boss, name, data, mime_type)
        asked.clear()
        page.goto(f"{site.url}/admin/files/details/?id={file.id}", wait_until="load")
        page.wait_for_timeout(300)
        assert page.evaluate("globalThis.HACKED") is None, name
        assert urlsplit(page.url).path == "/admin/files/details/", name
        own = {f"/files/{file.id}/preview", "/admin/files/details/", "/favicon.ico"}
        far = [
            url
            for url in asked
            if not url.startswith("data:")
            and not (
                url.startswith(site.url) and (urlsplit(url).path in own or urlsplit(url).path.startswith("/static/"))
            )
        ]
        assert far == [], name
        shown = page.locator(".preview iframe, .preview audio, .preview video")
        assert shown.count() == (0 if name in {"paper.pdf", "flash.swf", "old.mht"} else 1), name
        if name == "paper.pdf":
            card = page.locator(".preview")
            expect(card).to_contain_text("PDFs are not shown here: they can hold scripts")
            expect(card.get_by_role("link", name="Download")).to_have_attribute("href", f"/files/{file.id}")
        if page.locator("iframe").count():
            assert page.locator("iframe").get_attribute("sandbox") == "", name


def test_F2_nor_where_somebody_opens_the_address_itself(
    site: WholeSite, page: Page, boss: Person, watch: Watch
) -> None:
    site.give_session(page, boss)
    watch.allow("sandbox|Content Security Policy|Failed to load")
    for name in ("page.html", "drawing.svg", "breaks out.svg", "no picture.png"):
        file = store(site, boss, name, *HOSTILE[name])
        answer = page.goto(f"{site.url}/files/{file.id}/preview", wait_until="load")
        assert answer is not None
        assert answer.header_value("content-security-policy").startswith("sandbox; default-src 'none'")  # type: ignore[union-attr]
        page.wait_for_timeout(200)
        assert urlsplit(page.url).path == f"/files/{file.id}/preview"
        page.goto(f"{site.url}/account")
        assert page.evaluate("globalThis.HACKED") is None


def test_sound_is_played_and_pictures_are_drawn(site: WholeSite, page: Page, boss: Person) -> None:
    site.give_session(page, boss)
    file = store(site, boss, "tone.wav", wav())
    page.goto(f"{site.url}/admin/files/details/?id={file.id}")
    page.wait_for_function("document.querySelector('audio').duration > 1.9")
    file = store(site, boss, "sunset.png", png())
    page.goto(f"{site.url}/admin/files/details/?id={file.id}")
    frame = page.frame_locator("iframe").locator("img")
    expect(frame).to_have_attribute("src", re.compile("^data:image/png;base64,"))
    expect(page.get_by_text("In the log this is a download.")).to_be_visible()


def test_the_page_of_a_file(site: WholeSite, page: Page, boss: Person, open_page: Callable[..., Page]) -> None:
    """Chunks are verified; tags are changed where they stand, also without a script."""
    site.give_session(page, boss)
    file = store(site, boss, "notes.txt", b"hello\n" * 100)
    address = f"{site.url}/admin/files/details/?id={file.id}"
    page.goto(f"{address}&tab=details")
    page.get_by_role("button", name="Verify now").click()
    message(page, "notes.txt is whole: 600 B in 1 chunk compared.")
    plain = open_page(java_script_enabled=False)
    site.give_session(plain, boss)
    plain.goto(address)
    plain.locator("dd", has=plain.locator("#quick-tags")).get_by_text("Change").click()
    plain.locator("#quick-tags").fill("Letters, 2026")
    plain.get_by_role("button", name="Save").locator("visible=true").click()
    expect(plain.locator(".facts .label")).to_have_text(["2026", "letters"])


def test_uploads_are_shown_as_they_come(site: WholeSite, page: Page, boss: Person) -> None:
    """In their place: what is selected stays selected, and nothing is loaded anew."""
    sender = site.person()
    actor, uploads = site.actor(sender), site.services.uploads
    name = f"{sender.name}.bin"

    def send(index: int, upload_id: str | None) -> str:
        return uploads.put_chunk(
            actor, upload_id=upload_id, index=index, total_chunks=4, size=4000, data=bytes([index]) * 1000, name=name
        ).upload.id

    upload_id = send(0, None)
    site.give_session(page, boss)
    page.goto(f"{site.url}/admin/uploads/?search={sender.name}")
    row = page.locator("tbody tr", has_text=sender.name).first
    expect(row).to_contain_text("25 % · 1.0 kB of 4.0 kB")
    row.get_by_role("checkbox").check()
    page.evaluate("document.querySelector('tbody tr').here = true")
    send(1, upload_id)
    expect(row).to_contain_text("50 % · 2.0 kB of 4.0 kB")
    send(2, upload_id)
    expect(row).to_contain_text("75 % · 3.0 kB of 4.0 kB")
    expect(row.locator("[data-pace]")).to_have_text(re.compile(r"B/s · \d+ s left$"))
    expect(row.get_by_role("checkbox")).to_be_checked()
    assert page.evaluate("document.querySelector('tbody tr').here === true")
    row.get_by_role("checkbox").uncheck()
    uploads.cancel(actor, upload_id)
    expect(row).to_have_class("row-gone")  # and stays while the focus is in it
    page.get_by_role("searchbox").focus()
    expect(page.locator("tbody tr", has_text=sender.name)).to_have_count(0)


def test_what_was_deleted_is_restored_from_its_row(site: WholeSite, page: Page, boss: Person) -> None:
    file = store(site, boss, f"{boss.name} résumé.txt", b"one")
    site.services.files.trash(site.actor(boss), file.id)
    site.give_session(page, boss)
    page.goto(f"{site.url}/admin/trash/?search={boss.name}+resume")
    row = page.locator("tbody tr").first
    row.hover()
    row.get_by_label(re.compile("^More for")).click()
    expect(row.get_by_role("button", name="Delete for good")).to_be_visible()
    page.keyboard.press("Escape")
    row.get_by_role("button", name=re.compile("^Restore")).click()
    message(page, "1 file was restored.")
    assert file.name in site.files(boss)
