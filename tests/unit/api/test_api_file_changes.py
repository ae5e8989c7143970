"""PATCH /files/{id}: name, tags and owner, with If-Match, all or nothing."""

from __future__ import annotations

import pytest

from backoffice.domain.permissions import Permissions
from tests.support.api_site import Person, Site


def test_what_is_left_out_stays(site: Site, ann: Person) -> None:
    file = ann.put("a.txt", b"one").json
    answer = ann.call("PATCH", f"/files/{file['id']}", json={"tags": ["B", "a", "b"]})
    assert (answer.status_code, answer.json["tags"], answer.json["name"]) == (200, ["a", "b"], "a.txt")
    assert answer.headers["ETag"] == f'"{file["id"]}.2"'
    answer = ann.call("PATCH", f"/files/{file['id']}", json={"name": "b.txt"})
    assert (answer.json["name"], answer.json["tags"], answer.json["version"]) == ("b.txt", ["a", "b"], 3)
    assert ann.call("PATCH", f"/files/{file['id']}", json={"tags": []}).json["tags"] == []


def test_if_match_names_the_version_that_one_saw(site: Site, ann: Person) -> None:
    file = ann.put("a.txt", b"one").json
    address, seen = f"/files/{file['id']}", f'"{file["id"]}.1"'
    changed = ann.call("PATCH", address, json={"tags": ["x"]}, headers={"If-Match": seen})
    assert changed.status_code == 200
    stale = ann.call("PATCH", address, json={"tags": ["y"]}, headers={"If-Match": seen})
    assert (stale.status_code, stale.json["code"]) == (412, "version_mismatch")
    assert ann.call("GET", f"{address}/metadata").json["tags"] == ["x"]


def test_an_owner_is_named_by_name_or_identifier(site: Site, ann: Person, root: Person) -> None:
    bob = site.person("bob")
    file = ann.put("a.txt", b"one").json
    answer = root.call("PATCH", f"/files/{file['id']}", json={"owner": "bob", "name": "c.txt"})
    assert (answer.status_code, answer.json["owner"], answer.json["name"]) == (200, "bob", "c.txt")
    assert ann.call("GET", f"/files/{file['id']}/metadata").status_code == 404
    answer = root.call("PATCH", f"/files/{file['id']}", json={"owner": ann.id})
    assert answer.json["owner_id"] == ann.id
    assert bob.call("GET", f"/files/{file['id']}/metadata").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"name": None}, ""),
        ({"owner": "nobody-at-all"}, "owner"),
        ({"tags": ["x" * 51]}, "tags"),
        ({"tags": "x"}, "tags"),
        ({"name": "a/b"}, "name"),
        ({"name": "b.txt", "size": 3}, "size"),
        ({"name": "b.txt", "state": "trashed"}, "state"),
        ({"name": "b.txt", "owner_id": "x"}, "owner_id"),
    ],
)
def test_bad_input_changes_nothing(site: Site, ann: Person, root: Person, body: dict[str, object], field: str) -> None:
    file = ann.put("a.txt", b"one").json
    answer = root.call("PATCH", f"/files/{file['id']}", json=body)
    assert answer.status_code == 400
    assert field in answer.text
    assert ann.call("GET", f"/files/{file['id']}/metadata").json["version"] == 1


def test_Z2_what_is_somebody_elses_is_not_there(site: Site, ann: Person) -> None:
    """Nor does who may hand nothing over learn of it."""
    bob = site.person("bob")
    file = bob.put("a.txt", b"one").json
    for file_id in (file["id"], "0" * 22):
        assert ann.call("PATCH", f"/files/{file_id}", json={"name": "mine.txt"}).status_code == 404
        assert ann.call("PATCH", f"/files/{file_id}", json={"owner": "ann"}).status_code == 403
    own = ann.put("b.txt", b"one").json
    assert ann.call("PATCH", f"/files/{own['id']}", json={"owner": "bob"}).status_code == 403


def test_I27_who_may_not_read_is_told_what_it_takes_to_go_on(site: Site, ann: Person) -> None:
    file = ann.put("a.txt", b"one").json
    writer = site.narrowed(ann, Permissions.FILES_WRITE)
    answer = writer.call("PATCH", f"/files/{file['id']}", json={"tags": ["x"]})
    assert (answer.status_code, set(answer.json)) == (200, {"id", "version"})
    reader = site.narrowed(ann, Permissions.FILES_READ)
    assert reader.call("PATCH", f"/files/{file['id']}", json={"tags": ["y"]}).status_code == 403
