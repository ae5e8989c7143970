"""What is asked of the API about what files hold and held."""

from __future__ import annotations

from typing import Any

from tests.support.api_site import Person


def content(person: Person, file_id: str, data: bytes, **more: Any) -> Any:
    return person.call("PUT", f"/files/{file_id}/content", data=data, **more)


def versions(person: Person, file_id: str) -> list[dict[str, Any]]:
    return list(person.get(f"/files/{file_id}/versions").json["items"])


def reports(ann: Person, *contents: bytes) -> str:
    """A file that has held all of these."""
    file_id = ann.upload("report.txt", contents[0])
    for data in contents[1:]:
        assert content(ann, file_id, data).status_code == 200
    return file_id
