"""Uploading over HTTP: the three forms of a chunk, completion, one body, state and cancel."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from backoffice.web.api.chunk_bodies import JSON_CHUNK
from backoffice.web.body_buffers import LEAST
from tests.support.api_site import KIB, Person, Site, form, make_site, problem, sha256

DATA = bytes(range(256)) * 40


def in_json(data: bytes, **fields: Any) -> dict[str, Any]:
    body = {"chunk_index": 0, "total_chunks": 1, "chunk_data": base64.b64encode(data).decode()}
    return {"json": {**body, **fields}}


def in_form(data: bytes, **fields: Any) -> dict[str, Any]:
    return {"data": form(data, **fields), "content_type": "multipart/form-data"}


def raw(data: bytes, **fields: Any) -> dict[str, Any]:
    values = {"chunk_index": 0, "total_chunks": 1, **fields}
    return {"data": data, "query_string": values, "content_type": "application/octet-stream"}


DOORS = pytest.mark.parametrize("door", [in_json, in_form, raw])


@DOORS
def test_a_file_in_three_chunks(ann: Person, door: Any) -> None:
    pieces = [DATA[:5000], DATA[5000:5001], DATA[5001:]]
    first = ann.call("POST", "/upload_chunk", **door(pieces[1], chunk_index=1, total_chunks=3)).json
    file_id = first["file_id"]
    assert first == {"file_id": file_id, "chunk_index": 1, "total_chunks": 3, "received": 1, "missing_count": 2}
    for index in (2, 0):
        checksum = f"sha256:{sha256(pieces[index])}"
        answer = ann.call(
            "POST",
            "/upload_chunk",
            **door(pieces[index], file_id=file_id, chunk_index=index, total_chunks=3, checksum=checksum),
        )
        assert answer.status_code == 200, answer.text
    done = ann.complete(file_id, len(DATA), "all.bin", sha256=sha256(DATA), tags=["Red", "big"])
    assert done.status_code == 201
    assert done.headers["Location"] == f"/files/{file_id}"
    assert done.headers["X-Durability"]
    assert done.headers["ETag"] == f'"{file_id}.1"'
    record = done.json
    assert record["sha256"] == sha256(DATA)
    assert (record["size"], record["total_chunks"], record["tags"]) == (len(DATA), 3, ["big", "red"])
    assert (record["owner"], record["owner_id"], record["state"]) == ("ann", ann.id, "ready")
    assert ann.get(f"/files/{file_id}").data == DATA


def test_large_chunks_that_follow_each_other_in_the_same_memory_stay_apart(ann: Person) -> None:
    pieces = [bytes([number]) * LEAST for number in range(3)]
    file_id = ann.start(pieces[0], total=3)
    for index in (1, 2):
        assert ann.chunk(pieces[index], file_id=file_id, chunk_index=index, total_chunks=3).status_code == 200
    # The very same bytes again are recognized, others are not taken for them.
    again = ann.chunk(pieces[0], file_id=file_id, chunk_index=0, total_chunks=3)
    assert again.status_code == 200, again.text
    problem(ann.chunk(pieces[2], file_id=file_id, chunk_index=0, total_chunks=3), 409, "chunk_conflict")
    whole = b"".join(pieces)
    assert ann.complete(file_id, len(whole), sha256=sha256(whole)).status_code == 201
    assert ann.get(f"/files/{file_id}").data == whole


@DOORS
@pytest.mark.parametrize("data", [b"", b"\r\n", b"--", b"\r", b"\0" * 1000, b"\r\n--boundary--\r\n", DATA])
def test_bytes_come_through_every_door_unchanged(ann: Person, door: Any, data: bytes) -> None:
    answer = ann.call("POST", "/upload_chunk", **door(data, checksum=f"sha256:{sha256(data)}"))
    assert answer.status_code == 200, answer.text
    assert ann.complete(answer.json["file_id"], len(data)).status_code == 201
    assert ann.get(f"/files/{answer.json['file_id']}").data == data


@DOORS
def test_the_largest_chunk_is_taken_and_one_byte_more_is_not(ann: Person, door: Any) -> None:
    assert ann.call("POST", "/upload_chunk", **door(bytes(256 * KIB))).status_code == 200
    problem(ann.call("POST", "/upload_chunk", **door(bytes(256 * KIB + 1))), 413, "too_large")


def test_json_takes_small_chunks_only(site: Site) -> None:
    ann = make_site(
        site.store, max_chunk_size=2 * JSON_CHUNK, max_file_size=4 * JSON_CHUNK, quota_bytes=None
    ).somebody()
    assert ann.get("/limits").json["max_json_chunk_size"] == JSON_CHUNK
    assert ann.call("POST", "/upload_chunk", **in_json(bytes(JSON_CHUNK))).status_code == 200
    said = problem(ann.call("POST", "/upload_chunk", **in_json(bytes(JSON_CHUNK + 1))), 413, "too_large")
    assert said["limit"] == JSON_CHUNK


def test_the_same_chunk_again_is_fine(ann: Person) -> None:
    file_id = ann.start(b"one", 2)
    assert ann.chunk(b"one", file_id=file_id, total_chunks=2).json["received"] == 1


def test_completing_again_gives_the_same_file(ann: Person) -> None:
    file_id = ann.start(b"one")
    first, second = ann.complete(file_id, 3), ann.complete(file_id, 3)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json


def test_content_digest_of_a_raw_chunk(ann: Person) -> None:
    def send(header: str, **fields: Any) -> Any:
        return ann.call("POST", "/upload_chunk", headers={"Content-Digest": header}, **raw(b"abc", **fields))

    right = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"abd").digest()).decode()
    assert send(f"sha-256=:{right}:").status_code == 200
    assert send(f"md5=:AAAA:, sha-256=:{right}:").status_code == 200
    problem(send("md5=:AAAA:"), 400, "invalid")  # nobody would have made the check that was asked for
    problem(send(f"sha-256=:{wrong}:"), 400, "checksum_mismatch")
    problem(send(f"sha-256=:{right}:", checksum="sha256:" + sha256(b"abd")), 400, "invalid")
    for broken in ("sha-256=", f"sha-256={right}", "sha-256=:AAAA:", "sha-256=:é:", f"sha-256=:{right}"):
        problem(send(broken), 400, "invalid")


@pytest.mark.parametrize("length_known", [True, False])
def test_a_file_in_one_body(ann: Person, length_known: bool) -> None:
    data = DATA * 20
    more: dict[str, Any] = (
        {}
        if length_known
        else {"environ_overrides": {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}}
    )
    headers = {} if length_known else {"Transfer-Encoding": "chunked"}
    if not length_known:
        more["environ_overrides"]["CONTENT_LENGTH"] = ""
    answer = ann.put("tape.tar", data, query_string={"tag": ["x", "Y"]}, headers=headers, **more)
    assert answer.status_code == 201, answer.text
    record = answer.json
    assert (record["name"], record["size"], record["sha256"]) == ("tape.tar", len(data), sha256(data))
    assert record["total_chunks"] == -(-len(data) // (64 * KIB))
    assert record["mime_type"] == "application/x-tar"
    assert record["tags"] == ["x", "y"]
    assert answer.headers["Location"] == f"/files/{record['id']}"
    assert answer.headers["X-Durability"]
    assert ann.get(answer.headers["Location"]).data == data


def test_repr_digest_of_a_body(ann: Person) -> None:
    right = base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    assert ann.put("a", b"abc", headers={"Repr-Digest": f"sha-256=:{right}:"}).status_code == 201
    problem(ann.put("b", b"abd", headers={"Repr-Digest": f"sha-256=:{right}:"}), 400, "checksum_mismatch")
    problem(ann.put("b", b"abd", query_string={"checksum": "sha256:" + sha256(b"abc")}), 400, "checksum_mismatch")
    assert [file["name"] for file in ann.get("/files").json["items"]] == ["a"]


def test_the_type_comes_from_the_header_or_the_name(ann: Person) -> None:
    assert ann.put("a.png").json["mime_type"] == "image/png"
    assert ann.put("a").json["mime_type"] == "application/octet-stream"
    assert ann.put("a.png", content_type="text/csv; charset=x").json["mime_type"] == "text/csv"
    assert ann.complete(ann.start(b"x"), 1, "b.jpg").json["mime_type"] == "image/jpeg"
    assert ann.complete(ann.start(b"x"), 1, "b.jpg", mime_type="Text/Plain").json["mime_type"] == "text/plain"
    problem(ann.complete(ann.start(b"x"), 1, "b.jpg", mime_type="nonsense"), 400, "invalid")


@pytest.mark.parametrize("way", ["put", "complete"])
def test_on_conflict(ann: Person, way: str) -> None:
    def add(on_conflict: str) -> Any:
        if way == "put":
            return ann.put("a.txt", b"new", query_string={"on_conflict": on_conflict})
        return ann.complete(ann.start(b"new"), 3, "a.txt", on_conflict=on_conflict)

    first = ann.upload("a.txt", b"old")
    assert add("rename").json["name"] == "a (2).txt"
    problem(add("fail"), 409, "name_taken")
    replaced = add("replace").json
    assert (replaced["id"], replaced["name"], replaced["number"]) == (first, "a.txt", 2)
    assert ann.get(f"/files/{first}").data == b"new"
    assert ann.get("/files?state=trashed").json["items"] == []
    [earlier] = ann.get(f"/files/{first}/versions").json["items"]
    assert ann.get(f"/files/{first}/versions/{earlier['id']}").data == b"old"
    problem(add("overwrite"), 400, "invalid")


def test_state_and_cancel(ann: Person) -> None:
    file_id = ann.start(b"abc", 5, chunk_index=2, total_size=100, name="film.mp4")
    state = ann.get(f"/uploads/{file_id}").json
    assert state["missing"] == [[0, 1], [3, 4]]
    assert (state["missing_count"], state["received"], state["received_bytes"]) == (4, 1, 3)
    assert (state["total_chunks"], state["total_size"], state["name"]) == (5, 100, "film.mp4")
    assert state["expires_at"] > state["created_at"]
    assert [one["file_id"] for one in ann.get("/uploads").json["items"]] == [file_id]
    assert ann.get("/limits").json["reserved"] == 100
    assert ann.call("DELETE", f"/uploads/{file_id}").status_code == 204
    problem(ann.get(f"/uploads/{file_id}"), 404, "not_found")
    assert ann.get("/limits").json["reserved"] == 0


def test_unfinished_uploads_come_in_pages(ann: Person) -> None:
    made = [ann.start(b"x", 2) for _ in range(5)]
    seen, path = [], "/uploads?limit=2"
    while path:
        answer = ann.get(path)
        seen += [one["file_id"] for one in answer.json["items"]]
        link = answer.headers.get("Link")
        path = link[1 : link.index(">")] if link else ""
    assert sorted(seen) == sorted(made)


def test_limits(ann: Person) -> None:
    ann.upload("a", b"12345")
    assert ann.get("/limits").json == {
        "chunk_size": 64 * KIB,
        "max_chunk_size": 256 * KIB,
        "max_json_chunk_size": 256 * KIB,
        "max_file_size": 1024 * KIB,
        "max_chunks": 1000,
        "quota": 4096 * KIB,
        "used": 5,
        "used_by_versions": 0,
        "reserved": 0,
    }
