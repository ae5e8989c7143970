"""Chunks, completion and identifiers that are wrong get a clear problem, store nothing and lose nothing. Real server.

Each test ends in `nothing_changed`: the lists, the quota and the very keys in the store are what they were.
"""

from __future__ import annotations

import base64
import io
import time
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.ids import new_id
from tests.support.api_site import KIB, Person, Site, form, make_site, nothing_changed, problem, sha256

# -- chunk index and total: negative, huge, not a number, changing between calls

NUMBERS = [
    "-1",
    "+1",
    " 1",
    "1 ",
    "1e5",
    "1e400",
    "1.0",
    "0x1",
    "a",
    "",
    "nan",
    "١",
    "99999999999999999999",
    "9" * 4000,
]


@pytest.mark.parametrize("field", ["chunk_index", "total_chunks", "total_size"])
@pytest.mark.parametrize("value", NUMBERS)
@pytest.mark.parametrize("door", ["raw", "form"])
def test_cve_2026_32759_numbers_in_text(ann: Person, store: Redis, field: str, value: str, door: str) -> None:
    with nothing_changed(ann, store):
        if door == "raw":
            answer = ann.chunk(b"x", **{field: value})
        else:
            answer = ann.call("POST", "/upload_chunk", data=form(b"x", **{field: value}))
        said = problem(answer, 400, "invalid")
        assert [one["field"] for one in said["errors"]] == [field]


@pytest.mark.parametrize("field", ["chunk_index", "total_chunks", "total_size"])
@pytest.mark.parametrize("value", [-1, 2**63, 1e5, 1e400, "1", None, True, [], {}])
def test_cve_2026_32759_numbers_in_json(ann: Person, store: Redis, field: str, value: Any) -> None:
    if value is None and field == "total_size":
        return  # null is what leaving it out means
    body = {"chunk_index": 0, "total_chunks": 1, "chunk_data": "eA==", field: value}
    with nothing_changed(ann, store):
        problem(ann.call("POST", "/upload_chunk", json=body), 400, "invalid")


@pytest.mark.parametrize(
    "fields",
    [
        {"chunk_index": 1, "total_chunks": 1},
        {"chunk_index": 5, "total_chunks": 5},
        {"total_chunks": 0},
        {"total_chunks": 1001},
        {"total_chunks": 1_000_001},
        {"chunk_index": 10**18, "total_chunks": 10**18},
    ],
)
def test_f8_numbers_that_do_not_fit(ann: Person, store: Redis, fields: dict[str, int]) -> None:
    with nothing_changed(ann, store):
        problem(ann.chunk(b"x", **fields), 400, "invalid")


def test_the_total_changes_between_calls(ann: Person, store: Redis) -> None:
    file_id = ann.start(b"x", 3)
    with nothing_changed(ann, store):
        for total in (2, 4):
            said = problem(ann.chunk(b"x", file_id=file_id, chunk_index=1, total_chunks=total), 409, "conflict")
            assert said["total_chunks"] == 3


@pytest.mark.parametrize("missing", ["chunk_index", "total_chunks"])
def test_a_field_is_missing(ann: Person, store: Redis, missing: str) -> None:
    with nothing_changed(ann, store):
        assert problem(ann.chunk(b"x", **{missing: None}), 400, "invalid")["errors"][0]["field"] == missing


# -- a chunk: too long, cut, wrong checksum


def test_a_chunk_longer_than_allowed(ann: Person, store: Redis) -> None:
    large = bytes(256 * KIB + 1)
    with nothing_changed(ann, store):
        problem(ann.chunk(large), 413, "too_large")
        problem(ann.call("POST", "/upload_chunk", data=form(large)), 413, "too_large")
        body = {"chunk_index": 0, "total_chunks": 1, "chunk_data": base64.b64encode(large).decode()}
        problem(ann.call("POST", "/upload_chunk", json=body), 413, "too_large")


def cut(ann: Person, method: str, path: str, data: bytes, announced: int, content_type: str) -> Any:
    return ann.call(
        method,
        path,
        input_stream=io.BytesIO(data),
        environ_overrides={"CONTENT_LENGTH": str(announced), "CONTENT_TYPE": content_type},
    )


def test_a_body_shorter_than_its_content_length(ann: Person, store: Redis) -> None:
    start = b'--b\r\nContent-Disposition: form-data; name="chunk_data"; filename="x"\r\n\r\nhalf'
    octets = "application/octet-stream"
    with nothing_changed(ann, store):
        path = "/upload_chunk?chunk_index=0&total_chunks=1"
        problem(cut(ann, "POST", path, b"half", 8, octets), 400, "body_cut")
        problem(cut(ann, "POST", path, start, 1000, "multipart/form-data; boundary=b"), 400, "body_cut")
        problem(cut(ann, "POST", path, b'{"chunk_index": 0', 90, "application/json"), 400, "body_cut")
        problem(cut(ann, "PUT", "/files/a", bytes(200 * KIB), 300 * KIB, octets), 400, "body_cut")


def test_f15_a_wrong_checksum(ann: Person, store: Redis) -> None:
    checksum = "sha256:" + sha256(b"other")
    with nothing_changed(ann, store):
        problem(ann.chunk(b"x", checksum=checksum), 400, "checksum_mismatch")
        problem(ann.call("POST", "/upload_chunk", data=form(b"x", checksum=checksum)), 400, "checksum_mismatch")
        problem(ann.put("a", b"x", query_string={"checksum": checksum}), 400, "checksum_mismatch")


@pytest.mark.parametrize("checksum", ["", "sha256:", "md5:00", "sha256:" + "g" * 64, "sha256:" + "0" * 63, "0" * 64])
def test_a_checksum_that_is_none(ann: Person, store: Redis, checksum: str) -> None:
    with nothing_changed(ann, store):
        assert problem(ann.chunk(b"x", checksum=checksum), 400, "invalid")["errors"][0]["field"] == "checksum"


# -- F12: two different bodies for one index


def test_f12_other_bytes_under_the_same_index(ann: Person, store: Redis) -> None:
    file_id = ann.start(b"first", 2)
    with nothing_changed(ann, store):
        for data in (b"other", b"first and more", b"f"):
            problem(ann.chunk(data, file_id=file_id, total_chunks=2), 409, "chunk_conflict")


# -- completing: missing chunks, wrong size, wrong digest


def test_completing_with_missing_chunks(ann: Person, store: Redis) -> None:
    file_id = ann.start(b"x", 9, chunk_index=3)
    with nothing_changed(ann, store):
        said = problem(ann.complete(file_id, 9), 409, "chunks_missing")
        assert said["missing"] == [[0, 2], [4, 8]]


def test_a_chunk_that_the_store_lost_is_asked_for_again(ann: Person, store: Redis) -> None:
    file_id = ann.start(b"one", 2)
    ann.chunk(b"two", file_id=file_id, chunk_index=1, total_chunks=2)
    [key] = store.keys(f"file:*{file_id}*:chunk:1")
    store.delete(key)
    assert problem(ann.complete(file_id, 6), 409, "chunks_missing")["missing"] == [[1, 1]]
    assert ann.chunk(b"two", file_id=file_id, chunk_index=1, total_chunks=2).status_code == 200
    assert ann.complete(file_id, 6).status_code == 201


@pytest.mark.parametrize("size", [0, 5, 7, 2**62])
def test_f8_completing_with_a_wrong_size(ann: Person, store: Redis, size: int) -> None:
    file_id = ann.start(b"123456")
    with nothing_changed(ann, store):
        problem(ann.complete(file_id, size), 400, "invalid")


def test_f15_completing_with_a_wrong_digest(ann: Person, store: Redis) -> None:
    file_id = ann.start(b"123", 2)
    ann.chunk(b"456", file_id=file_id, chunk_index=1, total_chunks=2)
    with nothing_changed(ann, store):
        problem(ann.complete(file_id, 6, sha256=sha256(b"654321")), 400, "checksum_mismatch")
    assert ann.complete(file_id, 6, sha256=sha256(b"123456").upper()).status_code == 201


@pytest.mark.parametrize("size", [-1, "6", 6.0, 1e400, None, True, 2**63])
def test_cve_2026_32759_sizes_that_are_none(ann: Person, store: Redis, size: Any) -> None:
    file_id = ann.start(b"123456")
    with nothing_changed(ann, store):
        problem(ann.complete(file_id, size), 400, "invalid")


def test_completing_twice_with_something_else(ann: Person, store: Redis) -> None:
    file_id = ann.start(b"123456")
    assert ann.complete(file_id, 6).status_code == 201
    with nothing_changed(ann, store):
        problem(ann.complete(file_id, 7), 409, "conflict")
        problem(ann.complete(file_id, 6, sha256=sha256(b"x")), 409, "conflict")
        assert ann.chunk(b"x", file_id=file_id).status_code in {404, 409}


# -- F9: ids: unknown, foreign, expired, deleted, malformed


def test_f9_all_ids_that_are_not_there_get_the_same_answer(site: Site, ann: Person, store: Redis) -> None:
    bob = site.somebody()
    cancelled, deleted = ann.start(b"x", 2), ann.upload()
    ann.call("DELETE", f"/uploads/{cancelled}")
    ann.call("DELETE", f"/files/{deleted}?purge=1")
    ids = [
        new_id(),
        cancelled,
        deleted,
        bob.start(b"x", 2),
        bob.upload(),
        "x",
        "..",
        "0" * 64,
        "{bo}:audit",
        "é",
        "%00",
    ]
    with nothing_changed(ann, store), nothing_changed(bob, store):
        for method, path in (
            ("GET", "/files/{}"),
            ("GET", "/files/{}/metadata"),
            ("DELETE", "/files/{}"),
            ("GET", "/uploads/{}"),
            ("DELETE", "/uploads/{}"),
            ("POST", "/files/{}/restore"),
        ):
            texts = set()
            for file_id in ids:
                answer = ann.call(method, path.format(file_id.replace("..", "%2e%2e")))
                problem(answer, 404, "not_found")
                texts.add(answer.text.replace(answer.headers["X-Request-ID"], ""))
            assert len(texts) == 1, path
        for file_id in ids:
            problem(ann.chunk(b"x", file_id=file_id, chunk_index=1, total_chunks=2), 404, "not_found")
            problem(ann.complete(file_id, 1), 404, "not_found")
            problem(ann.call("POST", f"/files/{new_id()}/rename", json={"new_name": "x"}), 404, "not_found")


def test_f9_f13_an_expired_upload_is_not_there(store: Redis) -> None:
    ann = make_site(store, upload_ttl=1, upload_max_age=1).somebody()
    file_id = ann.start(b"x", 2)
    time.sleep(1.1)
    ann.site.services.uploads.cleanup.expire_due()
    problem(ann.get(f"/uploads/{file_id}"), 404, "not_found")
    problem(ann.chunk(b"x", file_id=file_id, chunk_index=1, total_chunks=2), 404, "not_found")
    assert ann.get("/limits").json["reserved"] == 0


@pytest.mark.parametrize("chosen", ["mine", "../../etc/passwd", "0" * 25])
def test_cve_2025_22137_ids_are_made_by_the_server(ann: Person, store: Redis, chosen: str) -> None:
    with nothing_changed(ann, store):
        problem(ann.chunk(b"x", file_id=chosen), 404, "not_found")
