"""tus 1.0.0 at `/tus/`: sending bytes, and the end."""

from __future__ import annotations

import base64
import io

import pytest

from backoffice.domain.access import Actor, granted_by
from backoffice.domain.permissions import Permissions
from backoffice.services.uploads.checked_body import ALGORITHMS
from tests.support.api_site import KIB, Person, problem
from tests.support.tus import OCTETS, TUS, Tus, checksum, id_of, metadata

LONG = bytes(range(256)) * 700
"""Of several chunks, and no whole number of them."""


@pytest.fixture
def tus(ann: Person) -> Tus:
    return Tus.of(ann)


def content(ann: Person, path: str) -> bytes:
    return ann.get(f"/files/{id_of(path)}").data


# -- sending


def test_another_offset_is_refused_with_the_right_one(tus: Tus) -> None:
    path = tus.begin(10)
    tus.patch(path, 0, b"hello")
    for offset in (0, 4, 6, 10, 11, 2**63 - 1):
        answer = tus.patch(path, offset, b"world")
        problem(answer, 409, "offset_mismatch")
        assert answer.headers["Upload-Offset"] == "5"
    assert tus.offset(path) == 5


def test_bytes_come_under_one_type(tus: Tus) -> None:
    path = tus.begin(5)
    for kind in ("application/octet-stream", "text/plain", "", None):
        answer = tus.ask("PATCH", path, headers={**TUS, "Upload-Offset": "0"}, data=b"hello", content_type=kind)
        assert answer.status_code == 415
    packed = tus.patch(path, 0, b"hello", headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    assert tus.offset(path) == 0


def test_CVE_2026_77063_no_more_than_was_declared(ann: Person, tus: Tus) -> None:
    path = tus.begin(5)
    problem(tus.patch(path, 0, b"hello!"), 413, "too_large")
    assert tus.offset(path) == 0
    assert tus.patch(path, 0, b"hello").status_code == 204
    problem(tus.patch(path, 5, b"!"), 413, "too_large")
    assert content(ann, path) == b"hello"


def test_asking_again_at_the_end_changes_nothing(ann: Person, tus: Tus) -> None:
    path = tus.begin(5)
    tus.patch(path, 0, b"hello")
    for _ in range(2):
        answer = tus.patch(path, 5)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "5")
        assert tus.patch(path, 0, b"hello").headers["Upload-Offset"] == "5"
        head = tus.head(path).headers
        assert (head["Upload-Offset"], head["Upload-Length"]) == ("5", "5")
    assert ann.get("/files").json["total"] == 1


def test_a_name_that_is_taken_is_numbered(ann: Person, tus: Tus) -> None:
    for _ in range(2):
        tus.patch(tus.begin(1, "same.txt"), 0, b"x")
    assert {one["name"] for one in ann.get("/files").json["items"]} == {"same.txt", "same (2).txt"}


# -- length that comes later


def test_the_length_may_come_later(ann: Person, tus: Tus) -> None:
    path = tus.begin()
    head = tus.head(path).headers
    assert head["Upload-Defer-Length"] == "1"
    assert "Upload-Length" not in head
    tus.patch(path, 0, LONG[:100_000])
    assert ann.get("/limits").json["reserved"] == 100_000
    answer = tus.patch(path, 100_000, LONG[100_000:150_000], headers={"Upload-Length": str(len(LONG))})
    assert answer.status_code == 204
    assert ann.get("/limits").json["reserved"] == len(LONG)
    head = tus.head(path).headers
    assert (head["Upload-Length"], head["Upload-Offset"]) == (str(len(LONG)), "150000")
    assert "Upload-Defer-Length" not in head
    problem(tus.patch(path, 150_000, b"", headers={"Upload-Length": "200000"}), 400, "invalid")
    tus.patch(path, 150_000, LONG[150_000:], headers={"Upload-Length": str(len(LONG))})
    assert content(ann, path) == LONG


def test_the_length_alone_may_end_it(ann: Person, tus: Tus) -> None:
    path = tus.begin()
    tus.patch(path, 0, b"hello")
    problem(tus.patch(path, 5, b"", headers={"Upload-Length": "4"}), 413, "too_large")
    problem(tus.patch(path, 5, b"", headers={"Upload-Length": str(1024 * KIB + 1)}), 413, "too_large")
    assert tus.patch(path, 5, b"", headers={"Upload-Length": "5"}).status_code == 204
    assert content(ann, path) == b"hello"


def test_the_quota_holds_where_the_length_comes_later(ann: Person, tus: Tus) -> None:
    path = tus.begin()
    for _ in range(3):
        tus.begin(1024 * KIB)
    tus.begin(1000 * KIB)
    problem(tus.patch(path, 0, b"", headers={"Upload-Length": str(25 * KIB)}), 413, "quota_exceeded")
    problem(tus.patch(path, 0, bytes(25 * KIB)), 413, "quota_exceeded")
    assert tus.head(path).headers["Upload-Defer-Length"] == "1"


# -- checksums


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_is_compared(ann: Person, tus: Tus, algorithm: str) -> None:
    path = tus.begin(len(LONG))
    for at, stop in ((0, 70_000), (70_000, len(LONG))):
        piece = LONG[at:stop]
        wrong = tus.patch(path, at, piece, headers={"Upload-Checksum": checksum(piece + b"!", algorithm)})
        problem(wrong, 460, "checksum_mismatch")
        assert tus.offset(path) == at
        assert tus.patch(path, at, piece, headers={"Upload-Checksum": checksum(piece, algorithm)}).status_code == 204
    assert content(ann, path) == LONG


@pytest.mark.parametrize("said", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "SHA1 AAAA", "", "sha1 !", "sha256 YQ"])
def test_a_checksum_that_is_none(tus: Tus, said: str) -> None:
    path = tus.begin(5)
    answer = tus.patch(path, 0, b"hello", headers={"Upload-Checksum": said})
    problem(answer, 400, "invalid")
    assert tus.offset(path) == 0


# -- the end


def test_it_is_given_up(ann: Person, tus: Tus) -> None:
    path = tus.begin(len(LONG))
    tus.patch(path, 0, LONG[:100_000])
    assert tus.delete(path).status_code == 204
    assert tus.head(path).status_code == 404
    assert tus.patch(path, 100_000, b"x").status_code == 404
    assert tus.delete(path).status_code == 404
    assert ann.get("/limits").json["reserved"] == 0
    assert ann.site.store.keys("file:*") == []


def test_a_file_is_not_given_up(ann: Person, tus: Tus) -> None:
    path = tus.begin(5)
    tus.patch(path, 0, b"hello")
    problem(tus.delete(path), 409, "upload_closed")
    assert content(ann, path) == b"hello"
    ann.call("DELETE", f"/files/{id_of(path)}?purge=1")
    assert tus.head(path).status_code == 404


def test_the_method_may_be_in_a_header(ann: Person, tus: Tus) -> None:
    path = tus.begin(10)
    patch = {"X-HTTP-Method-Override": "PATCH", **TUS, "Upload-Offset": "0"}
    assert tus.ask("POST", path, headers=patch, data=b"hello", content_type=OCTETS).status_code == 204
    head = tus.ask("POST", path, headers={"X-HTTP-Method-Override": "HEAD", **TUS})
    assert head.headers["Upload-Offset"] == "5"
    assert tus.ask("POST", path, headers={"X-HTTP-Method-Override": "DELETE", **TUS}).status_code == 204
    assert tus.head(path).status_code == 404
    for method in ("PUT", "GET", "TRACE", "nonsense"):
        assert tus.ask("POST", path, headers={"X-HTTP-Method-Override": method, **TUS}).status_code in {400, 405}
    file_id = ann.upload()
    assert ann.call("POST", f"/files/{file_id}/rename", {"X-HTTP-Method-Override": "DELETE"}).status_code == 400


def test_an_upload_is_listed_like_any_other(ann: Person, tus: Tus) -> None:
    path = tus.begin(10, "a.txt")
    tus.patch(path, 0, b"hello")
    [one] = ann.get("/uploads").json["items"]
    assert (one["file_id"], one["name"], one["received_bytes"], one["total_size"]) == (id_of(path), "a.txt", 5, 10)
    assert (one["total_chunks"], one["received"]) == (1, 0), "its chunks as they could be sent"


def test_a_body_that_stops_is_kept_and_may_come_again(ann: Person, tus: Tus) -> None:
    path = tus.begin(len(LONG))
    cut = {"input_stream": io.BytesIO(LONG[:100_000]), "environ_overrides": {"CONTENT_LENGTH": str(len(LONG))}}
    answer = tus.ask("PATCH", path, headers={**TUS, "Upload-Offset": "0"}, content_type=OCTETS, **cut)
    problem(answer, 503, "body_cut")
    assert answer.headers["Retry-After"] == "1"
    assert tus.offset(path) == 100_000
    promised = {**TUS, "Upload-Offset": "100000", "Upload-Checksum": checksum(LONG[100_000:])}
    cut = {"input_stream": io.BytesIO(LONG[100_000:150_000]), "environ_overrides": {"CONTENT_LENGTH": "79200"}}
    assert tus.ask("PATCH", path, headers=promised, content_type=OCTETS, **cut).status_code == 503
    assert tus.offset(path) == 100_000, "with a checksum all of it or nothing"
    assert tus.patch(path, 100_000, LONG[100_000:]).status_code == 204
    assert content(ann, path) == LONG


def test_what_is_longer_than_declared_is_cut_off(tus: Tus) -> None:
    """Where the length of the body is not known before it ends."""
    path = tus.begin(100_000)
    headers = {**TUS, "Upload-Offset": "0", "Transfer-Encoding": "chunked"}
    stream = {"input_stream": io.BytesIO(LONG), "environ_overrides": {"wsgi.input_terminated": True}}
    problem(tus.ask("PATCH", path, headers=headers, content_type=OCTETS, **stream), 413, "too_large")
    assert tus.offset(path) < 100_000
    assert tus.patch(path, tus.offset(path), LONG[tus.offset(path) : 100_000]).status_code == 204


def test_nobody_goes_on_with_the_body_of_a_put(ann: Person, tus: Tus) -> None:
    sender = Actor(ann.id, "ann", roles=(("user", granted_by("user")),))
    path = f"/tus/{ann.site.services.uploads.create_stream(sender, size=2).id}"
    assert [one["tus_url"] for one in ann.get("/uploads").json["items"]] == [None]
    assert tus.head(path).status_code == 404
    assert tus.patch(path, 1, b"x").status_code == 404
    assert tus.delete(path).status_code == 404


def test_I27_who_may_read_the_file_is_told_what_it_is_and_the_address_tells_nothing(ann: Person, tus: Tus) -> None:
    path = tus.begin(5, "naïve.pdf")
    assert tus.patch(path, 0, b"hello").status_code == 204
    said = metadata(filename="naïve.pdf", filetype="application/pdf")
    assert tus.head(path).headers["Upload-Metadata"] == said
    renamed = ann.call("POST", f"/files/{id_of(path)}/rename", json={"new_name": "secret.pdf"})
    assert renamed.status_code == 200
    assert tus.head(path).headers["Upload-Metadata"] == said.replace(*map(encoded, ("naïve.pdf", "secret.pdf")))
    writer = ann.site.narrowed(ann, Permissions.FILES_WRITE)
    for other in (Tus.nobody(ann), Tus.of(writer)):
        answer = other.head(path)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (200, "5")
        assert "Upload-Metadata" not in answer.headers


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
