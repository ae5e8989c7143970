"""Folders into the trash with all that is in them, and back, over the API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.access import system_actor
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import File, FileState
from backoffice.domain.paging import Query
from backoffice.services import belongings
from backoffice.stores.folders import RedisFolders
from tests.support.api_site import Person, Site, problem
from tests.support.folders import done, make, make_full, post, tree


@pytest.fixture(name="a")
def full_folder(ann: Person) -> str:
    return make_full(ann)


def actions(person: Person) -> list[str]:
    page = person.site.services.audit.log.page((("actor", person.id),), "", 200)
    return [f"{one.event['action']} {one.event['object']['name']}" for one in page.items][::-1]


def test_there_and_back_with_the_tree_as_it_was(ann: Person, a: str) -> None:
    before, version = tree(ann), ann.get(f"/folders/{a}").json["version"]
    alone = ann.put(f"alone?folder={a}").json["id"]
    ann.call("DELETE", f"/files/{alone}")
    gone = done(ann, a, "trash")
    assert (gone["state"], gone["complete"]) == ("trashed", True)
    assert gone["version"] > version
    assert tree(ann) == {}
    assert [one["id"] for one in ann.get("/folders/trash").json["items"]] == [a], "what went with it is not by itself"
    trashed = {one["name"]: one["purge_at"] for one in ann.get("/files?state=trashed").json["items"]}
    assert set(trashed) == {"one", "two", "alone"}
    assert trashed["two"] == gone["purge_at"]
    problem(ann.get(f"/folders/{a}"), 404, "not_found")
    problem(ann.get(f"/files?folder={a}"), 400, "invalid")
    problem(ann.get(f"/files/{before['/a/one']}"), 404, "not_found")
    back = done(ann, a, "restore")
    assert (back["state"], back["complete"], back["purge_at"]) == ("ready", True, None)
    assert tree(ann) == before, "and what was in the trash before stays there"
    assert [one["name"] for one in ann.get("/files?state=trashed").json["items"]] == ["alone"]
    assert ann.call("POST", f"/files/{alone}/restore").json["folder"] == a
    log = [one for one in actions(ann) if ".trash" in one or ".restore" in one]
    assert log[1:6] == [
        "folder.trash a",
        "folder.trash inner",
        "folder.trash empty",
        "file.trash one",
        "file.trash two",
    ]
    assert log[6:9] == ["folder.restore a", "folder.restore inner", "folder.restore empty"]


def test_its_name_is_free_at_once_and_it_comes_back_under_another(ann: Person, a: str) -> None:
    done(ann, a, "trash")
    ann.put(f"one?folder={make(ann, 'a')}")
    assert done(ann, a, "restore")["name"] == "a (2)"
    assert {"/a/one", "/a (2)/one", "/a (2)/inner/two"} <= set(tree(ann))


def test_where_its_parent_is_gone_it_comes_to_the_top(ann: Person, a: str) -> None:
    inner = tree(ann)["/a/inner/"]
    done(ann, a, "trash")
    make(ann, "inner")
    assert done(ann, inner, "restore")["parent"] is None, "what went with another can be taken out by itself"
    assert set(tree(ann)) == {"/inner/", "/inner (2)/", "/inner (2)/empty/", "/inner (2)/two"}
    assert post(ann, a, "purge").status_code == 204
    assert "/inner (2)/two" in tree(ann)


def test_where_its_parent_goes_meanwhile_as_well(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inner, put, parents = tree(ann)["/a/inner/"], RedisFolders.put, [a]
    done(ann, inner, "trash")

    def late(self: RedisFolders, *args: Any, **more: Any) -> None:
        if parents:
            done(ann, parents.pop(), "trash")
        put(self, *args, **more)

    monkeypatch.setattr(RedisFolders, "put", late)
    assert done(ann, inner, "restore")["parent"] is None


def test_a_file_or_folder_in_the_trash_by_itself_is_not_the_folders(ann: Person, a: str) -> None:
    inner = tree(ann)["/a/inner/"]
    done(ann, inner, "trash")
    done(ann, a, "trash")
    assert {one["id"] for one in ann.get("/folders/trash").json["items"]} == {a, inner}
    done(ann, a, "restore")
    assert set(tree(ann)) == {"/a/", "/a/one"}
    assert done(ann, inner, "restore")["parent"] == a
    assert set(tree(ann)) == {"/a/", "/a/one", "/a/inner/", "/a/inner/two", "/a/inner/empty/"}


def test_files_in_the_trash_by_themselves_are_a_list_of_their_own(
    ann: Person, a: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alone(query: str = "") -> list[str]:
        return [one["name"] for one in ann.get(f"/files?state=trashed&alone=1{query}").json["items"]]

    files = {name: ann.put(name).json["id"] for name in ("red", "blue")}
    for one in files.values():
        ann.call("DELETE", f"/files/{one}")
    done(ann, a, "trash")
    assert set(alone()) == {"red", "blue"}
    assert (alone("&q=red"), alone("&q=two")) == (["red"], [])
    ann.call("POST", f"/files/{files['red']}/restore")
    assert alone() == ["blue"]
    for query in ("/files?alone=1", "/files?state=trashed&alone=1&owner=*"):
        assert problem(ann.get(query), 400, "invalid")["field"] == "alone"
    # As it was kept before there was this list.
    with monkeypatch.context() as patched:
        patched.setattr(type(ann.site.services.files.files), "trash", _as_before)
        ann.call("DELETE", f"/files/{tree(ann)['/red']}")
    assert set(alone()) == {"red", "blue", "one", "two"}, "then all are in it"
    ann.site.services.maintenance.check(
        system_actor("test", "shell"), on_finding=lambda *found: pytest.fail(str(found))
    )


def _as_before(store: Any, old: File, purge_at: int, event: AuditEvent) -> File:
    gone = replace(old, state=FileState.TRASHED, purge_at=purge_at, changed_at=event.at)
    return store._change(old, gone, event, makes_room=True)


def test_what_went_with_a_folder_is_listed_in_it(site: Site, ann: Person, a: str) -> None:
    inner = tree(ann)["/a/inner/"]
    problem(ann.get(f"/files?state=trashed&folder={a}"), 400, "invalid")
    done(ann, a, "trash")
    for who in (ann, site.person("olga", "operator")):
        assert [one["name"] for one in who.get(f"/files?state=trashed&folder={a}").json["items"]] == ["one"]
        assert [one["name"] for one in who.get(f"/folders/trash?parent={a}").json["items"]] == ["inner"]
    assert [one["name"] for one in ann.get(f"/files?state=trashed&folder={inner}&q=two").json["items"]] == ["two"]
    assert ann.get(f"/files?state=trashed&folder={inner}&q=one").json["items"] == []
    bob = site.person("bob")
    assert problem(bob.get(f"/files?state=trashed&folder={a}"), 400, "invalid")["field"] == "folder"
    assert problem(bob.get(f"/folders/trash?parent={a}"), 400, "invalid")["field"] == "parent"
    olga = site.person("olly", "operator")
    for query in (f"/files?state=trashed&folder={a}&owner", f"/folders/trash?parent={a}&owner"):
        assert olga.get(f"{query}={ann.id}").status_code == 200
        problem(olga.get(f"{query}={bob.id}"), 400, "invalid")
    assert problem(ann.get("/files?state=trashed&folder="), 400, "invalid")["field"] == "folder"


def test_purged_with_all_that_went_with_it(ann: Person, a: str) -> None:
    problem(post(ann, a, "purge"), 404, "not_found")
    used = ann.site.services.files.files.usage(ann.id)
    assert used[0] > 0
    done(ann, a, "trash")
    assert ann.site.services.files.files.usage(ann.id) == used, "what is in the trash counts"
    assert post(ann, a, "purge").status_code == 204
    assert ann.site.services.files.files.usage(ann.id) == (0, 0)
    assert ann.get("/folders/trash").json["items"] == ann.get("/files?state=trashed").json["items"] == []
    assert ann.site.services.folders.store.page(Query(filters=(("all", ann.id),), limit=1)).total == 0
    for verb in ("trash", "restore", "purge"):
        problem(post(ann, a, verb), 404, "not_found")


def test_its_time_in_the_trash_is_over_as_a_whole(ann: Person, a: str) -> None:
    services = ann.site.services
    done(ann, a, "trash")
    later = services.folders.now() + services.folders.trash_seconds * 1000 + 1
    folders, files = replace(services.folders, now=lambda: later), replace(services.files, now=lambda: later)
    assert not services.folders.purge_due()
    files.purge_due()
    assert len(ann.get("/files?state=trashed").json["items"]) == 2, "not file by file: nobody gets half of it back"
    assert not folders.purge_due()
    assert folders.follow()
    assert ann.get("/files?state=trashed").json["items"] == []
    assert not folders.store.moving(1)
    assert [one for one in actions(ann) if "purge" in one] == [], "that was nobody's act"


def test_each_act_is_undone(ann: Person, a: str) -> None:
    before, undo = tree(ann), ann.site.services.undo
    by = replace(system_actor("test", "shell"), id=ann.id)

    def undone(answer: Any) -> None:
        [entry] = undo.of_request(by, answer.headers["X-Request-Id"])
        undo.entry(by, entry.id)

    undone(post(ann, a, "trash"))
    assert tree(ann) == before
    done(ann, a, "trash")
    undone(post(ann, a, "restore"))
    assert tree(ann) == {}
    done(ann, a, "restore")
    undone(ann.call("POST", "/folders", json={"name": "new", "parent": a}))
    assert tree(ann) == before
    for path in ("/a/inner/empty/", "/top/"):
        folder = before.get(path) or make(ann, "top")
        now = tree(ann)
        undone(ann.call("DELETE", f"/folders/{folder}"))
        assert tree(ann) == now


def test_nobody_reaches_a_strangers_folder_in_the_trash(site: Site, ann: Person, a: str) -> None:
    bob, olga = site.person("bob"), site.person("olga", "operator")
    reader = site.narrowed(ann, "files:read")
    problem(post(bob, a, "trash"), 404, "not_found")
    problem(post(reader, a, "trash"), 403, "not_allowed")
    assert done(olga, a, "trash")["owner"] == "ann"
    for verb in ("restore", "purge"):
        problem(post(bob, a, verb), 404, "not_found")
        problem(post(reader, a, verb), 403, "not_allowed")
    assert bob.get("/folders/trash").json["items"] == []
    problem(bob.get("/folders/trash?owner=ann"), 403, "not_allowed")
    for owner in ("ann", "*"):
        assert [one["id"] for one in olga.get(f"/folders/trash?owner={owner}").json["items"]] == [a]
    stale = {"If-Match": f'"{a}.99"'}
    for verb in ("restore", "purge"):
        problem(post(ann, a, verb, headers=stale), 412, "version_mismatch")
    assert done(olga, a, "restore")["state"] == "ready"
    problem(post(ann, a, "trash", headers=stale), 412, "version_mismatch")


def test_a_link_to_a_file_of_it_is_dead(ann: Person, a: str) -> None:
    made = ann.call("POST", "/links", json={"file": tree(ann)["/a/inner/two"]})
    assert made.status_code == 201, made.text
    done(ann, a, "trash")
    link = made.json["id"]
    state = {one["id"]: one["state"] for one in ann.get("/links").json["items"]}
    assert state[link] == "blocked"
    done(ann, a, "restore")
    state = {one["id"]: one["state"] for one in ann.get("/links").json["items"]}
    assert state[link] == "blocked", "alive again it is by decision only"


def test_folders_in_the_trash_go_with_their_owner(site: Site, a: str, ann: Person) -> None:
    done(ann, a, "trash")
    for file in ann.get("/files?state=trashed").json["items"]:
        ann.call("DELETE", f"/files/{file['id']}?purge=1")
    site.services.users.delete(system_actor("test", "shell"), ann.id)
    del site.people["ann"]
    assert site.services.folders.store.page(Query(sort="purge", limit=10)).total == 0


def test_all_folders_go_with_their_owner(site: Site, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where none of the newest can go before older ones that lie in them."""
    monkeypatch.setattr(belongings, "MAX_LIMIT", 2)
    older = [make(ann, f"older{one}") for one in range(2)]
    for one in older:
        ann.call("PATCH", f"/folders/{one}", json={"parent": make(ann, f"newer of {one}")})
    site.services.users.delete(system_actor("test", "shell"), ann.id)
    del site.people["ann"]
    assert site.services.folders.store.page(Query(filters=(("all", ann.id),), limit=10)).total == 0


def test_what_waits_for_its_folder_keeps_nothing_else_in_the_trash(site: Site, ann: Person, a: str) -> None:
    bob, services = site.person("bob"), site.services
    done(ann, a, "trash")
    file = bob.upload("alone")
    bob.call("DELETE", f"/files/{file}")
    late = services.files.now() + 2 * services.files.trash_seconds * 1000
    files = replace(services.files, now=lambda: late)
    files.purge_due(limit=1)
    assert services.files.files.get(file) is None
    assert not services.files.files.due(late, 1)
    assert ann.get("/files?state=trashed").json["total"] == 2
