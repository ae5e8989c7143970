"""Folders over the API: made, listed, renamed, moved, deleted; and files that lie in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import system_actor
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.domain.paging import Query
from backoffice.stores import folders as folder_store
from tests.support.api_site import SHELL, Person, Site, problem
from tests.support.folders import make


def names(person: Person, query: str) -> list[str]:
    answer = person.get(f"/files?sort=name&{query}")
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json["items"]]


def folders(person: Person, query: str = "") -> list[str]:
    return [one["name"] for one in person.get(f"/folders?{query}").json["items"]]


def change(person: Person, folder: str, **fields: Any) -> Any:
    return person.call("PATCH", f"/folders/{folder}", json=fields)


def test_a_file_lies_in_one_place(ann: Person) -> None:
    before = ann.put("before.txt").json
    assert before["folder"] is None
    a = make(ann, "a")
    assert names(ann, "folder=") == ["before.txt"], "what was there before the first folder is found at the top"
    ann.put("top.txt")
    inside = ann.put(f"b.txt?folder={a}").json
    assert inside["folder"] == a
    assert names(ann, "folder=") == ["before.txt", "top.txt"]
    assert names(ann, f"folder={a}") == ["b.txt"]
    assert names(ann, "") == ["b.txt", "before.txt", "top.txt"], "without a place: all"
    for sort in ("created", "size"):
        assert {one["name"] for one in ann.get(f"/files?folder=&sort={sort}").json["items"]} == {
            "before.txt",
            "top.txt",
        }
    assert names(ann, f"folder={a}&q=b") == ["b.txt"]
    assert names(ann, f"folder={a}&q=top") == []
    assert names(ann, "folder=&tag=x") == []


def test_chunks_and_tus_metadata_name_a_folder(ann: Person) -> None:
    a = make(ann, "a")
    upload = ann.start(b"xyz")
    done = ann.complete(upload, 3, "c.bin", folder=a, folder_path=["deep", "er"])
    assert done.status_code == 201, done.text
    path = ann.get(f"/folders/{done.json['folder']}/path").json["items"]
    assert [one["name"] for one in path] == ["a", "deep", "er"]
    again = ann.put("d.bin?folder_path=a&folder_path=deep&folder_path=er").json
    assert again["folder"] == done.json["folder"]
    assert len(folders(ann)) == 3


def test_names_are_different_in_one_place_alike_for_files_and_folders(ann: Person) -> None:
    a = make(ann, "Reports")
    problem(ann.call("POST", "/folders", json={"name": "REPORTS"}), 409, "name_taken")
    assert ann.put("reports").json["name"] == "reports (2)", "a file steps aside for a folder"
    problem(ann.put("reports?on_conflict=fail"), 409, "name_taken")
    problem(ann.put("reports?on_conflict=replace"), 409, "name_taken")
    ann.put(f"notes?folder={a}")
    problem(ann.call("POST", "/folders", json={"name": "Notes", "parent": a}), 409, "name_taken")
    assert ann.put("notes").json["name"] == "notes", "another place, another name"
    problem(ann.call("POST", "/folders", json={"path": ["Reports", "notes"]}), 409, "name_taken")
    replaced = ann.put(f"NOTES?folder={a}&on_conflict=replace", b"new").json
    assert names(ann, f"folder={a}") == ["notes"], "it has other content, and its name"
    assert ann.get(f"/files/{replaced['id']}").data == b"new"


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "..", "x.", "a\0b", " x", "n" * 256, "a\u202eb"])
def test_a_name_that_no_file_can_have_no_folder_can(ann: Person, name: str) -> None:
    problem(ann.call("POST", "/folders", json={"name": name}), 400, "invalid")
    problem(ann.call("POST", "/folders", json={"path": ["ok", name]}), 400, "invalid")
    assert folders(ann) == [], "of a path all or nothing"


def test_folders_are_found_by_words_of_their_names(site: Site, ann: Person) -> None:
    a = make(ann, "Summer in Rome")
    make(ann, "rome", a)
    make(ann, "Prometheus")
    make(site.person("bob"), "Rome")
    assert folders(ann, "q=rome") == ["rome", "Summer in Rome"]
    assert folders(ann, "q=ROME+summer") == ["Summer in Rome"]
    assert folders(ann, f"q=rom&parent={a}") == ["rome"]
    assert folders(ann, "q=ometh") == ["Prometheus"], "where no words are, parts of them"
    assert folders(ann, "q=none") == []
    change(ann, a, name="Winter")
    assert folders(ann, "q=rome") == ["rome"]
    assert ann.call("POST", f"/folders/{a}/trash").status_code == 200
    assert (folders(ann, "q=rome"), folders(ann, "q=winter")) == (["Prometheus"], [])
    assert [one["name"] for one in ann.get("/folders/trash?q=winter").json["items"]] == ["Winter"]
    assert ann.get("/folders/trash?q=summer").json["items"] == []


def test_a_path_is_made_once(ann: Person) -> None:
    answers = [ann.call("POST", "/folders", json={"path": ["a", "b", "c"]}).json for _ in range(2)]
    assert answers[0] == answers[1]
    other = ann.call("POST", "/folders", json={"path": ["A", "B", "d"]}).json
    assert other["parent"] == answers[0]["parent"], "by the rule of conflicts"
    assert folders(ann) == ["a", "b", "c", "d"]
    assert folders(ann, "parent=") == ["a"]
    for body in ({}, {"name": "x", "path": ["y"]}, {"path": []}, {"path": ["x"] * (MAX_FOLDER_DEPTH + 1)}):
        problem(ann.call("POST", "/folders", json=body), 400, "invalid")


def test_renamed_and_moved_with_all_that_is_in_it(ann: Person) -> None:
    a, b = make(ann, "a"), make(ann, "b")
    inner = make(ann, "inner", a)
    ann.put(f"x.txt?folder={inner}")
    assert change(ann, inner, parent=b, name="moved").json["name"] == "moved"
    assert (folders(ann, f"parent={a}"), folders(ann, f"parent={b}")) == ([], ["moved"])
    assert names(ann, f"folder={inner}") == ["x.txt"]
    assert change(ann, inner, parent="").json["parent"] is None
    assert change(ann, inner, name="MOVED").status_code == 200, "its own name in capitals"
    make(ann, "b", inner)
    problem(change(ann, b, parent=inner), 409, "name_taken")
    stale = ann.call("PATCH", f"/folders/{a}", json={"name": "z"}, headers={"If-Match": f'"{a}.7"'})
    problem(stale, 412, "version_mismatch")
    problem(change(ann, a), 400, "invalid")
    log = [entry.event["action"] for entry in ann.site.services.files.audit.page((), "", 50).items]
    assert (log.count("folder.move"), log.count("folder.rename")) == (2, 1)


def test_no_folder_lies_in_itself_or_too_deep(ann: Person) -> None:
    path = [f"{n}" for n in range(MAX_FOLDER_DEPTH)]
    deepest = ann.call("POST", "/folders", json={"path": path}).json
    problem(ann.call("POST", "/folders", json={"name": "x", "parent": deepest["id"]}), 409, "conflict")
    way = [one["id"] for one in ann.get(f"/folders/{deepest['id']}/path").json["items"]]
    assert len(way) == MAX_FOLDER_DEPTH
    for inside in (way[0], way[1], way[-1]):
        problem(change(ann, way[0], parent=inside), 409, "conflict")
    two = ann.call("POST", "/folders", json={"path": ["p", "q"]}).json
    problem(change(ann, two["parent"], parent=way[-2]), 409, "conflict")
    assert change(ann, two["parent"], parent=way[-3]).status_code == 200


def test_a_file_is_put_into_another_folder_and_back(ann: Person) -> None:
    a = make(ann, "a")
    file = ann.put("x.txt").json
    moved = ann.call("PATCH", f"/files/{file['id']}", json={"folder": a})
    assert (moved.status_code, moved.json["folder"], moved.json["version"]) == (200, a, 2)
    ann.put("x.txt")
    problem(ann.call("PATCH", f"/files/{file['id']}", json={"folder": ""}), 409, "name_taken")
    both = ann.call("PATCH", f"/files/{file['id']}", json={"folder": "", "name": "y.txt"})
    assert (both.json["folder"], both.json["name"]) == (None, "y.txt")
    assert names(ann, "folder=") == ["x.txt", "y.txt"]
    same = ann.call("PATCH", f"/files/{file['id']}", json={"folder": ""})
    assert same.json["version"] == both.json["version"], "where it is already is no change"


def test_out_of_the_trash_it_comes_back_to_its_folder_while_that_is_there(ann: Person) -> None:
    a = make(ann, "a")
    one, two = (ann.put(f"{name}?folder={a}").json["id"] for name in ("one", "two"))
    for file in (one, two):
        ann.call("DELETE", f"/files/{file}")
    assert ann.call("POST", f"/files/{one}/restore").json["folder"] == a
    problem(ann.call("DELETE", f"/folders/{a}"), 409, "in_use")
    ann.call("DELETE", f"/files/{one}")
    assert ann.call("DELETE", f"/folders/{a}").status_code == 204
    assert ann.call("POST", f"/files/{two}/restore").json["folder"] is None
    assert names(ann, "folder=") == ["two"]
    problem(ann.get(f"/folders/{a}"), 404, "not_found")
    problem(ann.get(f"/files?folder={a}"), 400, "invalid")


def test_nobody_reaches_a_strangers_folder(site: Site, ann: Person) -> None:
    a = make(ann, "a")
    ann.put(f"x?folder={a}")
    bob = site.person("bob")
    mine = make(bob, "mine")
    file = bob.put("f").json["id"]
    for answer in (
        bob.get(f"/folders/{a}"),
        bob.get(f"/folders/{a}/path"),
        bob.get(f"/files.zip?folder={a}"),
        bob.get(f"/files.zip?folder={mine}&folder={a}"),
        bob.get(f"/files.zip?id={file}&folder={a}"),
        bob.call("PATCH", f"/folders/{a}", json={"name": "b"}),
        bob.call("DELETE", f"/folders/{a}"),
    ):
        problem(answer, 404, "not_found")
    for answer in (
        bob.get(f"/files?folder={a}"),
        bob.get(f"/folders?parent={a}"),
        bob.put(f"y?folder={a}"),
        bob.put(f"y?folder={a}&folder_path=z"),
        bob.complete(bob.start(b"xyz"), 3, folder=a),
        bob.call("PATCH", f"/files/{file}", json={"folder": a}),
        bob.call("PATCH", f"/folders/{mine}", json={"parent": a}),
        bob.call("POST", "/folders", json={"name": "b", "parent": a}),
        bob.call("POST", "/folders", json={"path": ["b"], "parent": a}),
    ):
        assert problem(answer, 400, "invalid")["field"] in {"folder", "parent"}
    problem(bob.get(f"/files?owner={ann.id}&folder={a}"), 403, "not_allowed")
    problem(bob.get(f"/folders?owner={ann.id}"), 403, "not_allowed")
    olga = site.person("olga", "operator")
    assert names(olga, f"owner=ann&folder={a}") == ["x"]
    assert folders(olga, "owner=ann") == ["a"]
    problem(olga.get("/files?owner=*&folder="), 400, "invalid")
    assert change(olga, a, name="named").json["owner"] == "ann"
    reader = site.narrowed(ann, "files:read")
    problem(reader.call("POST", "/folders", json={"name": "b"}), 403, "not_allowed")
    problem(reader.call("DELETE", f"/folders/{a}"), 403, "not_allowed")


def test_a_file_that_is_handed_over_comes_to_the_top(site: Site, ann: Person, root: Person) -> None:
    a = make(ann, "a")
    file = ann.put(f"x?folder={a}").json["id"]
    bob = site.person("bob")
    answer = root.call("PATCH", f"/files/{file}", json={"owner": "bob"})
    assert (answer.status_code, answer.json["folder"]) == (200, None)
    make(bob, "theirs")
    assert names(bob, "folder=") == ["x"]
    assert names(ann, f"folder={a}") == []


def test_one_person_has_so_many(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_store, "MAX_FOLDERS", 2)
    make(ann, "a")
    make(ann, "b")
    problem(ann.call("POST", "/folders", json={"name": "c"}), 413, "quota_exceeded")


def test_who_moves_meanwhile_makes_no_circle(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = make(ann, "a"), make(ann, "b")
    put, others = folder_store.RedisFolders.put, [(b, a)]

    def late(self: Any, *args: Any) -> None:
        if others:
            moved, into = others.pop()
            assert change(ann, moved, parent=into).status_code == 200
        put(self, *args)

    monkeypatch.setattr(folder_store.RedisFolders, "put", late)
    problem(change(ann, a, parent=b), 409, "conflict")
    assert (folders(ann, "parent="), folders(ann, f"parent={a}")) == (["a"], ["b"])


def test_files_are_placed_also_where_that_was_stopped(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        ann.put(name)
    files = type(ann.site.services.files.files)
    with monkeypatch.context() as patched:
        patched.setattr(files, "place", lambda self, owner: None)
        make(ann, "a")
    assert names(ann, "folder=") == ["one", "two"]


def test_folders_go_with_their_owner(site: Site) -> None:
    gone = site.person("gone")
    make(gone, "b", make(gone, "a"))
    site.services.users.delete(SHELL, gone.id)
    del site.people["gone"]
    assert list(site.services.folders.store.page_in(gone.id, None, Query(limit=10)).items) == []
    deleted = site.services.audit.log.page((("action", "folder.delete"),), "", 2).items
    assert [one.event["object"]["name"] for one in deleted] == ["a", "b"], "the latest first: from below"


def test_moves_are_undone(ann: Person) -> None:
    a, b = make(ann, "a"), make(ann, "b")
    file = ann.put(f"x?folder={a}").json["id"]
    undo = ann.site.services.undo
    for path, body, back in (
        (f"/files/{file}", {"folder": b}, {"folder": a}),
        (f"/folders/{a}", {"parent": b}, {"parent": None}),
        (f"/folders/{a}", {"name": "c"}, {"name": "a"}),
    ):
        answer = ann.call("PATCH", path, json=body)
        assert answer.status_code == 200
        by = replace(system_actor("test", "shell"), id=ann.id)
        [entry] = undo.of_request(by, answer.headers["X-Request-Id"])
        undo.records.undo(by, entry.id)
        there = ann.get(f"{path}/metadata" if "files" in path else path).json
        assert {name: there[name] for name in back} == back
