"""Many small files in one request: each as if it came alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backoffice.domain.limits import MAX_BATCH_BYTES, MAX_BATCH_FILES
from backoffice.domain.permissions import Permissions
from tests.support.api_site import SHELL, Person, Site, problem, sha256

EDGE = "edge-of-the-form"


def form(said: object, contents: list[bytes], name: str = "content") -> bytes:
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="files"\r\n\r\n'.encode()
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    parts = [
        f'\r\n--{EDGE}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode() + one
        for one in contents
    ]
    return head + text + b"".join(parts) + f"\r\n--{EDGE}--\r\n".encode()


def post(person: Person, body: bytes) -> Any:
    return person.call("POST", "/files/batch", data=body, content_type=f"multipart/form-data; boundary={EDGE}")


def batch(person: Person, contents: dict[str, bytes], folder: str = "", **each: Any) -> list[Any]:
    said = {"folder": folder, "files": [{"name": name, **each} for name in contents]}
    answer = post(person, form(said, list(contents.values())))
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json["items"]
    return items


def test_each_is_a_file_with_its_own_entry(site: Site, ann: Person) -> None:
    contents = {"a.txt": b"one", "b.bin": b"", "c": b"\r\n--edge" * 100}
    items = batch(ann, contents)
    assert [one["file"]["name"] for one in items] == list(contents)
    assert [one["problem"] for one in items] == [None] * 3
    for one, content in zip(items, contents.values(), strict=True):
        assert ann.get(f"/files/{one['file']['id']}").data == content
        assert one["file"] == ann.get(f"/files/{one['file']['id']}/metadata").json
    assert items[0]["file"]["mime_type"] == "text/plain"


def test_one_that_is_refused_is_in_nobodys_way(ann: Person) -> None:
    ann.upload("taken.txt", b"old")
    said = [
        {"name": "first", "sha256": sha256(b"0")},
        {"name": "TAKEN.txt", "on_conflict": "fail"},
        {"name": "a/b"},
        {"name": "wrong", "sha256": sha256(b"else")},
        {"name": "deep", "folder_path": ["x", ".."]},
        {"name": "taken.txt"},
        {"name": "last", "folder_path": ["x", "y"]},
        {"name": "last", "folder_path": ["x", "y"], "on_conflict": "fail"},
    ]
    items = post(ann, form({"files": said}, [str(at).encode() for at in range(len(said))])).json["items"]
    assert [(one["problem"] or {}).get("code", "") for one in items] == [
        "", "name_taken", "invalid", "checksum_mismatch", "invalid", "", "", "name_taken",
    ]  # fmt: skip
    assert [(one["problem"] or {}).get("status", 201) for one in items] == [201, 409, 400, 400, 400, 201, 201, 409]
    assert items[5]["file"]["name"] == "taken (2).txt"
    stored = {one["name"] for one in ann.get("/files").json["items"]}
    assert stored == {"first", "taken.txt", "taken (2).txt", "last"}


def test_what_is_repeated_with_fail_is_not_stored_twice(ann: Person) -> None:
    contents = {f"{number}.txt": bytes([number]) for number in range(5)}
    for _ in range(2):
        items = batch(ann, contents, on_conflict="fail")
    assert {one["problem"]["code"] for one in items} == {"name_taken"}
    assert len(ann.get("/files").json["items"]) == 5


def test_replacing_gives_the_file_that_is_there_the_content(ann: Person) -> None:
    old = ann.upload("a.txt", b"old")
    [item] = batch(ann, {"a.txt": b"new"}, on_conflict="replace")
    assert item["file"]["id"] == old
    assert ann.get(f"/files/{old}").data == b"new"


def test_into_a_folder_and_into_none_that_is_somebody_elses(site: Site, ann: Person) -> None:
    place = ann.call("POST", "/folders", json={"path": ["plans"]}).json["id"]
    assert batch(ann, {"a": b"1"}, place)[0]["file"]["folder"] == place
    theirs = site.person("bob").call("POST", "/folders", json={"path": ["plans"]}).json["id"]
    for wrong in (theirs, "x"):
        [item] = batch(ann, {"b": b"1"}, wrong)
        assert item["problem"]["status"] in {400, 404, 409}, item


@pytest.mark.parametrize(
    "said",
    [
        b"", b"[]", b"{", b'{"files": []}', b'{"files": [{}]}', b'{"files": [{"name": "a", "more": 1}]}',
        b'{"files": [{"name": 1}]}', b'{"files": [{"name": "a", "sha256": "x"}]}', b'{"files": {}, "files": []}',
        b"\xff", b'{"files": [{"name": "a", "on_conflict": "skip"}]}',
    ],
)  # fmt: skip
def test_what_is_said_badly_stores_nothing(ann: Person, said: bytes) -> None:
    problem(post(ann, form(said, [b"x"])), 400, "invalid")
    assert ann.get("/files").json["items"] == []


def test_forms_that_are_not_what_they_should_be(ann: Person) -> None:
    named = {"files": [{"name": "a"}, {"name": "b"}]}
    for contents in ([], [b"1"], [b"1", b"2", b"3"]):
        problem(post(ann, form(named, contents)), 400, "invalid")
    problem(post(ann, form(named, [b"1", b"2"], name="other")), 400, "invalid")
    whole = form(named, [b"1", b"2"])
    for end in (1, len(whole) // 2, len(whole) - 20):
        problem(post(ann, whole[:end]), 400, "invalid")
    first = whole.index(b"\r\n--", 10)
    problem(post(ann, whole[first + 2 :]), 400, "invalid")
    problem(ann.call("POST", "/files/batch", data=b"x"), 400, "invalid")
    assert ann.get("/files").json["items"] == []


def test_no_more_than_so_many_and_so_large(ann: Person) -> None:
    many = [{"name": str(number)} for number in range(MAX_BATCH_FILES + 1)]
    assert post(ann, form({"files": many}, [b"x"] * len(many))).status_code in {400, 413}
    assert len(batch(ann, {str(number): b"x" for number in range(MAX_BATCH_FILES)})) == MAX_BATCH_FILES
    quarter = bytes(MAX_BATCH_BYTES // 4)
    problem(post(ann, form({"files": many[:5]}, [*[quarter] * 4, b"x"])), 413, "too_large")
    problem(post(ann, form({"files": many[:2]}, [b"", bytes(MAX_BATCH_BYTES + 1)])), 413, "too_large")
    assert post(ann, form({"files": many[:4]}, [quarter] * 4)).status_code == 200


def test_a_quota_that_is_full_in_the_middle_refuses_what_does_not_fit(site: Site, ann: Person) -> None:
    site.services.users.update(SHELL, ann.id, quota_bytes=100)
    items = batch(ann, {"a": bytes(60), "b": bytes(60), "c": bytes(40), "d": b"x"})
    assert [(one["problem"] or {}).get("code", "") for one in items] == ["", "quota_exceeded", "", "quota_exceeded"]


def test_who_may_not_store_stores_nothing(site: Site, ann: Person) -> None:
    body = form({"files": [{"name": "a"}]}, [b"x"])
    kind = {"content_type": f"multipart/form-data; boundary={EDGE}"}
    problem(site.anybody("POST", "/files/batch", data=body, **kind), 401, "not_signed_in")
    problem(post(site.narrowed(ann, Permissions.FILES_READ), body), 403, "not_allowed")
    assert ann.get("/files").json["items"] == []
