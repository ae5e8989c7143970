"""What has arrived of an upload, with the checksums by which a client knows its own file."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest

from backoffice.domain.permissions import Permissions
from tests.support.api_site import Person, Site, problem, sha256


def pages(person: Person, file_id: str, limit: int) -> list[list[Any]]:
    found, cursor = [], "0"
    while cursor is not None:
        answer = person.get(f"/uploads/{file_id}/chunks?limit={limit}&cursor={cursor}")
        assert answer.status_code == 200, answer.text
        found.append([(item["chunk_index"], item["size"], item["sha256"]) for item in answer.json["items"]])
        cursor = answer.json["next_cursor"]
        assert (cursor is not None) == ("Link" in answer.headers)
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 500])
def test_all_that_is_there_with_its_checksum_and_nothing_else(ann: Person, limit: int) -> None:
    there = {0: b"zero", 2: b"two" * 999, 4: b"4"}
    file_id = ann.start(there[0], 5)
    for index in (4, 2):
        ann.chunk(there[index], file_id=file_id, chunk_index=index, total_chunks=5)
    found = pages(ann, file_id, limit)
    assert [*chain(*found)] == [(index, len(data), sha256(data)) for index, data in there.items()]
    assert len(found) == -(-5 // limit)


def test_nothing_is_there_past_the_last(ann: Person) -> None:
    file_id = ann.start(b"x", 2)
    assert ann.get(f"/uploads/{file_id}/chunks?cursor=2").json == {"items": [], "next_cursor": None}
    assert ann.get(f"/uploads/{file_id}/chunks?cursor=2000000000").json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", f"cursor={2**31 + 1}", "limit=0", "limit=501", "first=1"])
def test_a_part_that_cannot_be_is_refused(ann: Person, query: str) -> None:
    problem(ann.get(f"/uploads/{ann.start(b'x', 2)}/chunks?{query}"), 400, "invalid")


def test_the_rights_are_those_of_the_upload(site: Site, ann: Person, root: Person) -> None:
    bob = site.person("bob")
    file_id = ann.start(b"x", 2)
    path = f"/uploads/{file_id}/chunks"
    problem(bob.get(path), 404, "not_found")
    problem(site.anybody("GET", path), 401, "not_signed_in")
    assert root.get(path).json["items"][0]["sha256"] == sha256(b"x")
    problem(site.narrowed(ann, Permissions.FILES_WRITE).get(path), 403, "not_allowed")
    assert ann.call("DELETE", f"/uploads/{file_id}").status_code == 204
    problem(ann.get(path), 404, "not_found")
    whole = ann.start(b"y")
    assert ann.complete(whole, 1).status_code == 201
    problem(ann.get(f"/uploads/{whole}/chunks"), 404, "not_found")
