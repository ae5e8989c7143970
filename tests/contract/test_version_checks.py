"""What `fsck` finds of earlier versions, and that it never takes bytes for nobody's that a record still names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from backoffice.domain.files import File, FileSpec, FileState
from backoffice.domain.limits import MAX_VERSIONS
from backoffice.domain.maintenance import Invariant
from backoffice.domain.text import fold
from backoffice.errors import NotFound
from backoffice.stores.bounds import Bounds
from backoffice.stores.file_indexes import SHORT
from tests.support.fsck import Scene
from tests.support.uploads import ALICE, KEYS, OPERATOR, World, reader

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("place")]

FIRST, SECOND = b"1" * 2500, b"2" * 1700
CONTENTS = KEYS.unique("files", "content")


@dataclass
class Held:
    """A file of two chunks, and what it held before, of three."""

    world: World
    file: File
    earlier: File

    @classmethod
    def over(cls, client: Any) -> Held:
        world = World.over(client)
        file = world.stored(ALICE, [FIRST[:1000], FIRST[1000:2000], FIRST[2000:]], "report.txt")
        file = world.service.replace_content(ALICE, file.id, reader(SECOND))
        return cls(world, file, world.library.history(ALICE, file.id).earlier[0])

    def call(self, *command: Any) -> Any:
        return self.world.db.call(*command)

    def found(self, *, fix: bool = False) -> set[Invariant]:
        return {one.invariant for one in self.world.fsck(fix=fix)[1]}

    def read_earlier(self) -> bytes:
        opened = self.world.library.open_version(ALICE, self.file.id, self.earlier.id)
        return b"".join(map(bytes, opened.read()))


@pytest.fixture
def held(redis: Any) -> Held:
    return Held.over(redis)


Damage = Callable[[Held], Any]
REPAIRABLE: list[tuple[Invariant, Damage]] = [
    (Invariant.UNIQUE, lambda it: it.call("HDEL", CONTENTS, fold(it.file.content))),
    (Invariant.UNIQUE, lambda it: it.call("DEL", CONTENTS)),
    (Invariant.UNIQUE, lambda it: it.call("HSET", CONTENTS, "nobodys", it.file.id)),
    (Invariant.INDEX, lambda it: it.call("DEL", KEYS.index("files", "versions", it.file.id))),
    (Invariant.INDEX, lambda it: it.call("DEL", KEYS.index("files", "earlier", "alice"))),
    (Invariant.QUOTA, lambda it: it.call("HINCRBY", KEYS.quota("alice"), "used", -2500)),
    (Invariant.QUOTA, lambda it: it.call("HINCRBY", KEYS.quota("alice"), "versions", 7)),
    (Invariant.QUOTA, lambda it: it.call("HDEL", KEYS.quota("alice"), "versions")),
    (Invariant.CHUNK, lambda it: it.world.chunks.hold(it.earlier.content_id, 1, 2**50)),
    (Invariant.CHUNK, lambda it: it.world.chunks.hold(it.file.content_id, 0, 2**50)),
    (
        Invariant.VERSION,
        lambda it: it.call("HSET", KEYS.record("files", it.earlier.id), SHORT["owner"], "bob"),
    ),
]


@pytest.mark.parametrize(("invariant", "damage"), REPAIRABLE)
def test_damage_to_versions_is_found_and_repaired_and_no_byte_is_lost(
    held: Held, invariant: Invariant, damage: Damage
) -> None:
    damage(held)
    assert invariant in held.found()
    assert invariant in held.found(fix=True)
    held.world.assert_sound()
    assert held.world.read(ALICE, held.file.id) == SECOND
    assert held.read_earlier() == FIRST


def test_a_chunk_of_a_version_that_is_lost_is_told_each_time(held: Held) -> None:
    held.world.lose(held.earlier.content_id, 1)
    for fix in (False, True, False):
        assert held.found(fix=fix) == {Invariant.CHUNK}
    assert held.world.read(ALICE, held.file.id) == SECOND


def test_a_version_whose_file_is_gone_becomes_a_file(held: Held) -> None:
    held.call("HSET", KEYS.record("files", held.earlier.id), SHORT["version_of"], "nobody")
    assert Invariant.VERSION in held.found(fix=True)
    held.world.assert_sound()
    assert held.world.library.get(ALICE, held.earlier.id).name == "report (2).txt"
    assert held.world.read(ALICE, held.earlier.id) == FIRST
    held.world.library.purge(ALICE, held.earlier.id)
    held.world.assert_sound()
    assert held.world.files.usage("alice") == (len(SECOND), 0)


def test_the_bytes_of_a_version_go_to_the_owner_of_its_file_with_it(held: Held) -> None:
    """It was somebody else's in every way, so no quota looks wrong before it is moved."""
    size = held.earlier.size
    held.call("HSET", KEYS.record("files", held.earlier.id), SHORT["owner"], "bob")
    for owner, more in (("alice", -size), ("bob", size)):
        held.call("HINCRBY", KEYS.quota(owner), "used", more)
    held.found(fix=True)
    assert (held.world.files.usage("alice"), held.world.files.usage("bob")) == ((len(SECOND) + size, 0), (0, 0))
    held.world.assert_sound()


def test_what_nobody_names_is_nobodys(held: Held) -> None:
    """The file that held it is there, and holds something else."""
    for one in (held.earlier, held.file):
        held.world.exchange(one.content_id, 7, b"x", kept=True)
    held.world.library.delete_version(ALICE, held.file.id, held.earlier.id)
    held.world.exchange(held.file.id, 0, b"x", kept=True)
    held.call("SET", KEYS.chunk_map(held.file.id), b"x")
    _, found = held.world.fsck()
    assert {(one.invariant, one.object.id) for one in found} == {
        (Invariant.ORPHAN, held.file.id),
        (Invariant.ORPHAN, held.file.content_id),
    }
    held.world.fsck(fix=True)
    held.world.assert_sound()
    assert held.world.read(ALICE, held.file.id) == SECOND


@pytest.mark.parametrize("state", [FileState.READY, FileState.TRASHED])
def test_a_dropped_version_is_freed_after_a_crash(held: Held, state: FileState) -> None:
    """Its record says that it is gone, and its bytes are still there: they belong to it until they are freed."""
    if state is FileState.TRASHED:
        held.world.library.trash(ALICE, held.file.id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(held.world.library), "_collect", lambda *_: None)
        if state is FileState.READY:
            held.world.library.delete_version(ALICE, held.file.id, held.earlier.id)
        else:
            held.world.library.purge(ALICE, held.file.id)
    held.world.assert_sound()
    held.world.library.collect()
    held.world.assert_sound()
    assert held.world.chunks.stat(held.earlier.content_id, range(3)) == [None] * 3
    assert held.world.files.usage("alice")[0] == (len(SECOND) if state is FileState.READY else 0)


def test_a_version_that_goes_at_this_moment_is_not_found(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the list of versions and that at its record; its bytes are freed next."""
    store, library = type(held.world.files), held.world.library
    unhindered = store.get_with_map

    def meanwhile(files: Any, file_id: str) -> Any:
        if file_id == held.earlier.id:
            library.delete_version(ALICE, held.file.id, file_id)
        return unhindered(files, file_id)

    monkeypatch.setattr(type(library), "_collect", lambda *_: None)
    monkeypatch.setattr(store, "get_with_map", meanwhile)
    with pytest.raises(NotFound):
        held.read_earlier()


def test_a_restored_one_is_in_nobodys_way(held: Held) -> None:
    for _ in range(3):
        earlier = held.world.library.history(ALICE, held.file.id).earlier[0]
        held.world.library.restore_version(ALICE, held.file.id, earlier.id)
        held.world.assert_sound()
    assert held.world.read(ALICE, held.file.id) == FIRST


def test_it_is_among_what_a_random_history_leaves(redis: Any) -> None:
    scene = Scene.over(redis)
    report, found = scene.world.fsck()
    assert report.checked[Invariant.VERSION]
    assert not found


def test_as_many_as_a_site_can_keep_are_handed_over_and_purged_with_their_file(redis: Any) -> None:
    world = World.over(redis, bounds=Bounds(versions=MAX_VERSIONS))
    file = world.service.upload_stream(ALICE, FileSpec("a.txt"), reader(b"first"))
    for number in range(MAX_VERSIONS + 1):
        world.service.replace_content(ALICE, file.id, reader(b"%d" % number))
    assert len(world.library.history(ALICE, file.id).earlier) == MAX_VERSIONS
    world.library.transfer(OPERATOR, file.id, "bob")
    world.library.purge(OPERATOR, file.id)
    world.library.collect()
    world.assert_sound()
    assert (world.files.usage("alice"), world.files.usage("bob")) == ((0, 0), (0, 0))
