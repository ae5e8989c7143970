"""Other content for a file, and what it held before, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.support.api_site import Person, Site, nothing_changed, problem, sha256
from tests.support.file_versions import content, reports, versions

LONG = bytes(range(256)) * 1024
"""Four chunks."""
NOWHERE = "x" * 22


@pytest.mark.parametrize("data", [b"", b"new", LONG], ids=["nothing", "small", "long"])
def test_a_file_gets_other_content_and_keeps_all_else(ann: Person, data: bytes) -> None:
    folder = ann.call("POST", "/folders", json={"name": "Reports"}).json["id"]
    old = ann.put(f"report.txt?tag=red&folder={folder}", b"old").json
    answer = content(ann, old["id"], data)
    assert answer.status_code == 200, answer.text
    new = answer.json
    same = ("id", "name", "created_at", "mime_type", "tags", "folder", "owner_id", "state")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert (new["size"], new["number"], new["version"]) == (len(data), 2, 2)
    assert new["sha256"] == sha256(data)
    assert new["updated_at"] > old["updated_at"]
    assert new["stored_at"] > old["stored_at"]
    assert answer.headers["ETag"] == f'"{old["id"]}.2"'
    assert answer.headers["X-Durability"]
    assert ann.get(f"/files/{old['id']}").data == data
    assert [one["id"] for one in ann.get("/files").json["items"]] == [old["id"]]
    assert ann.get("/limits").json["used"] == len(data) + 3


def test_what_a_file_held_is_listed_and_sent(ann: Person) -> None:
    file_id = reports(ann, b"one", b"second", LONG)
    second, first = versions(ann, file_id)
    assert (first["number"], first["size"], first["sha256"]) == (1, 3, sha256(b"one"))
    assert (second["number"], second["size"], second["stored_by"]) == (2, 6, "ann")
    assert (first["name"], first["mime_type"], first["stored_by_id"]) == ("report.txt", "text/plain", ann.id)
    assert first["stored_at"] <= second["stored_at"] <= ann.get(f"/files/{file_id}/metadata").json["stored_at"]
    whole = ann.get(f"/files/{file_id}/versions").json
    assert (whole["total"], whole["total_exact"], whole["next_cursor"], whole["size"]) == (2, True, None, 9)
    address = f"/files/{file_id}/versions/{second['id']}"
    sent = ann.get(address)
    assert sent.data == b"second"
    assert sent.headers["Content-Disposition"] == 'attachment; filename="report.txt"'
    part = ann.get(address, headers={"Range": "bytes=2-3"})
    assert (part.status_code, part.data, part.headers["Content-Range"]) == (206, b"co", "bytes 2-3/6")
    assert ann.get(address, headers={"If-None-Match": sent.headers["ETag"]}).status_code == 304
    assert ann.call("HEAD", address).headers["Content-Length"] == "6"


def test_the_tag_of_the_bytes_is_another_one_for_each_content(ann: Person) -> None:
    file_id = ann.upload("a.txt", b"one")
    first = ann.get(f"/files/{file_id}").headers["ETag"]
    content(ann, file_id, b"two")
    second = ann.get(f"/files/{file_id}").headers["ETag"]
    assert first != second
    assert ann.get(f"/files/{file_id}", headers={"If-None-Match": first}).data == b"two"
    assert ann.get(f"/files/{file_id}", headers={"Range": "bytes=0-0", "If-Range": first}).data == b"two"
    ann.call("POST", f"/files/{file_id}/versions/{versions(ann, file_id)[0]['id']}/restore")
    assert ann.get(f"/files/{file_id}").headers["ETag"] == first, "the same bytes"


@pytest.mark.parametrize("data", [b"new", LONG], ids=["small", "long"])
@pytest.mark.parametrize("of", ["bytes", "metadata"])
def test_who_names_what_the_file_holds_overwrites_nothing_else(ann: Person, of: str, data: bytes) -> None:
    file_id = ann.upload("a.txt", b"one")
    address = f"/files/{file_id}" + ("/metadata" if of == "metadata" else "")
    tag = ann.get(address).headers["ETag"]
    assert content(ann, file_id, data, headers={"If-Match": tag}).status_code == 200
    refused = problem(content(ann, file_id, b"lost", headers={"If-Match": tag}), 412, "version_mismatch")
    assert (refused["number"], refused["version"], refused["size"]) == (2, 2, len(data))
    assert refused["sha256"] == sha256(data)
    assert refused["etag"] == ann.get(f"/files/{file_id}").headers["ETag"]
    assert refused["stored_at"] == ann.get(f"/files/{file_id}/metadata").json["stored_at"]
    assert ann.get(f"/files/{file_id}").data == data
    assert content(ann, file_id, b"anyway", headers={"If-Match": "*"}).status_code == 200


def test_another_name_is_no_other_content(ann: Person) -> None:
    file_id = ann.upload("a.txt", b"one")
    tag = ann.get(f"/files/{file_id}").headers["ETag"]
    ann.call("POST", f"/files/{file_id}/rename", json={"new_name": "b.txt"})
    assert content(ann, file_id, b"two", headers={"If-Match": tag}).status_code == 200
    assert versions(ann, file_id)[0]["name"] == "b.txt"


def test_a_checksum_that_differs_leaves_the_file_as_it_was(site: Site, ann: Person) -> None:
    file_id = ann.upload("a.txt", b"one")
    digest = base64.b64encode(hashlib.sha256(b"two").digest()).decode()
    with nothing_changed(ann, site.store):
        for more in (
            {"headers": {"Repr-Digest": f"sha-256=:{digest}:"}},
            {"query_string": {"checksum": f"sha256:{sha256(b'two')}"}},
        ):
            problem(content(ann, file_id, b"three", **more), 400, "checksum_mismatch")
            problem(content(ann, file_id, LONG, **more), 400, "checksum_mismatch")
    assert content(ann, file_id, b"two", headers={"Repr-Digest": f"sha-256=:{digest}:"}).status_code == 200


def test_an_earlier_version_is_taken_again_and_nothing_is_lost(ann: Person) -> None:
    file_id = reports(ann, b"one", b"second", b"3")
    used = ann.get("/limits").json["used"]
    first = versions(ann, file_id)[-1]
    back = ann.call("POST", f"/files/{file_id}/versions/{first['id']}/restore")
    assert (back.status_code, back.json["number"], back.json["size"]) == (200, 4, 3)
    assert ann.get(f"/files/{file_id}").data == b"one"
    held = versions(ann, file_id)
    assert [(one["number"], one["size"]) for one in held] == [(3, 1), (2, 6)]
    limits = ann.get("/limits").json
    assert (limits["used"], limits["used_by_versions"]) == (used, 7)
    problem(ann.call("POST", f"/files/{file_id}/versions/{first['id']}/restore"), 404, "not_found")
    stale = {"headers": {"If-Match": f'"{file_id}.1"'}}
    problem(ann.call("POST", f"/files/{file_id}/versions/{held[0]['id']}/restore", **stale), 412, "version_mismatch")


def test_an_earlier_version_is_deleted_and_its_quota_is_free(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"second", b"3")
    chunks = len(site.store.keys("file:*"))
    address = f"/files/{file_id}/versions/{versions(ann, file_id)[0]['id']}"
    assert ann.call("DELETE", address).status_code == 204
    assert [one["number"] for one in versions(ann, file_id)] == [1]
    limits = ann.get("/limits").json
    assert (limits["used"], limits["used_by_versions"]) == (4, 3)
    assert len(site.store.keys("file:*")) == chunks - 1
    for method, path in (("GET", address), ("DELETE", address), ("POST", f"{address}/restore")):
        problem(ann.call(method, path), 404, "not_found")
    assert ann.get(f"/files/{file_id}").data == b"3"


def test_F9_a_version_is_no_file_by_any_other_door(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"two")
    other = ann.upload("other.txt", b"x")
    version = versions(ann, file_id)[0]["id"]
    root = site.person("ruth", "admin")
    for who in (ann, root):
        for method, path, more in (
            ("GET", "/files/{}", {}),
            ("GET", "/files/{}/metadata", {}),
            ("GET", "/files/{}/preview", {}),
            ("GET", "/files/{}/chunks", {}),
            ("GET", "/files/{}/versions", {}),
            ("GET", "/files.zip?id={}", {}),
            ("PUT", "/files/{}/content", {"data": b"x"}),
            ("POST", "/files/{}/rename", {"json": {"new_name": "b"}}),
            ("PATCH", "/files/{}", {"json": {"tags": ["b"]}}),
            ("POST", "/files/{}/verify", {}),
            ("POST", "/files/{}/restore", {}),
            ("DELETE", "/files/{}", {}),
            ("DELETE", "/files/{}?purge=1", {}),
            ("GET", f"/files/{other}/versions/{{}}", {}),
            ("POST", f"/files/{other}/versions/{{}}/restore", {}),
            ("DELETE", f"/files/{other}/versions/{{}}", {}),
        ):
            assert who.call(method, path.format(version), **more).status_code in {404, 405}, (who.name, method, path)
    problem(ann.call("POST", "/links", json={"file": version}), 404, "not_found")
    assert [one["id"] for one in ann.get("/files?q=report").json["items"]] == [file_id]
    assert root.get("/files?owner=*").json["total"] == 2
    assert len(versions(ann, file_id)) == 1


def test_F9_a_stranger_finds_no_versions(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"two")
    version = versions(ann, file_id)[0]["id"]
    bob = site.person("bob")
    problem(content(bob, file_id, b"mine"), 404, "not_found")
    problem(bob.get(f"/files/{file_id}/versions"), 404, "not_found")
    for method, path in (("GET", ""), ("POST", "/restore"), ("DELETE", "")):
        problem(bob.call(method, f"/files/{file_id}/versions/{version}{path}"), 404, "not_found")
    assert ann.get(f"/files/{file_id}").data == b"two"


def test_an_operator_sees_restores_and_deletes_and_brings_no_bytes(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"two", b"three")
    olga = site.person("olga", "operator")
    second, first = versions(olga, file_id)
    assert second["stored_by"] == "ann"
    assert olga.call("POST", f"/files/{file_id}/versions/{first['id']}/restore").status_code == 200
    assert olga.call("DELETE", f"/files/{file_id}/versions/{second['id']}").status_code == 204
    problem(content(olga, file_id, b"four"), 404, "not_found")
    assert ann.get(f"/files/{file_id}").data == b"one"


def test_each_takes_its_right(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"two", b"three")
    second, first = versions(ann, file_id)
    reader, writer = site.narrowed(ann, "files:read"), site.narrowed(ann, "files:read", "files:write")
    problem(content(reader, file_id, b"x"), 403, "not_allowed")
    problem(reader.call("POST", f"/files/{file_id}/versions/{first['id']}/restore"), 403, "not_allowed")
    for who in (reader, writer):
        problem(who.call("DELETE", f"/files/{file_id}/versions/{second['id']}"), 403, "not_allowed")
    blind = site.narrowed(ann, "files:write")
    for path in ("versions", f"versions/{first['id']}"):
        problem(blind.get(f"/files/{file_id}/{path}"), 403, "not_allowed")
    assert content(blind, file_id, b"four").json == {"id": file_id, "version": 4}
    assert blind.call("POST", f"/files/{file_id}/versions/{first['id']}/restore").json == {"id": file_id, "version": 5}


def test_what_is_not_there_is_not_found(ann: Person) -> None:
    file_id = reports(ann, b"one", b"two")
    for path in (f"/files/{NOWHERE}/versions", f"/files/{file_id}/versions/{NOWHERE}", "/files/no id/versions/no id"):
        problem(ann.get(path), 404, "not_found")
    problem(content(ann, NOWHERE, b"x"), 404, "not_found")
    problem(content(ann, NOWHERE, b"x", headers={"If-Match": '"x"'}), 404, "not_found")
    ann.call("DELETE", f"/files/{file_id}")
    problem(content(ann, file_id, b"x"), 404, "not_found")
    problem(ann.get(f"/files/{file_id}/versions"), 404, "not_found")
    ann.call("POST", f"/files/{file_id}/restore")
    assert len(versions(ann, file_id)) == 1, "they come back with it"


def test_a_completion_that_is_repeated_gives_the_same_file(ann: Person) -> None:
    old = ann.upload("a.txt", b"old")
    upload = ann.start(b"new")
    for _ in range(2):
        assert ann.complete(upload, 3, "a.txt", on_conflict="replace").json["id"] == old
    assert len(versions(ann, old)) == 1
    problem(ann.complete(upload, 4, "a.txt", on_conflict="replace"), 409, "conflict")
    content(ann, old, b"newest")
    assert ann.complete(upload, 3, "a.txt", on_conflict="replace").json["id"] == old
    assert ann.get(f"/files/{old}").data == b"newest"
    assert ann.complete(old, 3, "a.txt").json["id"] == old, "what it brought is kept as a version"
    problem(ann.complete(old, 6, "a.txt"), 409, "conflict")


def test_the_log_tells_of_each(site: Site, ann: Person) -> None:
    file_id = reports(ann, b"one", b"second")
    version = versions(ann, file_id)[0]["id"]
    tag = ann.get(f"/files/{file_id}").headers["ETag"]
    ann.get(f"/files/{file_id}/versions/{version}")
    ann.call("POST", f"/files/{file_id}/versions/{version}/restore")
    ann.call("DELETE", f"/files/{file_id}/versions/{versions(ann, file_id)[0]['id']}")
    content(ann, file_id, b"2")
    ann.call("DELETE", f"/files/{file_id}?purge=1")
    lines = site.person("ruth", "admin").get("/admin/audit/export").text.splitlines()
    events = [json.loads(line)["event"] for line in lines]
    mine = [one for one in events if one.get("object", {}).get("id") == file_id]
    told = [(one["action"], one.get("changes", {}), one.get("data", {})) for one in mine]
    sums = [sha256(one) for one in (b"one", b"second", b"2")]
    bytes_of = [one["changes"]["content"] for one in mine if "content" in one.get("changes", {})]
    assert [pair[0] for pair in bytes_of] == [file_id, bytes_of[0][1], file_id]
    assert (bytes_of[1][1], f'"{bytes_of[0][1]}"') == (file_id, tag), "they are the tags of the bytes"
    assert [(action, {**changes, "content": None} if changes else {}, data) for action, changes, data in told] == [
        ("file.create", {}, {"size": 3, "sha256": sums[0]}),
        ("file.replace", changed([3, 6], sums[:2]), {"size": 6, "number": 2, "sha256": sums[1]}),
        ("file.download", {}, {"size": 6}),
        ("file.download", {}, {"size": 3, "number": 1}),
        ("file.revert", changed([6, 3], sums[1::-1]), {"size": 3, "number": 3, "restored": 1}),
        ("file.prune", {}, {"number": 2, "size": 6, "sha256": sums[1]}),
        ("file.replace", changed([3, 1], sums[::2]), {"size": 1, "number": 4, "sha256": sums[2]}),
        ("file.purge", {}, {"versions": 1}),
    ]


def changed(size: list[int], digest: list[str]) -> dict[str, Any]:
    return {"content": None, "size": size, "sha256": digest}
