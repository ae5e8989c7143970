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
from backoffice.domain.paging import Query
from backoffice.domain.text import fold
from backoffice.errors import BackofficeError, Conflict, InUse, NameTaken
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
        while folder and folder != ancestor:
            folder = self.things[folder].parent
        return folder == ancestor

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

    @rule(which=WHICH)
    def trash(self, which: int) -> None:
        key = self.pick(which, folder=False)
        if key:
            self.world.library.trash(ALICE, key)
            self.things[key].live = False

    @rule(which=WHICH)
    def restore(self, which: int) -> None:
        key = self.pick(which, folder=False, live=False)
        if not key:
            return
        back, thing = self.world.library.restore(ALICE, key), self.things[key]
        thing.parent = thing.parent if thing.parent in self.things else ""
        assert back.folder_id == thing.parent
        assert self.free(back.name, thing.parent)
        assert back.name == thing.name or not self.free(thing.name, thing.parent)
        thing.name, thing.live = back.name, True

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
        for place in ["", *(key for key, one in self.things.items() if one.folder)]:
            query = Query(sort="name", limit=500)
            files = self.world.library.page_in(ALICE, place, query)
            folders = self.world.folders.page_in(ALICE, place, query)
            found = {one.id: one.name for one in (*files.items, *folders.items)}
            here = {key: one.name for key, one in self.things.items() if one.live and one.parent == place}
            assert found == here
            assert files.total + folders.total == len(here)

    def teardown(self) -> None:
        self.world.assert_sound()


def test_folders_are_as_a_plain_model_has_them(redis: Any) -> None:
    def emptied() -> Any:
        redis.flushall()
        return redis

    run_machine(FolderMachine, emptied, examples=12, steps=25)
