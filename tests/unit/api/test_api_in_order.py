"""Uploads whose bytes come in one or a few long bodies, and become a file when their sender says so."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.permissions import Permissions
from tests.support.api_site import Person, Site, problem, sha256
from tests.support.tus import TUS, id_of

KIB = 1024
SIZE = 64 * KIB
"""Of a chunk of the site."""
DATA = bytes(range(256)) * 640
"""Two chunks and a half."""


def begin(person: Person, size: int = len(DATA), name: str = "film.mp4") -> str:
    answer = person.call("POST", "/uploads", json={"name": name, "total_size": size})
    assert answer.status_code == 201, answer.text
    assert (answer.json["offset"], answer.json["total_size"]) == (0, size)
    file_id: str = answer.json["file_id"]
    return file_id


def append(person: Person, file_id: str, offset: int, data: bytes) -> Any:
    return person.call(
        "PATCH", f"/uploads/{file_id}?offset={offset}", data=data, content_type="application/octet-stream"
    )


def test_one_body_and_then_a_file(ann: Person) -> None:
    file_id = begin(ann)
    assert append(ann, file_id, 0, DATA).json == {"file_id": file_id, "offset": len(DATA), "total_size": len(DATA)}
    problem(ann.get(f"/files/{file_id}"), 404, "not_found")
    assert ann.complete(file_id, len(DATA)).status_code == 201
    assert ann.get(f"/files/{file_id}").data == DATA


def test_what_has_arrived_is_listed_with_its_checksums_but_for_a_short_end(ann: Person) -> None:
    file_id = begin(ann)
    append(ann, file_id, 0, DATA)
    found = ann.get(f"/uploads/{file_id}/chunks").json["items"]
    parts = [DATA[:SIZE], DATA[SIZE : 2 * SIZE]]
    assert [(one["size"], one["sha256"]) for one in found] == [(SIZE, sha256(part)) for part in parts]


def test_the_end_may_come_as_a_chunk(ann: Person) -> None:
    file_id = begin(ann)
    append(ann, file_id, 0, DATA)
    sent = ann.chunk(DATA[2 * SIZE :], file_id=file_id, chunk_index=2, total_chunks=3)
    assert sent.json["missing_count"] == 0
    assert ann.complete(file_id, len(DATA)).status_code == 201
    assert ann.get(f"/files/{file_id}").data == DATA


@pytest.mark.parametrize("cut", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, len(DATA) - 1, len(DATA)])
def test_it_goes_on_at_any_byte_and_at_no_other(ann: Person, cut: int) -> None:
    file_id = begin(ann)
    assert append(ann, file_id, 0, DATA[:cut]).json["offset"] == cut
    for wrong in {0, cut - 1, cut + 1, len(DATA), len(DATA) + 1} - {cut, -1}:
        assert problem(append(ann, file_id, wrong, b"x"), 409, "offset_mismatch")["offset"] == cut
    assert append(ann, file_id, cut, DATA[cut:]).json["offset"] == len(DATA)
    assert ann.complete(file_id, len(DATA)).status_code == 201
    assert ann.get(f"/files/{file_id}").data == DATA


def test_one_that_was_cut_is_listed_as_its_chunks_are_sent(site: Site, ann: Person) -> None:
    """So that a page finds it again: among one's own, and in a folder that somebody else shares."""
    bob = site.person("bob")
    folder = ann.call("POST", "/folders", json={"name": "Team"}).json["id"]
    share = ann.call("POST", "/shares", json={"folder": folder, "user": "bob", "access": "write"}).json["id"]
    for person, root in ((ann, ""), (bob, f"/shares/{share}")):
        body = {"name": "film.mp4", "total_size": len(DATA)}
        path = f"{root}/uploads/{person.call('POST', f'{root}/uploads', json=body).json['file_id']}"
        kind = "application/octet-stream"
        assert person.call("PATCH", f"{path}?offset=0", data=DATA[: SIZE + 9], content_type=kind).status_code == 200
        listed = person.get(f"{root}/uploads").json["items"][0]
        assert (listed["total_chunks"], listed["received"]) == (3, 1)
        for index, rest in ((1, DATA[SIZE : 2 * SIZE]), (2, DATA[2 * SIZE :])):
            query = f"file_id={listed['file_id']}&chunk_index={index}&total_chunks={listed['total_chunks']}"
            sent = person.call("POST", f"{root}/upload_chunk?{query}", data=rest, content_type=kind)
            assert sent.status_code == 200, sent.text


def test_more_than_was_declared_is_refused(ann: Person) -> None:
    file_id = begin(ann, 10)
    problem(append(ann, file_id, 0, bytes(11)), 413, "too_large")
    assert append(ann, file_id, 0, bytes(10)).json["offset"] == 10
    problem(append(ann, file_id, 10, b"x"), 413, "too_large")


def test_less_than_was_declared_is_no_file(ann: Person) -> None:
    file_id = begin(ann)
    append(ann, file_id, 0, DATA[:-1])
    problem(ann.complete(file_id, len(DATA)), 400, "invalid")
    assert append(ann, file_id, len(DATA) - 1, DATA[-1:]).status_code == 200
    assert ann.complete(file_id, len(DATA)).status_code == 201


@pytest.mark.parametrize("size", [0, -1, 2**63, "x", 1.5, None])
def test_sizes_that_cannot_be(ann: Person, size: object) -> None:
    problem(ann.call("POST", "/uploads", json={"total_size": size}), 400, "invalid")


@pytest.mark.parametrize("offset", ["-1", "", "x", "1.5", str(2**63), "+1", " 1", "0&offset=0", "0&more=1"])
def test_offsets_that_cannot_be(ann: Person, offset: str) -> None:
    file_id = begin(ann)
    problem(ann.call("PATCH", f"/uploads/{file_id}?offset={offset}", data=b"x"), 400, "invalid")
    problem(ann.call("PATCH", f"/uploads/{file_id}", data=b"x"), 400, "invalid")


def test_what_does_not_fit_is_refused_before_its_first_byte(site: Site, ann: Person) -> None:
    limit = ann.get("/limits").json["max_file_size"]
    problem(ann.call("POST", "/uploads", json={"total_size": limit + 1}), 413, "too_large")


def test_nothing_else_takes_bytes_there(ann: Person) -> None:
    chunks = ann.start(b"x", 2)
    problem(append(ann, chunks, 1, b"y"), 409, "conflict")
    part = ann.call("POST", "/tus/", headers={**TUS, "Upload-Length": "9", "Upload-Concat": "partial"})
    problem(append(ann, id_of(part.headers["Location"]), 0, b"y"), 409, "conflict")
    whole = ann.upload()
    problem(append(ann, whole, 5, b"y"), 404, "not_found")
    problem(append(ann, "x", 0, b"y"), 404, "not_found")


def test_it_is_its_owners_alone(site: Site, ann: Person, root: Person) -> None:
    file_id = begin(ann)
    problem(append(site.person("bob"), file_id, 0, b"x"), 404, "not_found")
    problem(site.anybody("PATCH", f"/uploads/{file_id}?offset=0"), 401, "not_signed_in")
    problem(site.anybody("POST", "/uploads"), 401, "not_signed_in")
    reader = site.narrowed(ann, Permissions.FILES_READ)
    problem(append(reader, file_id, 0, b"x"), 403, "not_allowed")
    problem(reader.call("POST", "/uploads", json={"total_size": 1}), 403, "not_allowed")
    assert ann.get(f"/uploads/{file_id}").json["received_bytes"] == 0


def test_a_tus_client_goes_on_with_it(ann: Person) -> None:
    file_id = begin(ann)
    append(ann, file_id, 0, DATA[:100])
    sent = ann.call(
        "PATCH",
        f"/tus/{file_id}",
        headers={**TUS, "Upload-Offset": "100", "Content-Type": "application/offset+octet-stream"},
        data=DATA[100:],
    )
    assert sent.status_code == 204
    assert ann.get(f"/files/{file_id}").data == DATA
    assert ann.get(f"/files/{file_id}/metadata").json["name"] == "film.mp4"
