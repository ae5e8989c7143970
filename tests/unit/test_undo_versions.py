"""Undo of other content: the file holds again what it held, as long as that is kept."""

from __future__ import annotations

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.errors import AlreadyUndone, ChangedSince, NotFound
from tests.support.jobs import JobScene
from tests.support.uploads import reader


@pytest.fixture
def scene(fake: Redis) -> JobScene:
    return JobScene.with_one_clock(fake)


@pytest.fixture
def owen(scene: JobScene) -> Actor:
    return scene.actor(scene.owner)


def put(scene: JobScene, actor: Actor, file_id: str, data: bytes) -> str:
    """The entry of it."""
    scene.world.service.replace_content(actor, file_id, reader(data))
    return scene.newest("file.replace")


def test_the_content_before_comes_back_and_the_new_one_is_kept(scene: JobScene, owen: Actor) -> None:
    file_id = scene.file(scene.owner)
    entry = put(scene, owen, file_id, b"other")
    scene.undo.entry(owen, entry)
    newest = scene.people.entries()[-1].event
    assert (newest["action"], newest["data"]["undoes"]) == ("file.revert", entry)
    assert scene.world.read(owen, file_id) == b"one"
    assert [one.size for one in scene.world.library.history(owen, file_id).earlier] == [5]
    with pytest.raises(AlreadyUndone):
        scene.undo.entry(owen, entry)
    scene.undo.entry(owen, scene.newest("file.revert"))
    assert scene.world.read(owen, file_id) == b"other"


def test_acts_are_undone_in_turn_and_a_name_stands_in_the_way_of_none(scene: JobScene, owen: Actor) -> None:
    file_id = scene.file(scene.owner)
    entries = [put(scene, owen, file_id, data) for data in (b"second", b"third")]
    scene.world.library.rename(owen, file_id, "other.txt")
    with pytest.raises(ChangedSince):
        scene.undo.entry(owen, entries[0])
    for entry, content in zip(reversed(entries), (b"second", b"one"), strict=True):
        scene.undo.entry(owen, entry)
        assert scene.world.read(owen, file_id) == content
    assert scene.world.library.get(owen, file_id).name == "other.txt"


def test_the_type_and_the_tags_that_came_with_it_go_with_it(scene: JobScene, owen: Actor) -> None:
    file_id, world = scene.file(scene.owner), scene.world
    old = world.library.tag(owen, file_id, ["old"])
    spec = FileSpec(old.name, "text/csv", tags=["new"], on_conflict=OnConflict.REPLACE)
    new = world.service.upload_stream(owen, spec, reader(b"other"))
    entry = scene.newest("file.replace")
    changes = scene.people.entries()[-1].event["changes"]
    assert (new.id, changes["tags"]) == (file_id, [["old"], ["new"]])
    assert changes["mime_type"] == [old.mime_type, "text/csv"]
    scene.undo.entry(owen, entry)
    back = world.library.get(owen, file_id)
    assert (back.tags, back.mime_type) == (("old",), old.mime_type)
    scene.undo.entry(owen, scene.newest("file.revert"))
    again = world.library.get(owen, file_id)
    assert (again.tags, again.mime_type) == (("new",), "text/csv")

    entry = scene.newest("file.revert")
    world.library.tag(owen, file_id, ["another"])
    with pytest.raises(ChangedSince):
        scene.undo.entry(owen, entry)


def test_tags_that_a_file_had_none_of_go_again(scene: JobScene, owen: Actor) -> None:
    file_id, world = scene.file(scene.owner), scene.world
    name = world.library.get(owen, file_id).name
    spec = FileSpec(name, tags=["new"], on_conflict=OnConflict.REPLACE)
    assert world.service.upload_stream(owen, spec, reader(b"other")).tags == ("new",)
    scene.undo.entry(owen, scene.newest("file.replace"))
    assert world.library.get(owen, file_id).tags == ()


def test_what_is_kept_no_more_does_not_come_back(scene: JobScene, owen: Actor) -> None:
    file_id = scene.file(scene.owner)
    entry = put(scene, owen, file_id, b"other")
    [earlier] = scene.world.library.history(owen, file_id).earlier
    scene.world.library.delete_version(owen, file_id, earlier.id)
    with pytest.raises(NotFound, match="not kept any more"):
        scene.undo.entry(owen, entry)
    assert scene.world.read(owen, file_id) == b"other"


def test_a_stranger_undoes_nothing(scene: JobScene, owen: Actor) -> None:
    file_id = scene.file(scene.owner)
    entry = put(scene, owen, file_id, b"other")
    stranger = scene.actor(scene.people.user("sam", "user"))
    with pytest.raises(NotFound):
        scene.undo.entry(stranger, entry)
    scene.undo.entry(scene.actor(scene.operator), entry)
    assert scene.world.read(owen, file_id) == b"one"
