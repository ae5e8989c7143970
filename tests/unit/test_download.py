"""Sending a file, at the level of HTTP: ranges, conditions, headers, and what becomes of the stream (F1, F10)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from backoffice.domain.files import File
from backoffice.errors import ChunkLost, VersionMismatch
from backoffice.web.download import SAFE_TYPES, Body, disposition, send_file
from backoffice.web.ranges import Unsatisfiable, wanted_range

DATA = bytes(range(256)) * 4
PIECE = 100
CREATED = 1_700_000_000_500
FILE = File(
    id="f" * 25,
    name="report.txt",
    size=len(DATA),
    mime_type="text/plain",
    owner="u1",
    created_at=CREATED,
    total_chunks=11,
    digest=hashlib.sha256(DATA).digest(),
)


@dataclass
class Served:
    """A site with one file, and what was asked of its store."""

    file: File = FILE
    data: bytes = DATA
    opened: list[tuple[int, int]] = field(default_factory=list)
    closed: int = 0
    fail_at: int | None = None

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[memoryview]:
        end = self.file.size if stop is None else stop
        self.opened.append((start, end))
        return self._parts(start, end)

    def _parts(self, start: int, stop: int) -> Iterator[memoryview]:
        try:
            for at in range(start, stop, PIECE):
                if self.fail_at is not None and at >= self.fail_at:
                    raise ChunkLost(chunk_index=at // PIECE)
                yield memoryview(self.data)[at : min(at + PIECE, stop)]
        finally:
            self.closed += 1

    def client(self) -> FlaskClient:
        app = Flask("served")
        app.testing = True

        @app.errorhandler(VersionMismatch)
        def mismatch(_error: VersionMismatch) -> tuple[str, int]:
            return "", 412

        @app.route("/f")
        def view() -> Response:
            return send_file(self, request)

        return app.test_client()

    def get(self, method: str = "GET", **headers: str) -> TestResponse:
        return self.client().open("/f", method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture
def served() -> Served:
    return Served()


def test_the_whole_file(served: Served) -> None:
    answer = served.get()
    assert answer.status_code == 200
    assert answer.data == DATA
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{FILE.id}"'
    digest = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert answer.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_no_digest_until_it_is_known() -> None:
    assert "Repr-Digest" not in Served(replace(FILE, digest=b"")).get().headers


# -- F10: ranges


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-499", 0, 500),
        ("bytes=500-", 500, 1024),
        ("bytes=-1", 1023, 1024),
        ("bytes=-5000", 0, 1024),
        ("bytes=1000-99999999999999999999999999", 1000, 1024),
        ("bytes=0-" + "9" * 5000, 0, 1024),
        ("bytes=" + "0" * 5000 + "1-2", 1, 3),
        ("Bytes=1-2", 1, 3),
        ("bytes= 1-2 ,", 1, 3),
    ],
)
def test_f10_one_range(served: Served, header: str, start: int, stop: int) -> None:
    answer = served.get(Range=header)
    assert answer.status_code == 206
    assert answer.data == DATA[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"
    assert answer.headers["Content-Length"] == str(stop - start)
    assert served.opened == [(start, stop)]


@pytest.mark.parametrize(
    "header",
    [
        "items=0-1",
        "bytes=abc",
        "bytes=",
        "bytes",
        "bytes=5-2",
        "bytes=0-1,5-6",
        "bytes=--5",
        "bytes=+1-2",
        "bytes=1_0-20",
        "bytes=0x1-2",
        "bytes=١-٢",
        "bytes=1-2-3",
        "bytes=-",
        "",
        "bytes=1.5-2",
    ],
)
def test_f10_what_is_not_one_valid_range_is_ignored(served: Served, header: str) -> None:
    answer = served.get(Range=header.encode().decode("latin-1"))
    assert answer.status_code == 200
    assert answer.data == DATA
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=1024-2000", "bytes=" + "9" * 5000 + "-", "bytes=-0"])
def test_f10_unsatisfiable(served: Served, header: str) -> None:
    answer = served.get(Range=header)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */1024"
    assert served.opened == []


@given(st.from_regex(r"bytes=([0-9]{0,2}-[0-9]{0,3}|[0-9, -]{0,9})|[a-z=0-9-]*", fullmatch=True), st.integers(0, 50))
def test_f10_any_header_gives_a_span_within_the_file(header: str, size: int) -> None:
    try:
        span = wanted_range(header, size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span[0] < span[1] <= size


def test_f11_empty_file() -> None:
    served = Served(replace(FILE, size=0), b"")
    answer = served.get()
    assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", "0")
    assert served.get(Range="bytes=-5").status_code == 200
    assert served.get(Range="bytes=0-").status_code == 416


def test_head_says_all_and_reads_nothing(served: Served) -> None:
    answer = served.get("HEAD", Range="bytes=0-1")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == "1024"
    assert served.opened == []


# -- conditions, in the order of RFC 9110, section 13.2.2

TAG = f'"{FILE.id}"'
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:21 GMT"
EARLIER = "Tue, 14 Nov 2023 22:13:19 GMT"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": TAG}, 304),
        ({"If-None-Match": f"W/{TAG}"}, 304),
        ({"If-None-Match": f'"other", {TAG}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, 200),
        ({"If-Modified-Since": DATE}, 304),
        ({"If-Modified-Since": LATER}, 304),
        ({"If-Modified-Since": EARLIER}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Match": TAG}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": f"W/{TAG}"}, 412),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": ""}, 412),
        ({"If-Match": TAG, "If-Unmodified-Since": EARLIER}, 200),
        ({"If-Unmodified-Since": EARLIER}, 412),
        ({"If-Unmodified-Since": DATE}, 200),
        ({"If-Match": '"other"', "If-None-Match": TAG}, 412),
        ({"Range": "bytes=0-1", "If-None-Match": TAG}, 304),
        ({"Range": "bytes=0-1", "If-Range": TAG}, 206),
        ({"Range": "bytes=0-1", "If-Range": f"W/{TAG}"}, 200),
        ({"Range": "bytes=0-1", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=0-1", "If-Range": DATE}, 200),
        ({"Range": "bytes=0-1", "If-Range": LATER}, 200),
        ({"Range": "bytes=9999-", "If-Range": '"other"'}, 200),
        ({"If-Range": TAG}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions(served: Served, method: str, headers: dict[str, str], status: int) -> None:
    answer = served.client().open("/f", method=method, headers=headers)
    assert answer.status_code == (200 if method == "HEAD" and status == 206 else status)
    assert served.opened == ([] if method == "HEAD" or status in {304, 412} else served.opened)
    if status == 304:
        assert answer.data == b""
        assert answer.headers["ETag"] == TAG


# -- F1: a file from a stranger does nothing on our site

ACTIVE = [
    "text/html",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/xml",
    "application/pdf",
    "text/javascript",
    "application/javascript",
    "application/ecmascript",
    "text/ecmascript",
    "text/css",
    "application/x-shockwave-flash",
    "application/java-archive",
    "application/wasm",
    "text/vbscript",
    "application/xslt+xml",
    "application/mathml+xml",
    "application/rdf+xml",
    "application/atom+xml",
    "application/rss+xml",
    "multipart/x-mixed-replace",
    "message/rfc822",
    "text/cache-manifest",
    "application/manifest+json",
    "application/vnd.ms-htmlhelp",
    "text/x-component",
    "application/hta",
]


@pytest.mark.parametrize("mime_type", ACTIVE)
def test_f1_active_types_are_sent_as_bytes(mime_type: str) -> None:
    for name in ("x.html", "x.svg", "x"):
        answer = Served(replace(FILE, name=name, mime_type=mime_type)).get()
        assert mime_type not in SAFE_TYPES
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}, {"If-None-Match": TAG}])
def test_f1_safe_types_are_attachments_too(served: Served, headers: dict[str, str]) -> None:
    answer = served.client().get("/f", headers=headers)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    if answer.status_code != 304:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="report.txt"'
        assert answer.headers["Content-Type"] == "text/plain"


NAMES = [
    "plain.txt",
    "two words.txt",
    'quo"te.txt',
    "per%20cent.txt",
    "semi;colon=.txt",
    "Übergröße.pdf",
    "日本語.txt",
    "naïve café.doc",
    "'single'.txt",
    "a*b?.txt",
    "💾.bin",
    "filename*=UTF-8''x.html",
    "x\x85y",
    "{{7*7}}",
    "CON",
]


@pytest.mark.parametrize("name", NAMES)
def test_f1_i3_the_name_comes_out_whole_and_in_one_header(name: str) -> None:
    answer = Served(replace(FILE, name=name)).get()
    header = answer.headers["Content-Disposition"]
    assert header.isascii()
    assert header.isprintable()
    assert read_name(header) == name


@given(st.text(min_size=1, max_size=60).filter(lambda name: not any(0xD800 <= ord(c) <= 0xDFFF for c in name)))
def test_i3_no_name_breaks_the_header(name: str) -> None:
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert read_name(header) == name


def read_name(header: str) -> str:
    """The name as another parser of such headers reads it."""
    return parse_options_header(header)[1]["filename"]


# -- the stream


def test_a_failure_before_the_first_byte_is_an_error(served: Served) -> None:
    served.fail_at = 0
    with pytest.raises(ChunkLost):
        served.get()
    assert served.closed == 1


def test_a_failure_later_breaks_the_answer_off(served: Served) -> None:
    served.fail_at = 500
    with pytest.raises(ChunkLost):
        served.get().get_data()
    assert served.closed == 1


def test_the_stream_is_closed_when_the_client_goes_away(served: Served) -> None:
    answer = served.client().get("/f", buffered=False)
    parts = answer.iter_encoded()
    assert next(parts) == DATA[:PIECE]
    answer.close()
    assert served.closed == 1


def test_the_stream_is_closed_when_nobody_began_to_read(served: Served) -> None:
    body = Body(served.read(0, 1024))
    body.close()
    assert served.closed == 1


def test_whole_values_are_not_copied() -> None:
    value = bytes(1000)
    body = Body(iter([memoryview(value), memoryview(value)[1:]]))
    first, second = body
    assert first is value
    assert second == value[1:]
