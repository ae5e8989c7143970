"""Whoever may change a file and not read it learns nothing of it by changing it."""

from __future__ import annotations

import pytest

from backoffice.domain.permissions import Permissions
from tests.support.api_site import Person, Site


@pytest.mark.parametrize("act", ["rename", "complete again", "restore"])
def test_I27_a_token_that_may_not_read_is_told_what_it_takes_to_go_on(site: Site, ann: Person, act: str) -> None:
    file_id = ann.start(b"secret", 1)
    assert ann.complete(file_id, 6).json["name"] == "a.bin"
    writer = site.narrowed(ann, Permissions.FILES_WRITE)
    if act == "rename":
        answer = writer.call("POST", f"/files/{file_id}/rename", json={"new_name": "b.txt"})
    elif act == "complete again":
        answer = writer.complete(file_id, 6)
    else:
        assert ann.call("DELETE", f"/files/{file_id}").status_code == 204
        deleter = site.narrowed(ann, Permissions.FILES_DELETE)
        answer = deleter.call("POST", f"/files/{file_id}/restore")
    assert answer.status_code in {200, 201}
    assert set(answer.json) == {"id", "version"}
    assert answer.headers["ETag"] == f'"{file_id}.{answer.json["version"]}"'


def test_what_was_just_sent_is_answered_as_it_was_sent(site: Site, ann: Person) -> None:
    writer = site.narrowed(ann, Permissions.FILES_WRITE)
    assert writer.put("a.txt", b"new").json["size"] == 3
