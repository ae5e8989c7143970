"""What lies in a folder follows it into the trash after the answer: what holds in between, and how deep it goes."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partialmethod
from typing import Any

import pytest

from backoffice.domain.access import system_actor
from backoffice.domain.folders import Folder
from backoffice.domain.limits import MAX_FOLDER_DEPTH
from backoffice.errors import StoreFull
from backoffice.services import folder_trash
from backoffice.stores.bounds import Bounds
from backoffice.stores.client import Db
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.records.commit import Commit
from tests.support.api_site import Person, problem
from tests.support.folders import done, make, make_full, post, tree


@pytest.fixture(name="a")
def full_folder(ann: Person) -> str:
    return make_full(ann)


def test_a_large_one_follows_after_the_answer(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(ann)
    monkeypatch.setattr(folder_trash, "AT_ONCE", 1)
    worker = ann.site.services.folders
    assert done(ann, a, "trash")["complete"] is False
    # Nothing comes into it, however deep, nor into what has not followed yet.
    empty, two = before["/a/inner/empty/"], before["/a/inner/two"]
    problem(ann.call("POST", "/folders", json={"name": "x", "parent": empty}), 400, "invalid")
    problem(ann.call("PATCH", f"/folders/{make(ann, 'other')}", json={"parent": empty}), 400, "invalid")
    problem(ann.put(f"late?folder={a}"), 400, "invalid")
    assert ann.get(f"/files/{two}").status_code == 200, "until it has followed it is where it was"
    while worker.follow():
        pass
    assert set(tree(ann)) == {"/other/"}
    assert done(ann, a, "restore")["complete"] is False
    while worker.follow():
        pass
    assert tree(ann) == before | {"/other/": tree(ann)["/other/"]}
    assert {one.event["actor"]["via"] for one in _entries(ann, f"file:{two}") if "trash" in one.event["action"]} == {
        "worker"
    }
    done(ann, a, "trash")
    assert done(ann, a, "restore")["complete"] is False, "restored before all had followed"
    while worker.follow():
        pass
    assert tree(ann) == before | {"/other/": tree(ann)["/other/"]}


def test_no_file_comes_into_what_has_yet_to_follow(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be taken, and be in the trash a moment later."""
    monkeypatch.setattr(folder_trash, "AT_ONCE", 1)
    inner, aside, file = tree(ann)["/a/inner/"], make(ann, "aside"), ann.upload("file")
    empty, alone = tree(ann)["/a/inner/empty/"], ann.put(f"alone?folder={inner}").json["id"]
    ann.call("DELETE", f"/files/{alone}")
    assert done(ann, a, "trash")["complete"] is False
    assert ann.site.services.folders.store.get(empty).live, "it has not followed"
    for place in (a, inner, empty):
        problem(ann.put(f"late?folder={place}"), 400, "invalid")
        assert problem(ann.call("PATCH", f"/files/{file}", json={"folder": place}), 400, "invalid")["field"] == "folder"
        problem(ann.complete(ann.start(b"xyz"), 3, "late", folder=place), 400, "invalid")
    assert ann.call("POST", f"/files/{alone}/restore").json["folder"] is None, "to the top"
    # What has nothing to do with it goes on.
    assert ann.put(f"late?folder={aside}").status_code == 201
    assert ann.call("PATCH", f"/files/{file}", json={"folder": aside}).status_code == 200
    done(ann, a, "restore")
    while ann.site.services.folders.follow():
        pass
    assert ann.put(f"late?folder={empty}").status_code == 201


@pytest.mark.parametrize(("store", "method"), [(RedisFiles, "follow"), (RedisFolders, "put")])
def test_what_is_restored_while_the_worker_is_at_it_stays_so(
    ann: Person, a: str, monkeypatch: pytest.MonkeyPatch, store: type, method: str
) -> None:
    """The worker comes late with what it has read before: everything is back, and nothing has to follow any more."""
    before, services = tree(ann), ann.site.services
    with monkeypatch.context() as patched:
        patched.setattr(folder_trash, "AT_ONCE", 0)
        done(ann, a, "trash")
    write, others = getattr(store, method), [a]

    def late(self: Any, *args: Any, **more: Any) -> None:
        if others:
            assert done(ann, others.pop(), "restore")["complete"]
        write(self, *args, **more)

    monkeypatch.setattr(store, method, late)
    while services.folders.follow():
        pass
    assert not others
    assert tree(ann) == before
    services.maintenance.check(system_actor("test", "shell"), on_finding=lambda *found: pytest.fail(str(found)))


def test_each_of_the_moving_folders_has_its_turn(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much lies in the one that was first, and whatever stands against it."""
    last = make(ann, "last")
    ann.put(f"x?folder={last}")
    monkeypatch.setattr(folder_trash, "AT_ONCE", 0)
    monkeypatch.setattr(folder_trash, "STEP", 4)
    worker, follow = ann.site.services.folders, RedisFiles.follow
    for folder in (a, last):
        done(ann, folder, "trash")
    assert worker.follow()
    assert worker.store.get(last).complete
    assert not worker.store.get(a).complete

    def refused(self: RedisFiles, folder: Folder, changes: Any) -> None:
        if folder.id == a:
            raise StoreFull
        follow(self, folder, changes)

    while worker.follow():
        pass
    for folder in (a, last):
        done(ann, folder, "restore")
    monkeypatch.setattr(RedisFiles, "follow", refused)
    for _ in range(4):
        with suppress(StoreFull):
            worker.follow()
    assert worker.store.get(last).complete
    assert not worker.store.get(a).complete


def test_the_bytes_of_large_files_are_freed_after_the_answer(
    ann: Person, a: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chunk is work, however few records there are."""
    monkeypatch.setattr(folder_trash, "AT_ONCE", 10)
    files = ann.site.services.files
    small, large = (ann.put(f"{name}?folder={a}", bytes(size)).json["id"] for name, size in (("s", 9), ("l", 2**19)))
    done(ann, a, "trash")
    post(ann, a, "purge")
    assert files.files.get(small) is None
    left = files.files.get(large)
    assert left is not None
    assert left.state == "gone"
    while ann.site.services.folders.follow():
        pass
    files.collect()
    assert files.files.get(large) is None
    assert files.files.usage(ann.id) == (0, 0)


def test_a_hundred_folders_deep(ann: Person) -> None:
    deepest = ann.call("POST", "/folders", json={"path": [f"{n}" for n in range(MAX_FOLDER_DEPTH)]}).json["id"]
    ann.put(f"x?folder={deepest}")
    before = tree(ann)
    top = before["/0/"]
    assert done(ann, top, "trash")["complete"]
    assert tree(ann) == {}
    assert done(ann, top, "restore")["complete"]
    assert tree(ann) == before
    # Where it would lie deeper than folders may, it comes to the top.
    below = before["/0/1/"]
    done(ann, below, "trash")
    ann.call("PATCH", f"/folders/{top}", json={"parent": make(ann, "over")})
    assert done(ann, below, "restore")["parent"] is None


def test_an_upload_into_a_folder_that_went_is_not_lost(ann: Person, a: str) -> None:
    upload, ahead = ann.start(b"xyz"), ann.start(b"abc")
    done(ann, a, "trash")
    assert problem(ann.complete(upload, 3, "late", folder=a), 400, "invalid")["field"] == "folder"
    assert problem(ann.complete(ahead, 3, "late", folder=a, folder_path=["b"]), 400, "invalid")
    assert ann.complete(upload, 3, "late").status_code == ann.complete(ahead, 3, "late").status_code == 201
    assert set(tree(ann)) == {"/late", "/late (2)"}


def test_a_link_is_dead_before_its_file_has_followed(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", 0)
    two = tree(ann)["/a/inner/two"]
    link = ann.call("POST", "/links", json={"file": two}).json
    address = "/s/" + link["url"].rpartition("/s/")[2]
    stranger = ann.site.app.test_client()
    assert stranger.get(address).status_code == 200
    done(ann, a, "trash")
    assert ann.get(f"/files/{two}").status_code == 200
    problem(ann.call("POST", "/links", json={"file": two}), 404, "not_found")
    assert [one["state"] for one in ann.get("/links").json["items"]] == ["blocked"]
    assert stranger.get(address).status_code == 404
    done(ann, a, "restore")
    assert stranger.get(address).status_code == 404, "for good"


def test_a_link_that_nobody_opened_meanwhile_is_dead_as_well(
    ann: Person, a: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", 0)
    two, worker, stranger = tree(ann)["/a/inner/two"], ann.site.services.folders, ann.site.app.test_client()

    def shared() -> str:
        link = ann.call("POST", "/links", json={"file": two}).json
        return "/s/" + str(link["url"].rpartition("/s/")[2])

    first = shared()
    time.sleep(0.002)
    done(ann, a, "trash")
    done(ann, a, "restore")
    assert [one["state"] for one in ann.get("/links").json["items"]] == ["blocked"]
    while worker.follow():
        pass
    assert stranger.get(first).status_code == 404, "its file never was in the trash, and was in a folder that was"
    time.sleep(0.002)
    assert stranger.get(shared()).status_code == 200


def _entries(person: Person, about: str) -> Any:
    return person.site.services.audit.log.page((("object", about),), "", 50).items


def test_what_comes_back_is_counted_by_the_day(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry for each in it, there and back, as often as somebody likes: else that is no bound of the log."""
    ann.put(f"three?folder={a}")
    monkeypatch.setattr(ann.site.services.folders.store, "_bounds", Bounds(acts=9))
    for _ in range(2):
        done(ann, a, "trash")
        assert done(ann, a, "restore")["complete"], "5 of 9, then more than are left: nothing is too large for a day"
    done(ann, a, "trash")
    assert "9 returns" in problem(post(ann, a, "restore"), 429, "too_many_attempts")["detail"]
    assert post(ann, a, "purge").status_code == 204, "what makes room goes on"


def test_into_a_full_store_nothing_comes_back(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, run = tree(ann), Commit.run
    done(ann, a, "trash")

    def full(self: Commit, db: Any, *, when_full: bool = False) -> str:
        if not when_full:
            raise StoreFull
        return run(self, db, when_full=when_full)

    with monkeypatch.context() as patched:
        patched.setattr(Commit, "run", full)
        assert done(ann, a, "restore")["complete"] is False
        assert set(tree(ann)) == {"/a/"}
        assert done(ann, a, "trash")["complete"], "that makes room"
        done(ann, a, "restore")
    while ann.site.services.folders.follow():
        pass
    assert tree(ann) == before


def test_a_tree_is_restored_by_its_levels(ann: Person, a: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    for name in ("call", "many"):
        monkeypatch.setattr(Db, name, partialmethod(_counted, asked, getattr(Db, name)))
    counts = list[int]()
    for number in (0, 20):
        for one in range(number):
            make(ann, f"n{one}", a)
        done(ann, a, "trash")
        with monkeypatch.context() as patched:
            patched.setattr(folder_trash, "AT_ONCE", 0)
            asked.clear()
            done(ann, a, "restore")
            counts.append(len(asked))
        ann.site.services.folders.follow()
    assert counts[0] == counts[1]


def _counted(db: Db, asked: list[int], real: Any, *args: Any, **more: Any) -> Any:
    asked.append(1)
    return real(db, *args, **more)
