"""`If-Match` with the tag of the content, while others change the file."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.permissions import Permissions
from backoffice.services import folder_trash
from backoffice.services.files import Files
from tests.support.api_site import Person, Site, problem
from tests.support.file_versions import content, reports, versions
from tests.support.folders import done, make_full, post


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


@pytest.fixture
def trashed(ann: Person) -> tuple[str, str]:
    """A file in the trash, and the tag of its metadata there."""
    file_id = ann.upload()
    assert ann.call("DELETE", f"/files/{file_id}").status_code == 204
    [file] = ann.get("/files?state=trashed").json["items"]
    return file_id, f'"{file_id}.{file["version"]}"'


@pytest.mark.parametrize("act", ["purge", "restore"])
def test_what_is_in_the_trash_is_compared_too(ann: Person, trashed: tuple[str, str], act: str) -> None:
    file_id, tag = trashed
    method, path = ("DELETE", "?purge=1") if act == "purge" else ("POST", "/restore")
    old = {"If-Match": f'"{file_id}.1"'}
    problem(ann.call(method, f"/files/{file_id}{path}", headers=old), 412, "version_mismatch")
    assert [one["id"] for one in ann.get("/files?state=trashed").json["items"]] == [file_id]
    answer = ann.call(method, f"/files/{file_id}{path}", headers={"If-Match": tag})
    assert answer.status_code in {200, 204}, answer.text
    assert not ann.get("/files?state=trashed").json["items"]


def test_a_file_in_the_trash_is_not_trashed_again_whatever_it_is_compared_with(
    ann: Person, trashed: tuple[str, str]
) -> None:
    file_id, tag = trashed
    problem(ann.call("DELETE", f"/files/{file_id}", headers={"If-Match": tag}), 404, "not_found")


@pytest.mark.parametrize("act", ["trash", "purge", "restore", "rename", "amend", "content", "restore_version"])
def test_who_may_change_and_not_read_compares_with_what_they_were_told(site: Site, ann: Person, act: str) -> None:
    file_id = reports(ann, b"one", b"two")
    version = versions(ann, file_id)[0]["id"]
    if act == "restore":
        assert ann.call("DELETE", f"/files/{file_id}").status_code == 204
    method, path, body = {
        "trash": ("DELETE", "", {}),
        "purge": ("DELETE", "?purge=1", {}),
        "restore": ("POST", "/restore", {}),
        "rename": ("POST", "/rename", {"json": {"new_name": "b.txt"}}),
        "amend": ("PATCH", "", {"json": {"tags": ["one"]}}),
        "content": ("PUT", "/content", {"data": b"three"}),
        "restore_version": ("POST", f"/versions/{version}/restore", {}),
    }[act]
    changer = site.narrowed(ann, Permissions.FILES_WRITE, Permissions.FILES_DELETE)
    old = {"If-Match": f'"{file_id}.0"'}
    told = problem(changer.call(method, f"/files/{file_id}{path}", headers=old, **body), 412, "version_mismatch")
    now = told.get("version") or ann.get(f"/files/{file_id}/metadata").json["version"]
    tag = {"If-Match": f'"{file_id}.{now}"'}
    answer = changer.call(method, f"/files/{file_id}{path}", headers=tag, **body)
    assert answer.status_code in {200, 204}, answer.text


def test_a_file_that_somebody_may_only_hand_over_is_theirs_to_compare(site: Site, ann: Person, root: Person) -> None:
    """Of a right that is the site's nobody's own file is in the way."""
    file_id, heir = ann.upload(), site.person("bob")
    clerk = site.narrowed(root, Permissions.FILES_ALL_WRITE, Permissions.USERS_READ)
    sent = {"headers": {"If-Match": f'"{file_id}.1"'}, "json": {"owner": heir.id}}
    assert clerk.call("PATCH", f"/files/{file_id}", **sent).status_code == 200
    problem(ann.call("PATCH", f"/files/{ann.upload('b.bin')}", **sent), 403, "not_allowed")


@pytest.fixture(name="a")
def full_folder(ann: Person) -> str:
    return make_full(ann)


@pytest.mark.parametrize("verb", ["restore", "purge"])
def test_that_all_has_followed_is_no_change_to_who_read_it_before(
    ann: Person, a: str, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", 1)
    worker = ann.site.services.folders
    before = ann.get(f"/folders/{a}").headers["ETag"]
    trashed = post(ann, a, "trash").headers["ETag"]
    while worker.follow():
        pass
    now = ann.site.services.folders.store.get(a)
    assert now is not None
    assert (now.complete, trashed) == (True, f'"{a}.{now.version - 1}"')
    problem(post(ann, a, verb, headers={"If-Match": before}), 412, "version_mismatch")
    assert post(ann, a, verb, headers={"If-Match": trashed}).status_code in {200, 204}


def test_what_somebody_did_since_is_one(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", 1)
    worker = ann.site.services.folders
    done(ann, a, "trash")
    back = post(ann, a, "restore").headers["ETag"]
    while worker.follow():
        pass
    renamed = ann.call("PATCH", f"/folders/{a}", json={"name": "b"}, headers={"If-Match": back})
    assert renamed.status_code == 200, renamed.text
    for tag in (back, f'"{a}.{renamed.json["version"] - 1}"'):
        problem(
            ann.call("PATCH", f"/folders/{a}", json={"name": "c"}, headers={"If-Match": tag}), 412, "version_mismatch"
        )
    headers = {"If-Match": renamed.headers["ETag"]}
    assert ann.call("PATCH", f"/folders/{a}", json={"name": "c"}, headers=headers).status_code == 200
