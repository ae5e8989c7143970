"""Bodies that are no request of ours: other types, broken JSON, hostile forms. Real server."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.ids import new_id
from tests.support.api_site import KIB, Person, form, make_site, nothing_changed, problem

# -- what is not even a request of ours


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b", "text/xml", "x"]
)
def test_i10_other_types_of_content(ann: Person, store: Redis, content_type: str) -> None:
    with nothing_changed(ann, store):
        for path in ("/upload_chunk?chunk_index=0&total_chunks=1", "/upload_complete", f"/files/{new_id()}/rename"):
            problem(ann.call("POST", path, data=b"x", content_type=content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize("data", ["eA", "eA==\n", "e A==", "eA=", "****", "eA==eA==", "é", "_-8=", 5, None, ["eA=="]])
def test_base64_is_strict(ann: Person, store: Redis, data: Any) -> None:
    with nothing_changed(ann, store):
        body = {"chunk_index": 0, "total_chunks": 1, "chunk_data": data}
        problem(ann.call("POST", "/upload_chunk", json=body), 400, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b'{"chunk_index": 0, "chunk_index": 0, "total_chunks": 1, "chunk_data": "eA=="}',
        b'{"chunk_index": NaN, "total_chunks": 1, "chunk_data": "eA=="}',
        b'{"chunk_index": 0, "total_chunks": 1, "chunk_data": "eA==", "name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"[]",
        b"",
        b"\xff",
        b'{"a"',
    ],
)
def test_i7_json(ann: Person, store: Redis, body: bytes) -> None:
    with nothing_changed(ann, store):
        problem(ann.call("POST", "/upload_chunk", data=body, content_type="application/json"), 400, "invalid")


def test_i7_a_body_without_chunk_is_small(ann: Person, store: Redis) -> None:
    body = json.dumps({"file_id": new_id(), "name": "x" * 70_000, "total_size": 1})
    with nothing_changed(ann, store):
        problem(ann.call("POST", "/upload_complete", data=body, content_type="application/json"), 413, "too_large")


@pytest.mark.parametrize("field", ["owner", "quota", "state", "version", "expires_at", "id"])
def test_z3_fields_that_are_the_servers(ann: Person, store: Redis, field: str) -> None:
    file_id = ann.start(b"x")
    with nothing_changed(ann, store):
        problem(ann.chunk(b"x", **{field: "1"}), 400, "invalid")
        problem(ann.call("POST", "/upload_chunk", data=form(b"x", **{field: "1"})), 400, "invalid")
        problem(ann.complete(file_id, 1, **{field: 1}), 400, "invalid")
        problem(ann.put("a", query_string={field: "1"}), 400, "invalid")


# -- forms


def part(name: str, value: bytes = b"1", filename: str | None = None, more: bytes = b"") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return b"--b\r\n" + disposition.encode() + b"\r\n" + more + b"\r\n" + value + b"\r\n"


INDEX, TOTAL, BYTES, END = part("chunk_index", b"0"), part("total_chunks"), part("chunk_data", b"x", "x"), b"--b--\r\n"
FORMS = {
    "no data": INDEX + TOTAL + END,
    "data is a field": INDEX + TOTAL + part("chunk_data", b"x") + END,
    "index is a file": part("chunk_index", b"0", "x") + TOTAL + BYTES + END,
    "index twice": INDEX + INDEX + TOTAL + BYTES + END,
    "data twice": INDEX + TOTAL + BYTES + BYTES + END,
    "another file": INDEX + TOTAL + BYTES + part("other", b"x", "x") + END,
    "another field": INDEX + TOTAL + BYTES + part("other") + END,
    "not UTF-8": INDEX + TOTAL + part("name", b"\xff") + BYTES + END,
    "header not UTF-8": b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n' + END,
    "no name": b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END,
    "no disposition": b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
    "no end": INDEX + TOTAL + BYTES,
    "no body": b"",
    "only the end": END,
    "no boundary": b"chunk_index=0",
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS.keys())
def test_forms_that_are_refused(ann: Person, store: Redis, body: bytes) -> None:
    with nothing_changed(ann, store):
        answer = ann.call("POST", "/upload_chunk", data=body, content_type="multipart/form-data; boundary=b")
        problem(answer, 400, "invalid")


@pytest.mark.parametrize("boundary", ["", '""', "é", "b" * 201])
def test_boundaries_that_are_refused(ann: Person, boundary: str) -> None:
    header = f"multipart/form-data; boundary={boundary}".encode().decode("latin-1")
    problem(ann.call("POST", "/upload_chunk", data=INDEX + END, content_type=header), 400, "invalid")


def timed(ann: Person, body: bytes) -> tuple[Any, float, int]:
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    answer = ann.call("POST", "/upload_chunk", data=body, content_type="multipart/form-data; boundary=b")
    return answer, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory


def test_cve_2023_25577_five_thousand_parts(ann: Person, store: Redis) -> None:
    with nothing_changed(ann, store):
        answer, seconds, grown = timed(ann, part("a") * 5000 + END)
        problem(answer, 413, "too_large")
        assert seconds < 0.5
        assert grown < 20 * 1024


def test_cve_2023_46136_line_breaks_without_end(store: Redis) -> None:
    ann = make_site(store, max_chunk_size=32 * 1024 * KIB, max_file_size=64 * 1024 * KIB).somebody()
    for start in (b"\r", b"\r\n", b"\n"):
        body = INDEX + TOTAL + part("chunk_data", start + bytes(16 * 1024 * KIB), "x") + END
        answer, seconds, _ = timed(ann, body)
        assert answer.status_code in {200, 413}
        assert seconds < 1
    answer, seconds, _ = timed(ann, INDEX + TOTAL + part("chunk_data", b"\r\n" * (8 * 1024 * KIB), "x"))
    assert seconds < 3, "each piece is looked through once"


def test_cve_2024_49767_a_huge_field(store: Redis) -> None:
    ann = make_site(store, max_chunk_size=128 * 1024 * KIB, max_file_size=256 * 1024 * KIB).somebody()
    body = INDEX + part("name", b"a" * (100 * 1024 * KIB)) + BYTES + END
    answer, seconds, grown = timed(ann, body)
    problem(answer, 413, "too_large")
    assert seconds < 1
    assert grown < 32 * 1024


def test_cve_2026_8159_hostile_part_headers(ann: Person) -> None:
    for name in ("a" * 65_000, '\\"' * 30_000, "\\" * 60_000, ";=" * 30_000):
        answer, seconds, _ = timed(ann, part("chunk_data", b"x", name))
        assert answer.status_code in {400, 413}
        assert seconds < 0.3


def test_headers_of_a_part_without_end(ann: Person, store: Redis) -> None:
    with nothing_changed(ann, store):
        body = b"--b\r\nX: " + b"a" * (250 * KIB)
        problem(
            ann.call("POST", "/upload_chunk", data=body, content_type="multipart/form-data; boundary=b"),
            413,
            "too_large",
        )
