"""What `fsck` finds of folders, and lists of a folder that has many files, on every kind of server."""

from __future__ import annotations

from dataclasses import replace

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.files import FileSpec
from backoffice.domain.folders import Folder, FolderState
from backoffice.domain.maintenance import Invariant
from backoffice.domain.paging import Query
from backoffice.stores.folders import RedisFolders
from backoffice.stores.records.commit import Commit
from tests.support.people import CountedDb
from tests.support.uploads import ALICE, KEYS, World, reader

EVENT = AuditEvent(Actions.FOLDER_MOVE, ALICE)


def write(world: World, old: Folder, new: Folder | None) -> None:
    """As if the commit had compared nothing."""
    commit, store = Commit(KEYS, EVENT), RedisFolders(world.db, KEYS)
    if new is None:
        store.collection.remove(commit, old)
    else:
        store.collection.replace(commit, old, new)
    commit.run(world.db)


def test_what_lies_in_no_folder_or_in_a_circle_comes_to_the_top(world: World) -> None:
    folders = world.folders
    a, b, c = (folders.create(ALICE, name=name) for name in ("a", "b", "c"))
    file = world.service.upload_stream(ALICE, FileSpec("a", folder=c.id), reader(b"x"))
    below = folders.create(ALICE, name="below", parent=b.id)
    world.assert_sound()

    write(world, a, replace(a, parent=b.id, version=2))
    write(world, b, replace(b, parent=a.id, version=2))
    write(world, c, None)
    _, found = world.fsck()
    assert {one.invariant for one in found} == {Invariant.FOLDER}
    world.fsck(fix=True)
    world.assert_sound()
    moved = world.library.get(ALICE, file.id)
    assert moved.folder_id == ""
    now = folders.get(ALICE, a.id), folders.get(ALICE, b.id)
    # Of the circle one folder is cut off, whichever is looked at first; where it is `a`, the file of that name comes to
    # the same place, and the second of them gets another name.
    assert sorted(one.parent for one in now) in (["", a.id], ["", b.id])
    assert {moved.name, now[0].name} == ({"a"} if now[0].parent else {"a", "a (2)"})
    assert sorted(folders.tree(ALICE, ALICE.id, "")) == sorted(["", a.id, b.id, below.id])


def test_what_went_into_the_trash_with_no_folder_stays_there_by_itself(world: World) -> None:
    folders = world.folders
    a = folders.create(ALICE, name="a")
    inner = folders.create(ALICE, name="inner", parent=a.id)
    files = [world.service.upload_stream(ALICE, FileSpec("f", folder=one.id), reader(b"x")) for one in (a, inner)]
    trashed = folders.trash(ALICE, a.id)
    world.assert_sound()
    write(world, trashed, replace(trashed, state=FolderState.READY, purge_at=0, version=9))
    _, found = world.fsck()
    assert {one.invariant for one in found} == {Invariant.FOLDER}
    assert {one.object.id for one in found} == {inner.id, files[0].id}, "what lies in it is where it was"
    world.fsck(fix=True)
    world.assert_sound()
    assert [one.id for one in folders.trash_page(ALICE, Query()).items] == [inner.id]
    assert folders.restore(ALICE, inner.id).parent == a.id
    assert world.library.restore(ALICE, files[0].id).folder_id == a.id
    assert world.library.get(ALICE, files[1].id).folder_id == inner.id


def test_what_lies_in_a_folder_in_the_trash_that_nothing_follows_comes_to_the_top(world: World) -> None:
    a = world.folders.create(ALICE, name="a")
    file = world.service.upload_stream(ALICE, FileSpec("f", folder=a.id), reader(b"x"))
    write(world, a, replace(a, state=FolderState.TRASHED, purge_at=5, version=9))
    _, found = world.fsck()
    assert {one.invariant for one in found} == {Invariant.FOLDER}
    world.fsck(fix=True)
    world.assert_sound()
    assert world.library.get(ALICE, file.id).folder_id == ""


def test_a_page_of_a_folder_is_two_trips_also_at_the_top(db: CountedDb) -> None:
    world = World.over(db.client, db=db)
    for number in range(7):
        world.service.upload_stream(ALICE, FileSpec(f"old {number}"), reader(b"x"))
    folder = world.folders.create(ALICE, name="a").id
    for number in range(5):
        world.service.upload_stream(ALICE, FileSpec(f"new {number}", folder=folder), reader(b"x"))
    world.library.page_in(ALICE, "", Query(limit=2))  # this process knows then that there are folders
    for place, many in (("", 7), (folder, 5)):
        for sort in ("name", "created", "size"):
            before = db.trips
            page = world.library.page_in(ALICE, place, Query(sort=sort, limit=3))
            assert (db.trips - before, page.total, page.exact) == (2, many, True), (place, sort)
            before = db.trips
            rest = world.library.page_in(ALICE, place, Query(sort=sort, limit=9, cursor=page.next_cursor))
            # What goes on among equal dates or sizes is a script, which is sent by itself.
            assert db.trips - before <= (2 if sort == "name" else 3), (place, sort)
            assert len(rest.items) == many - 3


def test_files_of_an_earlier_version_lie_at_the_top_without_a_word(world: World) -> None:
    """Nothing says where they are; the first folder makes them say it, in steps that can be stopped."""
    before = [world.service.upload_stream(ALICE, FileSpec(f"f{n}"), reader(b"x")).id for n in range(3)]
    assert {world.files.get(one).folder for one in before} == {""}  # type: ignore[union-attr]
    assert world.library.page_in(ALICE, "", Query()).total == 3
    world.folders.create(ALICE, name="a")
    assert {world.files.get(one).folder for one in before} == {"/"}  # type: ignore[union-attr]
    world.assert_sound()
