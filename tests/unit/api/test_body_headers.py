"""Headers and types that change what a body means, on every door: honoured, or refused with a reason."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from backoffice.domain.mime_types import UNSAID
from tests.support.api_site import Person, form, nothing_changed, problem
from tests.support.website import Site as WholeSite
from tests.support.website import make_whole_site

DIGEST = f"sha-256=:{base64.b64encode(hashlib.sha256(b'x').digest()).decode()}:"
OCTETS = "application/octet-stream"
CHUNK = {"chunk_index": 0, "total_chunks": 1}

Door = Callable[[Person, dict[str, str]], TestResponse]


def door(method: str, path: str, **more: Any) -> Door:
    return lambda ann, headers: ann.call(
        method, path, headers=headers, **{k: v() if callable(v) else v for k, v in more.items()}
    )


DOORS: dict[str, Door] = {
    "put": door("PUT", "/files/a.txt", data=b"x"),
    "chunk, raw": door("POST", "/upload_chunk", query_string=CHUNK, data=b"x", content_type=OCTETS),
    "chunk, form": door("POST", "/upload_chunk", data=lambda: form(b"x")),
    "chunk, json": door("POST", "/upload_chunk", json={**CHUNK, "chunk_data": "eA=="}),
    "complete": lambda ann, headers: ann.call(
        "POST", "/upload_complete", headers, json={"file_id": ann.start(b"x"), "name": "a.txt", "total_size": 1}
    ),
    "rename": lambda ann, headers: ann.call(
        "POST", f"/files/{ann.upload()}/rename", headers, json={"new_name": "b.txt"}
    ),
}
OK = (200, 201)
REFUSED = (400, "invalid")
PACKED = (415, "unsupported_media_type")

# Of each header: what comes of it at every door; where the doors differ, at those that are named.
TABLE: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("Content-Range", "bytes 100-199/200", REFUSED, {}),
    ("Content-Range", "bytes 0-0/1", REFUSED, {}),
    ("Content-Range", "nonsense", REFUSED, {}),
    ("Content-Encoding", "gzip", PACKED, {}),
    ("Content-Encoding", "br, gzip", PACKED, {}),
    ("Content-Encoding", "identity, gzip", PACKED, {}),
    ("Content-Encoding", "aes128gcm", PACKED, {}),
    ("Content-Encoding", "identity", OK, {}),
    ("Content-Encoding", "", OK, {}),
    ("Content-Transfer-Encoding", "base64", PACKED, {}),
    ("Content-Transfer-Encoding", "quoted-printable", PACKED, {}),
    ("Content-Transfer-Encoding", "binary", OK, {}),
    ("Transfer-Encoding", "gzip, chunked", REFUSED, {}),
    ("Trailer", "Repr-Digest", REFUSED, {}),
    ("Content-Digest", DIGEST, REFUSED, {"put": OK, "chunk, raw": OK}),
    ("Content-Digest", "sha-512=:AAAA:", REFUSED, {}),
    ("Content-Digest", f"sha-512=:AAAA:, {DIGEST}", REFUSED, {"put": OK, "chunk, raw": OK}),
    ("Repr-Digest", DIGEST, REFUSED, {"put": OK}),
    ("Repr-Digest", "crc32c=:AAAA:", REFUSED, {}),
    ("Digest", "sha-256=AAAA", REFUSED, {}),
    ("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==", REFUSED, {}),
    ("Want-Repr-Digest", "sha-256=1", OK, {}),
    ("Want-Content-Digest", "sha-512=1", OK, {}),
    ("If-None-Match", "*", REFUSED, {}),
    ("If-None-Match", '"a"', REFUSED, {}),
    ("If-Match", "*", REFUSED, {"rename": OK}),
    ("If-Unmodified-Since", "Tue, 14 Nov 2023 22:13:20 GMT", REFUSED, {}),
    ("If", "(<urn:uuid:1>)", REFUSED, {}),
    ("If-Modified-Since", "Tue, 14 Nov 2023 22:13:20 GMT", OK, {}),
    ("Range", "bytes=0-0", OK, {}),
    ("If-Range", '"a"', OK, {}),
    ("X-HTTP-Method-Override", "DELETE", REFUSED, {}),
    ("X-HTTP-Method", "PATCH", REFUSED, {}),
    ("X-Method-Override", "PUT", REFUSED, {}),
    ("Tus-Resumable", "1.0.0", REFUSED, {}),
    ("Upload-Offset", "0", REFUSED, {}),
    ("Upload-Complete", "?0", REFUSED, {}),
    ("Upload-Incomplete", "?1", REFUSED, {}),
    ("Content-Language", "de", OK, {}),
    ("Content-Location", "/elsewhere", OK, {}),
    ("Content-Disposition", 'attachment; filename="b"', OK, {}),
    ("Prefer", "respond-async", OK, {}),
    ("TE", "trailers", OK, {}),
    ("Accept-Encoding", "gzip", OK, {}),
]


@pytest.mark.parametrize(
    ("header", "value", "everywhere", "elsewhere"), TABLE, ids=[f"{row[0]}: {row[1][:20]}" for row in TABLE]
)
def test_each_header_at_each_door(ann: Person, header: str, value: str, everywhere: Any, elsewhere: Any) -> None:
    for name, send in DOORS.items():
        right = elsewhere.get(name, everywhere)
        answer = send(ann, {header: value})
        if right == OK:
            assert answer.status_code in OK, (name, answer.text)
        else:
            said = problem(answer, *right)
            assert len(said["detail"]) > 40, "a reason"
            assert answer.headers.get("Accept-Encoding") == ("identity" if header == "Content-Encoding" else None)


def test_what_is_refused_changes_nothing(ann: Person) -> None:
    for header, value, everywhere, _ in TABLE:
        if everywhere == OK:
            continue
        with nothing_changed(ann, ann.site.store):
            for name in ("chunk, form", "chunk, json"):
                assert DOORS[name](ann, {header: value}).status_code in {400, 415}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("multipart/form-data; boundary=b", 415),
        ("Multipart/Form-Data", 415),
        ("multipart/byteranges; boundary=b", 415),
        ("multipart/related; boundary=b", 201),
        ("application/json; charset=utf-16", 201),
        ("no slash", 400),
        ("text", 400),
        ("text/", 400),
        ("/plain", 400),
        ("text/plain/x", 400),
        ("text/pl ain", 400),
        ("image/png, text/html", 400),
        ("text/" + "a" * 128, 400),
        ("té/xt", 400),
    ],
)
def test_the_type_of_a_whole_file(ann: Person, kind: str, status: int) -> None:
    headers = {"Content-Type": kind.encode().decode("latin-1")}
    if status == 201:
        assert ann.put("a.txt", b"x", headers=headers).json["mime_type"] == kind.partition(";")[0]
        return
    with nothing_changed(ann, ann.site.store):
        said = problem(ann.put("a.txt", b"x", headers=headers), status, "invalid" if status == 400 else PACKED[1])
    if status == 415:
        assert "/upload_chunk" in said["detail"]


@pytest.mark.parametrize("kind", sorted(UNSAID))
def test_what_tools_say_of_any_bytes_is_nothing_said(ann: Person, kind: str) -> None:
    assert ann.put("photo.jpg", b"x", content_type=kind).json["mime_type"] == "image/jpeg"
    assert ann.put("photo", b"x", content_type=f"{kind.upper()}; charset=x").json["mime_type"] == OCTETS
    assert ann.complete(ann.start(b"x"), 1, "photo.jpg", mime_type=kind).json["mime_type"] == "image/jpeg"


@pytest.mark.parametrize(
    "kind", ["image/png\r\nX: y", "image/png; a=\n", "text", "a b/c", "text/\x7f", "image/" + "p" * 200]
)
def test_a_malformed_type_is_refused_and_not_replaced(ann: Person, kind: str) -> None:
    upload = ann.start(b"x")
    with nothing_changed(ann, ann.site.store):
        assert problem(ann.complete(upload, 1, "a.png", mime_type=kind), *REFUSED)["field"] == "mime_type"
        assert problem(ann.get("/files", query_string={"mime_type": kind}), *REFUSED)["field"] == "mime_type"


@pytest.mark.parametrize(("charset", "status"), [("utf-8", 200), ('"UTF-8"', 200), ("utf-16", 415), ("latin1", 415)])
def test_json_is_utf_8(ann: Person, charset: str, status: int) -> None:
    body = b'{"chunk_index": 0, "total_chunks": 1, "chunk_data": "eA=="}'
    kind = f"application/json; charset={charset}"
    assert ann.call("POST", "/upload_chunk", data=body, content_type=kind).status_code == status


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Content-Transfer-Encoding: base64", 415),
        ("content-transfer-encoding: Quoted-Printable", 415),
        ("Content-Encoding: gzip", 415),
        ("Content-Range: bytes 0-0/2", 415),
        ("Content-Transfer-Encoding: binary", 200),
        ("Content-Type: image/png", 200),
    ],
)
def test_parts_of_a_form_likewise(ann: Person, header: str, status: int) -> None:
    body = b"".join(
        f"--b\r\nContent-Disposition: form-data; name={name}\r\n{more}\r\n{value}\r\n".encode()
        for name, more, value in (
            ("chunk_index", "", "0"),
            ("total_chunks", "", "1"),
            ('chunk_data; filename="x"', f"{header}\r\n", "eA=="),
        )
    )
    answer = ann.call("POST", "/upload_chunk", data=body + b"--b--\r\n", content_type="multipart/form-data; boundary=b")
    assert answer.status_code == status, answer.text


@pytest.fixture
def whole(fake: Redis) -> WholeSite:
    return make_whole_site(fake)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Content-Encoding", "gzip", 415),
        ("Content-Range", "bytes 0-1/2", 400),
        ("X-HTTP-Method-Override", "DELETE", 400),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-16", 415),
        ("Content-Language", "de", 303),
    ],
)
def test_forms_of_pages_likewise(whole: WholeSite, header: str, value: str, status: int) -> None:
    browser = whole.signed_in("ann")
    browser.get("/account")
    answer = browser.post("/account/sessions/end", {}, headers={header: value})
    assert answer.status_code == status


def test_a_form_with_files_takes_no_packed_part(whole: WholeSite) -> None:
    browser = whole.signed_in("ann")
    browser.get("/")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--\r\n"
    )
    path = f"/my/files?csrf_token={browser.token}"
    answer = browser.open(path, "POST", data=body, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 415
    assert "a.txt" not in browser.get("/").text
