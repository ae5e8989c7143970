"""The type of a file that gets other content."""

from __future__ import annotations

from tests.support.api_site import Person
from tests.support.file_versions import content, versions


def test_the_type_stays_unless_another_is_said(ann: Person) -> None:
    file_id = ann.upload("a.txt", b"one")
    for said, found in (
        ("application/octet-stream", "text/plain"),
        ("application/x-www-form-urlencoded", "text/plain"),
        ("text/csv", "text/csv"),
    ):
        assert content(ann, file_id, b"x", content_type=said).json["mime_type"] == found
    first = versions(ann, file_id)[-1]
    back = ann.call("POST", f"/files/{file_id}/versions/{first['id']}/restore").json
    assert back["mime_type"] == "text/plain"


def test_a_type_that_says_nothing_stays_too(ann: Person) -> None:
    file_id = ann.upload("data", b"one")
    assert ann.get(f"/files/{file_id}/metadata").json["mime_type"] == "application/octet-stream"
    ann.call("POST", f"/files/{file_id}/rename", json={"new_name": "data.csv"})
    assert content(ann, file_id, b"two").json["mime_type"] == "application/octet-stream"
    assert content(ann, file_id, b"3", content_type="text/csv").json["mime_type"] == "text/csv"
