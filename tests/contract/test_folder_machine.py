"""Folders against a plain model: whatever is made, renamed, moved, trashed and restored in any order, each thing is in
one place, under a name that nothing else has there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis import Redis

from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.folders import Folder
from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.errors import BackofficeError, Conflict, InUse, NameTaken
from backoffice.services import folder_trash
from tests.support.machines import run_machine
from tests.support.uploads import ALICE, World, reader

NAMES: Final = st.sampled_from(["a", "A", "b", "ﬁ", "fi"])
WHICH: Final = st.integers(0, 99)


@dataclass
class Thing:
    name: str
    parent: str
    folder: bool
    live: bool = True
    went: bool = False
    """It is in the trash with the folder that it lies in."""


class FolderMachine(RuleBasedStateMachine):
    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World.over(self.make())
        self.things: dict[str, Thing] = {}

    # -- the model

    def pick(self, which: int, *, folder: bool, live: bool = True, top: bool = False) -> str:
        found = [key for key, one in self.things.items() if one.folder is folder and one.live is live]
        found += [""] if top else []
        return found[which % len(found)] if found else ""

    def free(self, name: str, parent: str, but: str = "") -> bool:
        return not any(
            one.live and key != but and one.parent == parent and fold(one.name) == fold(name)
            for key, one in self.things.items()
        )

    def within(self, folder: str, ancestor: str) -> bool:
        """Whether it lies in that one. What is in the trash can have lain in one that is gone."""
        while folder in self.things and folder != ancestor:
            folder = self.things[folder].parent
        return folder == ancestor

    def inside(self, folder: str) -> list[Thing]:
        return [one for one in self.things.values() if one.parent and self.within(one.parent, folder)]

    def going_with(self, key: str) -> list[str]:
        """What went into the trash with it, in turn with what went with that."""
        found = [key]
        for folder in found:
            found += [one for one, thing in self.things.items() if thing.went and thing.parent == folder]
        return found[1:]

    def name_of(self, key: str) -> str:
        if self.things[key].folder:
            return self.world.folders.get(ALICE, key).name
        return self.world.library.get(ALICE, key).name

    def followed(self, folder: Folder | None) -> None:
        """Of a larger one the worker lets the rest follow. What has to follow in between `fsck` knows."""
        if folder is not None and not folder.complete:
            self.world.assert_sound()
        while self.world.folders.follow():
            pass

    def act(self, do: Callable[[], Any], refusal: type[BackofficeError] | None) -> Any:
        if refusal is None:
            return do()
        with pytest.raises(refusal):
            do()
        return None

    # -- what is done

    @rule(name=NAMES, into=WHICH)
    def make_folder(self, name: str, into: int) -> None:
        parent = self.pick(into, folder=True, top=True)
        refusal = None if self.free(name, parent) else NameTaken
        made = self.act(lambda: self.world.folders.create(ALICE, name=name, parent=parent), refusal)
        if made is not None:
            self.things[made.id] = Thing(name, parent, folder=True)

    @rule(name=NAMES, into=WHICH)
    def make_file(self, name: str, into: int) -> None:
        parent = self.pick(into, folder=True, top=True)
        spec = FileSpec(name, on_conflict=OnConflict.FAIL, folder=parent)
        refusal = None if self.free(spec.name, parent) else NameTaken
        made = self.act(lambda: self.world.service.upload_stream(ALICE, spec, reader(b"x")), refusal)
        if made is not None:
            self.things[made.id] = Thing(made.name, parent, folder=False)

    @rule(which=WHICH, name=NAMES, into=WHICH, folder=st.booleans(), rename=st.booleans())
    def move(self, which: int, name: str, into: int, folder: bool, rename: bool) -> None:
        key, parent = self.pick(which, folder=folder), self.pick(into, folder=True, top=True)
        if not key:
            return
        name = name if rename else self.things[key].name
        refusal: type[BackofficeError] | None = None if self.free(name, parent, key) else NameTaken
        if folder and parent and self.within(parent, key):
            refusal = Conflict

        def do() -> Any:
            if folder:
                return self.world.folders.update(ALICE, key, name=name, parent=parent)
            return self.world.library.amend(ALICE, key, name=name, folder=parent)

        if self.act(do, refusal) is not None:
            self.things[key].name, self.things[key].parent = name, parent

    @rule(which=WHICH, folder=st.booleans())
    def trash(self, which: int, folder: bool) -> None:
        key = self.pick(which, folder=folder)
        if not key:
            return
        if folder:
            self.followed(self.world.folders.trash(ALICE, key))
        else:
            self.world.library.trash(ALICE, key)
        self.things[key].live = False
        for inside in self.inside(key):
            if inside.live:
                inside.live, inside.went = False, True

    @rule(which=WHICH, folder=st.booleans())
    def restore(self, which: int, folder: bool) -> None:
        key = self.pick(which, folder=folder, live=False)
        if not key:
            return
        thing = self.things[key]
        back: Any = self.world.folders.restore(ALICE, key) if folder else self.world.library.restore(ALICE, key)
        if folder:
            self.followed(back)
        there = thing.parent and thing.parent in self.things and self.things[thing.parent].live
        thing.parent = thing.parent if there else ""
        assert (back.parent if isinstance(back, Folder) else back.folder_id) == thing.parent
        assert self.free(back.name, thing.parent)
        assert back.name == thing.name or not self.free(thing.name, thing.parent)
        thing.name, thing.live, thing.went = back.name, True, False
        # Two of one name can have gone with a folder: then the second comes back under another.
        for one in self.going_with(key):
            self.things[one].live, self.things[one].went = True, False
            self.things[one].name = self.name_of(one)

    @rule(which=WHICH, folder=st.booleans())
    def purge(self, which: int, folder: bool) -> None:
        key = self.pick(which, folder=folder, live=False)
        if not key:
            return
        gone = [key, *self.going_with(key)]
        if folder:
            self.world.folders.purge(ALICE, key)
            self.followed(None)
        else:
            self.world.library.purge(ALICE, key)
        for one in gone:
            del self.things[one]

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        key = self.pick(which, folder=True)
        if not key:
            return
        full = any(one.live and one.parent == key for one in self.things.values())
        self.act(lambda: self.world.folders.delete(ALICE, key), InUse if full else None)
        if not full:
            del self.things[key]

    # -- what holds

    @invariant()
    def each_place_has_its_things(self) -> None:
        for place in ["", *(key for key, one in self.things.items() if one.folder and one.live)]:
            query = Query(sort="name", limit=500)
            files = self.world.library.page_in(ALICE, place, query)
            folders = self.world.folders.page_in(ALICE, place, query)
            found = {one.id: one.name for one in (*files.items, *folders.items)}
            here = {key: one.name for key, one in self.things.items() if one.live and one.parent == place}
            assert found == here
            assert files.total + folders.total == len(here)
        every = Query(limit=500)
        alone = {one.id for one in self.world.folders.trash_page(ALICE, every).items}
        assert alone == {key for key, one in self.things.items() if one.folder and not one.live and not one.went}
        trashed = {one.id for one in self.world.library.trash_page(ALICE, every).items}
        assert trashed == {key for key, one in self.things.items() if not one.folder and not one.live}
        assert not self.world.folders.follow()

    def teardown(self) -> None:
        self.world.assert_sound()


def test_folders_are_as_a_plain_model_has_them(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_trash, "AT_ONCE", 2)
    monkeypatch.setattr(folder_trash, "TOGETHER", 2)

    def emptied() -> Any:
        redis.flushall()
        return redis

    run_machine(FolderMachine, emptied, examples=12, steps=25)
