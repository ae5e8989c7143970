"""What files hold and what they held before, against a plain model: whatever is stored, replaced, taken again, deleted,
trashed, purged and handed over in any order, each file has its bytes and those of its versions, each owner pays for
what there is, a completion that is repeated gives the same file, and `fsck` finds nothing after any step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis import Redis

from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.text import fold
from backoffice.errors import Conflict, NotFound, VersionMismatch
from backoffice.stores.bounds import Bounds
from tests.support.chunks import Place
from tests.support.machines import emptied, imitated, run_machine
from tests.support.servers import Store
from tests.support.uploads import ALICE, OPERATOR, World, person, reader

BOB: Final = person("bob")
PEOPLE: Final = {"alice": ALICE, "bob": BOB}
KEPT: Final = 3
NAMES: Final = st.sampled_from(["a.txt", "A.TXT", "b.txt"])
WHICH: Final = st.integers(0, 99)
SIZES: Final = st.sampled_from([0, 1, 700, 2500])
"""None, one of one chunk, and one of three."""


@dataclass
class Thing:
    owner: str
    name: str
    content: bytes
    number: int = 1
    trashed: bool = False
    earlier: dict[int, bytes] = field(default_factory=dict)


class VersionMachine(RuleBasedStateMachine):
    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        Place.current.empty()
        self.world = World.over(self.make(), bounds=Bounds(versions=KEPT))
        self.things: dict[str, Thing] = {}
        self.uploads: dict[str, tuple[str, str, bytes]] = {}
        """Of an upload that is over: the file, whose upload it was, and its bytes."""
        self.dropped = {"alice": 0, "bob": 0}
        """Bytes that wait for collection."""
        self.made = 0

    # -- the model

    def fresh(self, size: int) -> bytes:
        self.made += 1
        return f"{self.made:06}".encode().ljust(size, b".")[:size]

    def pick(self, which: int, *, trashed: bool = False) -> str:
        found = [key for key, one in self.things.items() if one.trashed is trashed]
        return found[which % len(found)] if found else ""

    def holder(self, owner: str, name: str) -> str:
        live = ((key, one) for key, one in self.things.items() if not one.trashed and one.owner == owner)
        return next((key for key, one in live if fold(one.name) == fold(name)), "")

    def replaced(self, key: str, content: bytes) -> None:
        thing = self.things[key]
        thing.earlier[thing.number] = thing.content
        thing.number, thing.content = thing.number + 1, content
        while len(thing.earlier) > KEPT:
            self.dropped[thing.owner] += len(thing.earlier.pop(min(thing.earlier)))

    def arrived(self, owner: str, file: File, content: bytes, on_conflict: OnConflict, name: str) -> None:
        there = self.holder(owner, name) if on_conflict is OnConflict.REPLACE else ""
        if there:
            assert file.id == there
            self.replaced(there, content)
        else:
            assert file.id not in self.things
            self.things[file.id] = Thing(owner, file.name, content)

    # -- what is done

    @rule(owner=st.sampled_from(["alice", "bob"]), name=NAMES, size=SIZES, replaces=st.booleans())
    def store(self, owner: str, name: str, size: int, replaces: bool) -> None:
        content, how = self.fresh(size), OnConflict.REPLACE if replaces else OnConflict.RENAME
        spec = FileSpec(name, on_conflict=how)
        file = self.world.service.upload_stream(PEOPLE[owner], spec, reader(content))
        self.arrived(owner, file, content, how, name)

    @rule(owner=st.sampled_from(["alice", "bob"]), name=NAMES, size=st.sampled_from([1, 2500]), replaces=st.booleans())
    def complete(self, owner: str, name: str, size: int, replaces: bool) -> None:
        content, how = self.fresh(size), OnConflict.REPLACE if replaces else OnConflict.RENAME
        parts = [content[at : at + 1000] for at in range(0, size, 1000)]
        upload = self.world.partly(PEOPLE[owner], parts, len(parts))
        file = self.world.service.complete(PEOPLE[owner], upload.id, FileSpec(name, on_conflict=how), total_size=size)
        self.arrived(owner, file, content, how, name)
        self.uploads[upload.id] = (file.id, owner, content)

    @rule(which=WHICH, other=st.booleans())
    def complete_again(self, which: int, other: bool) -> None:
        if not self.uploads:
            return
        upload_id = list(self.uploads)[which % len(self.uploads)]
        key, owner, content = self.uploads[upload_id]
        thing = self.things.get(key)
        spec = FileSpec("whatever", on_conflict=OnConflict.REPLACE)

        def again(size: int) -> File:
            return self.world.service.complete(PEOPLE[owner], upload_id, spec, total_size=size)

        kept = thing is not None and content in (thing.content, *thing.earlier.values())
        if thing is None or thing.trashed or thing.owner != owner or not (kept or upload_id == key):
            if kept or thing is None or upload_id == key:
                with pytest.raises(NotFound):
                    again(len(content))
        elif other and kept:
            with pytest.raises(Conflict):
                again(len(content) + 1)
        else:
            assert again(len(content)).id == key

    @rule(which=WHICH, size=SIZES, demand=st.sampled_from(["", "right", "wrong"]))
    def put_content(self, which: int, size: int, demand: str) -> None:
        key = self.pick(which)
        if not key:
            return
        thing, content = self.things[key], self.fresh(size)
        held = self.world.library.get(PEOPLE[thing.owner], key).content_id
        wanted = {"": "", "right": held, "wrong": "x" * 22}[demand]

        def put() -> File:
            return self.world.service.replace_content(PEOPLE[thing.owner], key, reader(content), content=wanted)

        if demand == "wrong":
            with pytest.raises(VersionMismatch):
                put()
            return
        file = put()
        assert (file.id, file.name, file.size) == (key, thing.name, size)
        assert file.content_id != held
        self.replaced(key, content)

    @rule(which=WHICH, version=WHICH)
    def take_again(self, which: int, version: int) -> None:
        key = self.pick(which)
        if not key or not self.things[key].earlier:
            return
        thing = self.things[key]
        number = sorted(thing.earlier)[version % len(thing.earlier)]
        actor = PEOPLE[thing.owner]
        chosen = next(one for one in self.world.library.history(actor, key).earlier if one.number == number)
        file = self.world.library.restore_version(actor, key, chosen.id)
        content = thing.earlier.pop(number)
        thing.earlier[thing.number] = thing.content
        thing.number, thing.content = thing.number + 1, content
        assert (file.id, file.number, file.size) == (key, thing.number, len(content))

    @rule(which=WHICH, version=WHICH)
    def delete_version(self, which: int, version: int) -> None:
        key = self.pick(which)
        if not key or not self.things[key].earlier:
            return
        actor, earlier = PEOPLE[self.things[key].owner], self.things[key].earlier
        found = self.world.library.history(actor, key).earlier
        chosen = found[version % len(found)]
        self.world.library.delete_version(actor, key, chosen.id)
        del earlier[chosen.number]
        with pytest.raises(NotFound):
            self.world.library.restore_version(actor, key, chosen.id)

    @rule(which=WHICH)
    def trash(self, which: int) -> None:
        if key := self.pick(which):
            self.world.library.trash(PEOPLE[self.things[key].owner], key)
            self.things[key].trashed = True

    @rule(which=WHICH)
    def restore(self, which: int) -> None:
        if key := self.pick(which, trashed=True):
            thing = self.things[key]
            thing.name = self.world.library.restore(PEOPLE[thing.owner], key).name
            thing.trashed = False

    @rule(which=WHICH, trashed=st.booleans())
    def purge(self, which: int, trashed: bool) -> None:
        if key := self.pick(which, trashed=trashed):
            self.world.library.purge(PEOPLE[self.things[key].owner], key)
            del self.things[key]

    @rule(which=WHICH, with_name=st.booleans())
    def hand_over(self, which: int, with_name: bool) -> None:
        if not (key := self.pick(which)):
            return
        thing = self.things[key]
        heir = "bob" if thing.owner == "alice" else "alice"
        if with_name:
            file = self.world.library.amend(OPERATOR, key, owner=heir, tags=["new"])
        else:
            file = self.world.library.transfer(OPERATOR, key, heir)
        thing.owner, thing.name = heir, file.name

    @rule()
    def work(self) -> None:
        self.world.library.digest_pending(set(), lambda: None)
        while self.world.library.collect():
            pass
        self.dropped = {"alice": 0, "bob": 0}

    # -- what holds

    @invariant()
    def each_file_has_what_it_holds_and_held(self) -> None:
        for key, thing in self.things.items():
            if thing.trashed:
                continue
            actor = PEOPLE[thing.owner]
            assert self.world.read(actor, key) == thing.content
            history = self.world.library.history(actor, key)
            assert (history.file.number, history.file.name) == (thing.number, thing.name)
            assert [one.number for one in history.earlier] == sorted(thing.earlier, reverse=True)
            for one in history.earlier:
                opened = self.world.library.open_version(actor, key, one.id)
                assert b"".join(bytes(part) for part in opened.read()) == thing.earlier[one.number]
                with pytest.raises(NotFound):
                    self.world.library.get(actor, one.id)

    @invariant()
    def each_owner_pays_for_what_there_is(self) -> None:
        for owner, dropped in self.dropped.items():
            mine = [one for one in self.things.values() if one.owner == owner]
            there = sum(len(one.content) + sum(map(len, one.earlier.values())) for one in mine)
            assert self.world.files.usage(owner) == (there + dropped, 0)
            earlier = sum(sum(map(len, one.earlier.values())) for one in mine)
            assert self.world.files.versions_held(owner) == earlier

    @invariant()
    def nothing_is_found(self) -> None:
        self.world.assert_sound()


def test_on_the_fake() -> None:
    run_machine(VersionMachine, imitated, 4, 20)


@pytest.mark.usefixtures("place")
def test_on_a_real_server(store_server: Store) -> None:
    run_machine(VersionMachine, emptied(store_server), 25, 25)
