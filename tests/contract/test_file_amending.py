"""Name, tags and owner of a file, changed at once: one commit, or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.files import File, FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import Invalid, NameTaken, NotAllowed, NotFound, QuotaExceeded, VersionMismatch
from tests.contract.test_file_changes import let_bob_be, stored
from tests.support.uploads import ALICE, OPERATOR, World, person, reader

pytestmark = pytest.mark.cluster
BOB = person("bob")


def events(world: World, file: File) -> list[tuple[str, dict[str, list[object]]]]:
    """Of the changes of a file, oldest first."""
    found = world.library.audit.page([("object", f"file:{file.id}")], "", 50).items
    return [(entry.event["action"], entry.event["changes"]) for entry in reversed(found) if "changes" in entry.event]


def test_all_of_it_in_one_commit_with_an_entry_for_each(world: World) -> None:
    file = stored(world)
    new = world.library.amend(OPERATOR, file.id, name="b.txt", tags=["Tax", "tax"], owner="bob", version=1)
    assert (new.name, new.tags, new.owner, new.version) == ("b.txt", ("tax",), "bob", 2)
    assert world.files.get(file.id) == new
    assert events(world, file) == [
        ("file.rename", {"name": ["a.txt", "b.txt"]}),
        ("file.tag", {"tags": [[], ["tax"]]}),
        ("file.transfer", {"owner": ["alice", "bob"]}),
    ]
    assert (world.files.usage("alice"), world.files.usage("bob")) == ((0, 0), (1500, 0))
    world.assert_sound()


def test_what_it_is_already_is_no_change(world: World) -> None:
    file = stored(world)
    assert world.library.amend(OPERATOR, file.id, name="a.txt", tags=[], owner="alice") == file
    assert events(world, file) == []
    assert world.library.amend(ALICE, file.id, tags=["x"]).version == 2
    assert [name for name, _ in events(world, file)] == ["file.tag"]


@pytest.mark.parametrize("fails", ["name", "quota", "version", "tags", "owner"])
def test_where_a_part_of_it_cannot_be_nothing_of_it_is_done(world: World, fails: str) -> None:
    file = stored(world)
    wanted: dict[str, object] = {"name": "b.txt", "tags": ["x"], "owner": "bob"}
    expected: type[Exception] = Invalid
    if fails == "name":
        world.service.upload_stream(BOB, FileSpec("B.TXT"), reader(b"one"))
        expected = NameTaken
    elif fails == "quota":
        let_bob_be(world, quota_bytes=10)
        expected = QuotaExceeded
    elif fails == "version":
        wanted["version"], expected = 7, VersionMismatch
    elif fails == "tags":
        wanted["tags"] = ["x" * 51]
    else:
        wanted["owner"] = "nobody"
    with pytest.raises(expected):
        world.library.amend(OPERATOR, file.id, **wanted)  # type: ignore[arg-type]
    assert world.files.get(file.id) == file
    assert events(world, file) == []
    world.assert_sound()


def test_a_name_that_was_not_asked_for_becomes_another_at_the_new_owner(world: World) -> None:
    world.service.upload_stream(BOB, FileSpec("a.txt"), reader(b"one"))
    assert world.library.amend(OPERATOR, stored(world).id, tags=["x"], owner="bob").name == "a (2).txt"


def test_each_change_takes_its_own_right(world: World) -> None:
    file = stored(world)
    with pytest.raises(NotAllowed):  # also where it is one's own
        world.library.amend(ALICE, file.id, name="b.txt", owner="bob")
    with pytest.raises(NotFound):
        world.library.amend(BOB, file.id, name="b.txt")
    with pytest.raises(NotAllowed):  # who may hand nothing over learns of no file
        world.library.amend(BOB, "0" * 22, owner="bob")
    narrow = replace(ALICE, scopes=frozenset(one for one in ALICE.permissions if one == "files:read"))
    with pytest.raises(NotAllowed):
        world.library.amend(narrow, file.id, name=file.name)
    assert world.files.get(file.id) == file


def test_a_file_that_goes_meanwhile_is_not_there(world: World) -> None:
    file = stored(world)
    world.library.trash(ALICE, file.id)
    with pytest.raises(NotFound):
        world.library.amend(ALICE, file.id, tags=["x"])


def test_the_trash_is_searched_by_names(world: World) -> None:
    """The lists of what is not in it find nothing of it."""
    for name in ("Résumé 2024.pdf", "orbit.png", "notes.txt"):
        world.library.trash(ALICE, stored(world, name).id)
    live = stored(world, "resume.txt")
    for search, found in {
        "resume": ["Résumé 2024.pdf"],
        "rbit": ["orbit.png"],
        "2024 pdf": ["Résumé 2024.pdf"],
    }.items():
        for asked in (Query(search=search), Query(search=search, filters=(("trash", "alice"),))):
            page = world.library.trash_page(OPERATOR, asked, everybody=True)
            assert [one.name for one in page.items] == found
        assert [one.name for one in world.library.trash_page(ALICE, Query(search=search)).items] == found
    assert [one.id for one in world.library.page(ALICE, Query(search="resume")).items] == [live.id]
    assert world.library.page(ALICE, Query(search="rbit")).total == 0
