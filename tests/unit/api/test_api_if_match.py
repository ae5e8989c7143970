"""`If-Match` with the tag of the content, while others change the file."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.services.files import Files
from tests.support.api_site import Person, problem
from tests.support.file_versions import content, reports, versions


@pytest.mark.parametrize("act", ["trash", "purge", "restore_version", "rename", "amend"])
def test_the_tag_of_the_bytes_holds_until_it_is_written(ann: Person, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    file_id = reports(ann, b"one", b"two")
    seen = {"If-Match": ann.get(f"/files/{file_id}").headers["ETag"]}
    version = versions(ann, file_id)[0]["id"]
    unhindered = getattr(Files, act)

    def meanwhile(*args: Any, **more: Any) -> Any:
        """Between the look at the tag and the change."""
        assert content(ann, file_id, b"three").status_code == 200
        return unhindered(*args, **more)

    monkeypatch.setattr(Files, act, meanwhile)
    method, path, body = {
        "trash": ("DELETE", "", None),
        "purge": ("DELETE", "?purge=1", None),
        "restore_version": ("POST", f"/versions/{version}/restore", None),
        "rename": ("POST", "/rename", {"new_name": "b.txt"}),
        "amend": ("PATCH", "", {"name": "b.txt"}),
    }[act]
    problem(ann.call(method, f"/files/{file_id}{path}", headers=seen, json=body), 412, "version_mismatch")
    assert ann.get(f"/files/{file_id}").data == b"three"
    assert ann.get(f"/files/{file_id}/metadata").json["name"] == "report.txt"
