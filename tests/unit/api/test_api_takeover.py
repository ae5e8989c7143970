"""Uploads that one kind of client begins and another finishes, and who is told the address for that."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from backoffice.domain.permissions import Permissions
from tests.support.api_site import SHELL, Person, Site, problem, sha256
from tests.support.tus import TUS, Tus, id_of

KIB = 1024
SIZE = 64 * KIB
"""Of a chunk of the site."""
DATA = bytes(range(256)) * 640
"""Two chunks and a half."""


def place_of(person: Person, file_id: str) -> str:
    """The path of the address that the upload's JSON gives out."""
    return urlsplit(person.get(f"/uploads/{file_id}").json["tus_url"]).path


@pytest.fixture
def tus(ann: Person) -> Tus:
    """Who has the address alone."""
    return Tus.nobody(ann)


@pytest.mark.parametrize("declared", [len(DATA), None])
def test_what_was_begun_by_chunks_is_finished_by_tus(ann: Person, tus: Tus, declared: int | None) -> None:
    parts = [DATA[start : start + 50_000] for start in range(0, len(DATA), 50_000)]
    file_id = ann.chunk(parts[0], total_chunks=4, total_size=declared, name="film.mp4").json["file_id"]
    for index in (1, 3):
        ann.chunk(parts[index], file_id=file_id, chunk_index=index, total_chunks=4)
    path = place_of(ann, file_id)
    head = tus.head(path)
    assert head.headers["Upload-Offset"] == "100000", "up to the first gap"
    assert ("Upload-Length" in head.headers) == (declared is not None)
    assert ann.get(f"/uploads/{file_id}").json["received"] == 3, "a look changes nothing"
    for offset in (0, 50_000, 100_001, len(DATA)):
        assert tus.patch(path, offset, b"x").headers["Upload-Offset"] == "100000"
    assert tus.patch(path, 100_000, DATA[100_000:100_010], headers={"Upload-Length": str(len(DATA))}).status_code == 204
    refused = ann.chunk(parts[2], file_id=file_id, chunk_index=2, total_chunks=4)
    problem(refused, 409, "conflict")
    assert tus.offset(path) == 100_010
    assert tus.patch(path, 100_010, DATA[100_010:]).status_code == 204
    assert ann.get(f"/files/{file_id}").data == DATA
    assert ann.get(f"/files/{file_id}/metadata").json["name"] == "film.mp4"
    assert ann.get("/uploads").json["items"] == []


def test_one_that_lacks_nothing_but_its_end_becomes_the_file_that_its_sender_says(ann: Person, tus: Tus) -> None:
    old = ann.upload("a.txt", b"old")
    file_id = ann.chunk(b"hello", total_chunks=1, total_size=5, name="b.txt").json["file_id"]
    place = place_of(ann, file_id)
    assert tus.offset(place) == 5
    assert ann.complete(file_id, 5, name="a.txt", on_conflict="replace").json["id"] == old
    assert ann.get(f"/files/{old}").data == b"hello"
    assert ann.get(f"/files/{file_id}").status_code == 404
    assert tus.offset(place) == 5, "the upload has all its bytes"
    assert ann.complete(file_id, 5, name="a.txt", on_conflict="replace").json["id"] == old
    assert ann.get(f"/files/{old}/versions").json["total"] == 1


def test_one_that_lacks_nothing_but_its_end_is_a_file_when_tus_ends_it(ann: Person, tus: Tus) -> None:
    file_id = ann.chunk(b"hello", total_chunks=1, total_size=5, name="a.txt").json["file_id"]
    assert tus.patch(place_of(ann, file_id), 5).status_code == 204
    assert ann.get(f"/files/{file_id}").data == b"hello"
    assert ann.complete(file_id, 5).status_code == 201, "who began it gets the same file"


def test_tus_gives_up_what_was_begun_by_chunks(ann: Person, tus: Tus) -> None:
    path = place_of(ann, ann.start(b"x", 2))
    assert tus.delete(path).status_code == 204
    assert tus.head(path).status_code == 404


@pytest.mark.parametrize("sent", [0, 1, SIZE, SIZE + 1, len(DATA) - 1])
def test_what_tus_began_is_finished_by_chunks(ann: Person, tus: Tus, sent: int) -> None:
    path = tus_path = Tus.of(ann).begin(len(DATA), "film.mp4")
    if sent:
        tus.patch(tus_path, 0, DATA[:sent])
    file_id = id_of(path)
    parts = [DATA[start : start + SIZE] for start in range(0, len(DATA), SIZE)]
    [listed] = ann.get("/uploads").json["items"]
    assert (listed["total_chunks"], listed["received"], listed["received_bytes"]) == (3, sent // SIZE, sent)
    state = ann.get(f"/uploads/{file_id}").json
    assert state["missing"] == [[sent // SIZE, 2]]
    there = ann.get(f"/uploads/{file_id}/chunks").json["items"]
    assert [(one["chunk_index"], one["sha256"]) for one in there] == [
        (index, sha256(parts[index])) for index in range(sent // SIZE)
    ]
    problem(ann.chunk(b"x", file_id=file_id, chunk_index=3, total_chunks=4), 409, "conflict")
    for index in range(2, sent // SIZE - 1, -1):
        assert ann.chunk(parts[index], file_id=file_id, chunk_index=index, total_chunks=3).status_code == 200
    assert ann.get(f"/uploads/{file_id}").json["missing"] == []
    assert tus.offset(path) == len(DATA)
    assert ann.complete(file_id, len(DATA)).status_code == 201
    assert ann.get(f"/files/{file_id}").data == DATA


def test_there_and_back(ann: Person, tus: Tus) -> None:
    path = Tus.of(ann).begin(len(DATA))
    file_id = id_of(path)
    tus.patch(path, 0, DATA[:100_000])
    ann.chunk(DATA[2 * SIZE :], file_id=file_id, chunk_index=2, total_chunks=3)
    assert tus.offset(path) == SIZE, "the tail has to come again with all of its chunk"
    assert tus.patch(path, 100_000, DATA[100_000:]).status_code == 409
    tus.patch(path, SIZE, DATA[SIZE:120_000])
    assert ann.chunk(DATA[SIZE : 2 * SIZE], file_id=file_id, chunk_index=1, total_chunks=3).status_code == 200
    assert tus.patch(path, 2 * SIZE, DATA[2 * SIZE :]).status_code == 204
    assert ann.get(f"/files/{file_id}").data == DATA


def test_without_a_length_it_cannot_come_by_chunks(ann: Person, tus: Tus) -> None:
    path = Tus.of(ann).begin()
    assert ann.get(f"/uploads/{id_of(path)}").json["total_chunks"] is None
    problem(ann.chunk(b"x", file_id=id_of(path), total_chunks=1), 409, "conflict")


def test_Z8_nobody_gets_more_by_an_address_than_they_have(ann: Person, site: Site) -> None:
    file_id = ann.start(b"x", 2)
    rosa = site.person("rosa", "admin")
    assert rosa.get(f"/uploads/{file_id}").json["tus_url"] is None
    _, reading = site.services.tokens.create(SHELL, name="reading", user_id=ann.id, scopes=[Permissions.FILES_READ])
    headers = {"Authorization": f"Bearer {reading}"}
    assert site.anybody("GET", f"/uploads/{file_id}", headers=headers).json["tus_url"] is None
    [listed] = site.anybody("GET", "/uploads", headers=headers).json["items"]
    assert listed["tus_url"] is None
    assert ann.get(f"/uploads/{file_id}").json["tus_url"].startswith("http")
    assert [one["tus_url"] for one in ann.get("/uploads").json["items"]] == [None], "a list gives out no secrets"
    assert Tus.of(site.person("bob")).ask("HEAD", f"/tus/{file_id}", headers=TUS).status_code == 404
