"""tus 1.0.0 at `/tus/`: each request by itself."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from backoffice.services.uploads.checked_body import ALGORITHMS
from tests.support.api_site import KIB, Person, Site, problem
from tests.support.tus import OCTETS, Tus, checksum, id_of, metadata

LONG = bytes(range(256)) * 700
"""Of several chunks, and no whole number of them."""


@pytest.fixture
def tus(ann: Person) -> Tus:
    return Tus.of(ann)


def content(ann: Person, path: str) -> bytes:
    return ann.get(f"/files/{id_of(path)}").data


# -- creation


def test_an_upload_in_pieces_is_a_file_by_its_last_byte(ann: Person, tus: Tus) -> None:
    path = tus.begin(len(LONG), "film.mp4")
    assert tus.offset(path) == 0
    at = 0
    for stop in (1, 70_000, 70_001, 131_072, len(LONG)):
        answer = tus.patch(path, at, LONG[at:stop])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(stop))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        at = stop
        assert tus.offset(path) == at
    assert content(ann, path) == LONG
    about = ann.get(f"/files/{id_of(path)}/metadata").json
    assert (about["name"], about["mime_type"], about["size"]) == ("film.mp4", "video/mp4", len(LONG))
    assert ann.get("/uploads").json["items"] == []
    assert ann.get("/limits").json["reserved"] == 0


def test_the_address_is_absolute_and_has_a_secret(tus: Tus) -> None:
    answer = tus.post(5)
    place = answer.headers["Location"]
    assert place.startswith("http://localhost/tus/")
    upload_id, _, secret = urlsplit(place).path.removeprefix("/tus/").partition("~")
    assert len(upload_id) == 22
    assert len(secret.rpartition(".")[2]) == 43, "256 bits"
    expires = parsedate_to_datetime(answer.headers["Upload-Expires"]).timestamp()
    assert expires > time.time()


def test_what_options_tell(tus: Tus, site: Site) -> None:
    for path in ("/tus/", "/tus/anything"):
        answer = tus.ask("OPTIONS", path)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Tus-Max-Size"] == str(1024 * KIB)
        assert answer.headers["Tus-Checksum-Algorithm"] == ",".join(ALGORITHMS)
        assert {"creation", "creation-with-upload", "checksum"} <= set(answer.headers["Tus-Extension"].split(","))
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert site.anybody("OPTIONS", "/tus/").status_code == 401


def test_the_first_bytes_may_come_along(ann: Person, tus: Tus) -> None:
    answer = tus.post(len(LONG), data=LONG[:100_000], content_type=OCTETS)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "100000")
    path = urlsplit(answer.headers["Location"]).path
    assert tus.patch(path, 100_000, LONG[100_000:]).status_code == 204
    assert content(ann, path) == LONG
    whole = tus.post(5, data=b"hello", content_type=OCTETS)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, "5")
    assert "Upload-Expires" not in whole.headers
    assert content(ann, urlsplit(whole.headers["Location"]).path) == b"hello"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": OCTETS, "headers": {"Upload-Checksum": checksum(b"other")}}, 460),
        ({"content_type": OCTETS, "headers": {"Upload-Length": "3"}}, 413),
    ],
)
def test_first_bytes_that_are_refused_leave_nothing(
    ann: Person, tus: Tus, more: dict[str, object], status: int
) -> None:
    headers = {"Upload-Length": "10", **more.pop("headers", {})}  # type: ignore[dict-item]
    assert tus.post(headers=headers, data=b"hello", **more).status_code == status
    assert ann.get("/uploads").json["items"] == []
    assert ann.get("/limits").json["reserved"] == 0


def test_an_empty_file_is_there_at_once(ann: Person, tus: Tus) -> None:
    path = tus.begin(0, "empty.txt")
    assert tus.offset(path) == 0
    assert content(ann, path) == b""
    assert tus.patch(path, 0).status_code == 204


def test_nothing_has_to_be_said_of_it(ann: Person, tus: Tus) -> None:
    for said in ({}, {"Upload-Metadata": ""}, {"Upload-Metadata": "relativePath bnVsbA==,is_confidential"}):
        answer = tus.post(1, said)
        assert answer.status_code == 201, answer.text
        path = urlsplit(answer.headers["Location"]).path
        assert tus.head(path).headers.get("Upload-Metadata", "") == said.get("Upload-Metadata", "")
        assert tus.patch(path, 0, b"x").status_code == 204
    assert {one["name"] for one in ann.get("/files").json["items"]} == {"unnamed", "unnamed (2)", "unnamed (3)"}


def test_the_names_that_clients_use(ann: Person, tus: Tus) -> None:
    for said, name, kind in (
        ({"filename": "a.png", "filetype": "image/png"}, "a.png", "image/png"),
        ({"name": "b", "type": "text/plain"}, "b", "text/plain"),
        ({"name": "ü 漢.gif", "type": ""}, "ü 漢.gif", "image/gif"),
    ):
        answer = tus.post(0, {"Upload-Metadata": metadata(**said)})
        about = ann.get(f"/files/{id_of(urlsplit(answer.headers['Location']).path)}/metadata").json
        assert (about["name"], about["mime_type"]) == (name, kind)


@pytest.mark.parametrize(
    "said",
    [
        "filename",  # a key without a value is one, but with an empty name there is none
        "filename YQ==, filename YQ==",
        "filename !!!!",
        "filename YQ",
        "filename YQ==,",
        "file name YQ==",
        "filename /w==",
        metadata(filename="a/b"),
        metadata(filename="../etc/passwd"),
        metadata(filename="a\0b"),
        metadata(filename="a\u202eb"),
        metadata(filename="x" * 256),
        metadata(filename="a", filetype="nonsense"),
        "x " + "QUFB" * 1100,
    ],
)
def test_metadata_that_is_none(ann: Person, tus: Tus, said: str) -> None:
    if said == "filename":
        assert tus.post(1, {"Upload-Metadata": said}).status_code == 201
        return
    problem(tus.post(1, {"Upload-Metadata": said}), 400, "invalid")
    assert ann.get("/uploads").json["items"] == []


BAD_NUMBERS = ["", "-1", "+1", "1 0", "1e3", "0x1", "1.0", "9223372036854775808", "1" * 40, "٣", "5,5", "NaN"]


@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_CVE_2026_32759_lengths_and_offsets_that_are_none(ann: Person, tus: Tus, text: str) -> None:
    said = text.encode().decode("latin-1")
    problem(tus.post(headers={"Upload-Length": said}), 400, "invalid")
    assert ann.get("/uploads").json["items"] == []
    path = tus.begin(5)
    problem(tus.patch(path, said, b"hello"), 400, "invalid")
    assert tus.offset(path) == 0
    deferred = tus.begin()
    problem(tus.patch(deferred, 0, b"hello", headers={"Upload-Length": said}), 400, "invalid")
    assert tus.offset(deferred) == 0


def test_lengths_that_are_too_much(ann: Person, tus: Tus) -> None:
    for size in (1024 * KIB + 1, 2**53, 2**63 - 1):
        problem(tus.post(size), 413, "too_large")
    for headers in ({}, {"Upload-Length": "1", "Upload-Defer-Length": "1"}, {"Upload-Defer-Length": "0"}):
        problem(tus.post(headers=headers), 400, "invalid")
    assert ann.get("/uploads").json["items"] == []


def test_the_quota_holds_from_the_first_request_on(ann: Person, tus: Tus) -> None:
    for _ in range(4):
        tus.begin(1024 * KIB)
    problem(tus.post(1), 413, "quota_exceeded")


def test_so_many_uploads_are_open_at_a_time(tus: Tus) -> None:
    for _ in range(10):
        tus.begin(1)
    answer = tus.post(1)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"


# -- the version, and what every answer has


@pytest.mark.parametrize("version", [None, "", "0.2.2", "1.0", "1.0.0, 1.0.0"])
def test_another_version_is_refused(tus: Tus, version: str | None) -> None:
    path, said = tus.begin(5), {"Tus-Resumable": version} if version is not None else {}
    for method, place in (("POST", "/tus/"), ("HEAD", path), ("PATCH", path), ("DELETE", path)):
        answer = tus.ask(method, place, headers={"Upload-Length": "5", "Upload-Offset": "0", **said})
        assert answer.status_code == 412, method
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert tus.offset(path) == 0


def test_no_answer_is_kept_by_a_cache(tus: Tus) -> None:
    answer = tus.head(tus.begin(5))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == b""
