"""Stored files over HTTP: lists, metadata, downloads, renaming, the trash."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.http import parse_options_header

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from tests.support.api_site import SHELL, Person, Site, problem, sha256


def names(person: Person, query: str = "") -> list[str]:
    answer = person.get(f"/files{query}")
    assert answer.status_code == 200, answer.text
    return [file["name"] for file in answer.json["items"]]


# -- lists


def test_newest_first_unless_asked_otherwise(ann: Person) -> None:
    for name, data in (("b.txt", b"22"), ("c.txt", b"1"), ("a.txt", b"333")):
        ann.upload(name, data)
    assert names(ann) == ["a.txt", "c.txt", "b.txt"]
    assert names(ann, "?order=asc") == ["b.txt", "c.txt", "a.txt"]
    assert names(ann, "?sort=name") == ["a.txt", "b.txt", "c.txt"]
    assert names(ann, "?sort=name&order=desc") == ["c.txt", "b.txt", "a.txt"]
    assert names(ann, "?sort=size") == ["a.txt", "b.txt", "c.txt"]


def test_pages_by_link_and_by_cursor(ann: Person) -> None:
    for number in range(7):
        ann.upload(f"file {number}.txt")
    seen, path = [], "/files?limit=3&sort=name&q=file"
    while path:
        answer = ann.get(path)
        seen.append([file["name"] for file in answer.json["items"]])
        link, cursor = answer.headers.get("Link"), answer.json["next_cursor"]
        assert (link is None) == (cursor is None)
        path = link.partition("<")[2].partition(">")[0] if link else ""
        assert not link or link.endswith('; rel="next"')
    assert [len(page) for page in seen] == [3, 3, 1]
    assert [name for page in seen for name in page] == [f"file {number}.txt" for number in range(7)]


def test_conditions_hold_together(ann: Person) -> None:
    ann.put("red ball.png", query_string={"tag": ["red", "toy"]})
    ann.put("red car.png", query_string={"tag": ["red"]})
    ann.put("blue ball.txt", query_string={"tag": ["toy"]})
    assert names(ann, "?q=ball&sort=name") == ["blue ball.txt", "red ball.png"]
    assert names(ann, "?tag=red&sort=name") == ["red ball.png", "red car.png"]
    assert names(ann, "?tag=RED&tag=toy") == ["red ball.png"]
    assert names(ann, "?mime_type=image/png&q=car") == ["red car.png"]
    assert names(ann, "?mime_type=IMAGE/PNG&tag=toy&q=red") == ["red ball.png"]
    assert names(ann, "?q=nothing") == []


def test_whose_files(site: Site, ann: Person) -> None:
    bob, root = site.person("bob"), site.person("rosa", "admin")
    ann.upload("ann.txt")
    bob.upload("bob.txt")
    assert names(ann) == ["ann.txt"]
    assert names(ann, "?owner=ann") == names(ann, f"?owner={ann.id}") == ["ann.txt"]
    assert names(root) == []
    assert names(root, "?owner=bob") == names(root, f"?owner={bob.id}") == ["bob.txt"]
    both = root.get("/files?owner=*&sort=name").json
    assert [(file["name"], file["owner"]) for file in both["items"]] == [("ann.txt", "ann"), ("bob.txt", "bob")]
    for owner in ("*", bob.id, "bob", "no%20body"):
        problem(ann.get(f"/files?owner={owner}"), 403, "not_allowed")
    problem(root.get("/files?owner=no%20body"), 400, "invalid")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=1e2",
        "limit=+1",
        "limit=%201",
        "limit=",
        "limit=" + "9" * 40,
        "limit=1&limit=2",
        "sort=owner",
        "sort=",
        "order=up",
        "q=" + "a" * 257,
        "cursor=x",
        "cursor=%FF",
        "cursor=W10",
        "mime_type=text",
        "mime_type=text/plain%00",
        "mime_type=*",
        "state=gone",
        "state=",
        "page=2",
        "offset=1",
        "tag=",
        "tag=" + "a" * 51,
        "&".join(f"tag={n}" for n in range(6)),
        "owner=" + "a" * 400,
        "Limit=1",
    ],
)
def test_d2_what_a_list_does_not_understand(ann: Person, query: str) -> None:
    problem(ann.get(f"/files?{query}"), 400, "invalid")


def test_i5_search_text_is_words_and_nothing_else(ann: Person) -> None:
    ann.upload("plain.txt")
    for text in ("*", "%2A", "[a-z]", "(a%2B)%2B$", "%00", "\\", "..", "plain*", "%F0%9F%92%BE"):
        answer = ann.get(f"/files?q={text}")
        assert answer.status_code == 200, answer.text


# -- metadata, renaming, conditions


def test_metadata(ann: Person) -> None:
    file_id = ann.upload("a.txt", b"abc")
    answer = ann.get(f"/files/{file_id}/metadata")
    assert answer.json["sha256"] == sha256(b"abc")
    assert answer.headers["ETag"] == f'"{file_id}.1"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Cookie", "Authorization"} <= set(answer.vary)


def test_rename(ann: Person) -> None:
    file_id = ann.upload("a.txt")
    answer = ann.call("POST", f"/files/{file_id}/rename", json={"new_name": "é.txt"})
    assert (answer.status_code, answer.json["name"], answer.json["version"]) == (200, "é.txt", 2)
    assert "filename*=UTF-8''%C3%A9.txt" in ann.get(f"/files/{file_id}").headers["Content-Disposition"]


def test_rename_to_a_taken_name(ann: Person) -> None:
    ann.upload("a.txt")
    second = ann.upload("b.txt")
    problem(ann.call("POST", f"/files/{second}/rename", json={"new_name": "A.TXT"}), 409, "name_taken")


@pytest.mark.parametrize(
    ("condition", "status"),
    [("{id}.1", 200), ("*", 200), ("other", 412), ("{id}.2", 412), ("{id}.01", 412), ("W/{id}.1", 412)],
)
def test_if_match(ann: Person, condition: str, status: int) -> None:
    file_id = ann.upload("a.txt")
    text = condition.replace("{id}", file_id)
    header = text if text == "*" else f'W/"{text[2:]}"' if text.startswith("W/") else f'"none", "{text}"'
    answer = ann.call("POST", f"/files/{file_id}/rename", json={"new_name": "b.txt"}, headers={"If-Match": header})
    assert answer.status_code == status
    assert names(ann) == ["b.txt" if status == 200 else "a.txt"]


def test_if_match_with_delete(ann: Person) -> None:
    file_id = ann.upload("a.txt")
    etag = ann.get(f"/files/{file_id}/metadata").headers["ETag"]
    ann.call("POST", f"/files/{file_id}/rename", json={"new_name": "b.txt"})
    problem(ann.call("DELETE", f"/files/{file_id}", headers={"If-Match": etag}), 412, "version_mismatch")
    of_bytes = ann.get(f"/files/{file_id}").headers["ETag"]
    assert ann.call("DELETE", f"/files/{file_id}", headers={"If-Match": of_bytes}).status_code == 204


@pytest.mark.parametrize(
    "body", [{}, {"new_name": 1}, {"new_name": "x", "owner": "bob"}, {"new_name": None}, {"name": "x"}]
)
def test_z3_rename_takes_a_name_and_nothing_else(ann: Person, body: dict[str, Any]) -> None:
    file_id = ann.upload("a.txt")
    assert problem(ann.call("POST", f"/files/{file_id}/rename", json=body), 400, "invalid")["errors"]
    assert names(ann) == ["a.txt"]


# -- downloads through the whole application


def test_download_with_conditions(ann: Person) -> None:
    data = bytes(range(256)) * 1000
    file_id = ann.upload("a.bin", data)
    whole = ann.get(f"/files/{file_id}")
    assert whole.data == data
    assert whole.headers["Content-Length"] == str(len(data))
    assert whole.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert whole.headers["Cache-Control"] == "private, no-store"
    part = ann.get(f"/files/{file_id}", headers={"Range": "bytes=65530-65541", "If-Range": whole.headers["ETag"]})
    assert (part.status_code, part.data) == (206, data[65530:65542])
    assert ann.get(f"/files/{file_id}", headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    head = ann.call("HEAD", f"/files/{file_id}")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(data)))


def test_f10_unsatisfiable_range_is_a_problem(ann: Person) -> None:
    file_id = ann.upload("a.bin", b"12345")
    answer = ann.get(f"/files/{file_id}", headers={"Range": "bytes=5-"})
    problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */5"


def test_f11_an_empty_file(ann: Person) -> None:
    for file_id in (ann.upload("a", b""), ann.complete(ann.start(b""), 0, "b").json["id"]):
        answer = ann.get(f"/files/{file_id}")
        assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_download_is_recorded_once_and_head_is_not(site: Site, ann: Person) -> None:
    file_id = ann.upload()
    auditor = site.person("eve", "auditor")

    def recorded() -> int:
        entries = site.services.audit.page(_actor(site, auditor), filters=[("object", f"file:{file_id}")]).items
        return sum(entry.event["action"] == "file.download" for entry in entries)

    ann.call("HEAD", f"/files/{file_id}")
    ann.get(f"/files/{file_id}", headers={"If-None-Match": "*"})
    assert recorded() == 0
    ann.get(f"/files/{file_id}")
    assert recorded() == 1


def _actor(site: Site, person: Person) -> Any:
    found = site.services.tokens.authenticate(person.token, ip="", agent="", request_id="")
    assert found is not None
    return found[0]


def test_damaged_bytes_are_not_sent(site: Site, ann: Person) -> None:
    file_id = ann.upload("a.bin", b"good bytes")
    [key] = site.store.keys("file:*")
    site.store.set(key, b"bad  bytes")
    problem(ann.get(f"/files/{file_id}"), 500, "integrity_error")
    site.store.delete(key)
    problem(ann.get(f"/files/{file_id}"), 500, "chunk_lost")


# -- deleting


def test_trash_restore_purge(site: Site, ann: Person) -> None:
    file_id = ann.upload("a.txt", b"abc")
    assert ann.call("DELETE", f"/files/{file_id}").status_code == 204
    for path in (f"/files/{file_id}", f"/files/{file_id}/metadata"):
        problem(ann.get(path), 404, "not_found")
    [trashed] = ann.get("/files?state=trashed").json["items"]
    assert (trashed["id"], trashed["state"]) == (file_id, "trashed")
    assert trashed["purge_at"] > trashed["updated_at"]
    ann.upload("a.txt", b"other")
    restored = ann.call("POST", f"/files/{file_id}/restore")
    assert (restored.status_code, restored.json["name"]) == (200, "a (2).txt")
    assert ann.get(f"/files/{file_id}").data == b"abc"
    assert ann.call("DELETE", f"/files/{file_id}").status_code == 204
    assert ann.call("DELETE", f"/files/{file_id}?purge=1").status_code == 204
    problem(ann.call("POST", f"/files/{file_id}/restore"), 404, "not_found")
    assert ann.get("/limits").json["used"] == len(b"other")
    assert len(site.store.keys("file:*")) == 1


def test_purge_takes_one_or_zero(ann: Person) -> None:
    file_id = ann.upload()
    problem(ann.call("DELETE", f"/files/{file_id}?purge=yes"), 400, "invalid")
    assert ann.call("DELETE", f"/files/{file_id}?purge=0").status_code == 204
    assert len(ann.get("/files?state=trashed").json["items"]) == 1


# -- names that an earlier version took


@pytest.mark.parametrize("name", ["a\ue000b.txt", "a\u3164b.txt", "a\u0378.txt", "a\u00a0b.txt", "\u2800.txt"])
def test_a_file_whose_name_is_refused_now_is_there_as_before(site: Site, ann: Person, name: str) -> None:
    file_id = ann.upload("a.txt", b"old")
    store = site.services.files.files
    file = store.get(file_id)
    assert file is not None
    store.rename(file, name, AuditEvent(Actions.FILE_RENAME, SHELL))
    path = f"/files/{file_id}"
    assert names(ann) == [name]
    download = ann.get(path)
    assert (download.status_code, download.data) == (200, b"old")
    assert parse_options_header(download.headers["Content-Disposition"])[1]["filename"] == name
    assert ann.call("POST", f"{path}/rename", json={"new_name": name}).json["name"] in {name, "a b.txt"}
    assert ann.call("DELETE", path).status_code == 204
    assert ann.call("POST", f"{path}/restore").json["state"] == "ready"
    assert ann.call("POST", f"{path}/rename", json={"new_name": "plain.txt"}).json["name"] == "plain.txt"
    if name != "a\u00a0b.txt":
        problem(ann.call("POST", f"{path}/rename", json={"new_name": name}), 400, "invalid")
