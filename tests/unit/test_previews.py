"""What of a file is shown, as what, and under which headers: no script of a file ever runs (F1, F2)."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from flask import Flask, Response, request
from werkzeug.test import TestResponse

from backoffice.domain.files import File, FileSpec
from backoffice.domain.limits import MAX_IMAGE_SHOWN, MAX_TEXT_SHOWN
from backoffice.domain.previews import PreviewKind, preview_of
from backoffice.errors import ChunkLost
from backoffice.web.preview import send_preview
from tests.support.admin_views import Desk

EVIL = b"<script>top.HACKED = 1</script><svg onload=alert(1)>"
FILE = File(id="f" * 22, name="a", size=0, mime_type="", owner="u1", created_at=1_700_000_000_000, total_chunks=1)


@dataclass
class Opened:
    """A file that counts what is read of it."""

    data: bytes
    mime_type: str
    part: int = 1000
    lost_at: int = 1 << 60
    read_ranges: list[tuple[int, int]] = field(default_factory=list)

    @property
    def file(self) -> File:
        return replace(FILE, size=len(self.data), mime_type=self.mime_type)

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        end = len(self.data) if stop is None else stop
        self.read_ranges.append((start, end))
        return self._parts(start, end)

    def _parts(self, start: int, end: int) -> Iterator[memoryview]:
        for at in range(start, end, self.part):
            if at >= self.lost_at:
                raise ChunkLost(index=at)
            yield memoryview(self.data)[at : min(at + self.part, end)]

    def get(self, method: str = "GET", **headers: str) -> TestResponse:
        app = Flask("shown")
        app.testing = True

        @app.route("/p")
        def view() -> Response:
            return send_preview(self, request)

        return app.test_client().open("/p", method=method, headers=headers, buffered=True)


def policy(answer: TestResponse) -> dict[str, str]:
    found = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in found}


# -- what is sent


@pytest.mark.parametrize(
    "mime_type", ["text/plain", "text/html", "text/xml", "text/x-anything", "application/json", "application/xhtml+xml"]
)
def test_F2_text_of_every_kind_is_sent_as_plain_text(mime_type: str) -> None:
    answer = Opened(EVIL, mime_type).get()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.data == EVIL
    assert policy(answer)["sandbox"] == ""
    assert policy(answer)["default-src"] == "'none'"
    assert policy(answer)["frame-ancestors"] == "'self'"


@pytest.mark.parametrize("mime_type", ["image/png", "image/svg+xml", "image/gif"])
def test_F2_an_image_is_data_in_a_page_of_ours(mime_type: str) -> None:
    """Whatever is in it, be it a document or nonsense, none of its characters is markup of the page."""
    answer = Opened(EVIL, mime_type).get()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    [data] = re.findall(rf'<img alt="[^"]*" src="data:{re.escape(mime_type)};base64,([A-Za-z0-9+/=]*)">', answer.text)
    assert base64.b64decode(data) == EVIL
    assert "<script" not in answer.text
    wanted = policy(answer)
    assert (wanted["sandbox"], wanted["default-src"], wanted["img-src"]) == ("", "'none'", "data:")
    assert "script-src" not in wanted
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("part", [1, 2, 3, 4, 1000])
@pytest.mark.parametrize("size", [1, 2, 3, 100, 3001])
def test_an_image_comes_whole_from_parts_of_any_size(part: int, size: int) -> None:
    data = bytes(at % 251 for at in range(size))
    answer = Opened(data, "image/png", part=part).get()
    assert base64.b64decode(answer.text.partition("base64,")[2].partition('"')[0]) == data
    assert answer.headers["Content-Length"] == str(len(answer.data))


@pytest.mark.parametrize(
    "mime_type",
    [
        "application/pdf",
        "application/x-shockwave-flash",
        "application/java-archive",
        "application/octet-stream",
        "image/tiff",
        "image/x-evil",
        "video/x-evil",
        "multipart/related",
        "model/x3d+xml",
        "message/external-body",
        "text",
        "",
    ],
)
def test_F2_what_is_not_in_the_table_is_not_shown(mime_type: str) -> None:
    assert preview_of(replace(FILE, mime_type=mime_type, size=1)) is None


def test_a_type_is_never_sent_as_the_sender_wrote_it() -> None:
    """Those that are sent at all are these."""
    known = ["image/x-ms-bmp", "audio/x-wav", "video/quicktime", "image/png", "text/x-;evil", "audio/mp3"]
    sent = [found.type for one in known if (found := preview_of(replace(FILE, mime_type=one)))]
    assert sent == ["image/bmp", "audio/wav", "video/mp4", "image/png", "text/plain; charset=utf-8", "audio/mpeg"]


def test_F7_an_image_that_is_too_large_is_not_shown() -> None:
    image = replace(FILE, mime_type="image/png", size=MAX_IMAGE_SHOWN)
    assert preview_of(image) is not None
    assert preview_of(replace(image, size=MAX_IMAGE_SHOWN + 1)) is None


def test_of_a_long_text_the_beginning_is_read_and_no_character_is_cut() -> None:
    text = "ä" * (MAX_TEXT_SHOWN)
    opened = Opened(b"x" + text.encode(), "text/plain", part=1 << 20)
    answer = opened.get()
    assert opened.read_ranges == [(0, MAX_TEXT_SHOWN)]
    assert answer.text == "x" + "ä" * ((MAX_TEXT_SHOWN - 1) // 2)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("\ufeffgrüß".encode(), "grüß"),
        ("grüß".encode("utf-16"), "grüß"),
        (b"\xfe\xff" + "grüß".encode("utf-16-be"), "grüß"),
        (b"a\xffb", "a\ufffdb"),
        (b"a\x00\x1b[31mb\x7f\tc\r\n", "a\ufffd\ufffd[31mb\ufffd\tc\r\n"),
    ],
)
def test_text_is_written_anew(data: bytes, shown: str) -> None:
    assert Opened(data, "text/plain").get().data.decode() == shown


@pytest.mark.parametrize(("mime_type", "kind"), [("audio/mpeg", PreviewKind.AUDIO), ("video/webm", PreviewKind.VIDEO)])
def test_sound_and_film_come_in_ranges_and_are_no_document(mime_type: str, kind: PreviewKind) -> None:
    opened = Opened(bytes(2000), mime_type)
    found = preview_of(opened.file)
    assert found is not None
    assert found.kind is kind
    whole, part = opened.get(), opened.get(Range="bytes=100-199")
    assert (whole.status_code, part.status_code, len(part.data)) == (200, 206, 100)
    for answer in (whole, part):
        assert answer.headers["Content-Type"] == mime_type
        assert "Content-Disposition" not in answer.headers
        assert policy(answer)["sandbox"] == ""
    assert opened.get(Range="bytes=5000-").status_code == 416


@pytest.mark.parametrize("mime_type", ["text/plain", "image/png", "audio/mpeg"])
def test_who_asks_for_the_headers_alone_has_read_nothing(mime_type: str) -> None:
    opened = Opened(b"x" * 10, mime_type)
    answer = opened.get("HEAD")
    assert (answer.status_code, answer.data, opened.read_ranges) == (200, b"", [])
    assert policy(answer)["sandbox"] == ""


# -- on the site


def _stored(whole: Desk, name: str, data: bytes, mime_type: str = "") -> File:
    owner = replace(whole._owner(None), name="the-user")
    return whole.site.services.uploads.upload_stream(
        owner, FileSpec(name, mime_type), io.BytesIO(data).readinto, len(data)
    )


def test_looking_is_reading(whole: Desk) -> None:
    """The same right, the same entry in the log; a stranger is told what is told of nothing."""
    file = _stored(whole, "looked-at.txt", b"hello")
    operator, stranger = whole.as_("operator"), whole.as_("user")
    assert operator.get(f"/files/{file.id}/preview").text == "hello"
    assert whole.actions(whole.id_of("operator"))[0] == "file.download"
    assert stranger.get(f"/files/{file.id}/preview").text == "hello"  # its owner
    other = whole.file(owner=whole.user())
    gone = stranger.get("/files/" + "0" * 22 + "/preview")
    refused = stranger.get(f"/files/{other.id}/preview")
    assert (refused.status_code, refused.json["code"]) == (gone.status_code, gone.json["code"]) == (404, "not_found")
    assert whole.as_("registrar").get(f"/files/{other.id}/preview").status_code == 403


def test_what_is_not_shown_says_why_and_is_not_in_the_log(whole: Desk) -> None:
    file = _stored(whole, "paper.pdf", b"%PDF-1.7 /JavaScript")
    answer = whole.as_("admin").get(f"/files/{file.id}/preview")
    assert answer.status_code == 404
    assert "PDFs are not shown here" in answer.json["detail"]
    assert "file.download" not in whole.actions(whole.id_of("admin"))[:2]


def test_the_answer_on_the_site_has_these_headers_and_no_others_of_the_kind(whole: Desk) -> None:
    file = _stored(whole, "picture.svg", EVIL)
    answer = whole.as_("admin").get(f"/files/{file.id}/preview", headers={"Accept-Encoding": "gzip"})
    assert answer.headers.getlist("X-Frame-Options") == ["SAMEORIGIN"]
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Length"] == str(len(answer.data))


def test_H2_a_page_gives_up_two_words_of_its_policy_only_where_it_shows_a_file(whole: Desk) -> None:
    shown, not_shown = _stored(whole, "notes.txt", b"x"), _stored(whole, "empty.txt", b"")
    admin = whole.as_("admin")
    pages = {
        f"/admin/files/details/?id={shown.id}": True,
        f"/admin/files/details/?id={shown.id}&tab=details": False,
        f"/admin/files/details/?id={not_shown.id}": False,
        "/admin/files/": False,
        "/account": False,
    }
    for address, widened in pages.items():
        answer = admin.get(address)
        assert answer.status_code == 200
        wanted = policy(answer)
        assert ("frame-src" in wanted, "media-src" in wanted) == (widened, widened), address
        assert wanted["frame-ancestors"] == "'none'"
        assert wanted["script-src"] == "'self'"
    text = admin.get(f"/admin/files/details/?id={shown.id}").text
    assert f'<iframe sandbox src="/files/{shown.id}/preview"' in text
    assert "allow-" not in text
    assert "The file is empty." in admin.get(f"/admin/files/details/?id={not_shown.id}").text


def test_a_long_text_says_how_much_of_it_is_shown(whole: Desk) -> None:
    file = _stored(whole, "long.log", b"line\n" * (MAX_TEXT_SHOWN // 5 + 1))
    assert "Shown: the first 262 kB" in whole.as_("admin").get(f"/admin/files/details/?id={file.id}").text
