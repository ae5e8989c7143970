"""The link of a folder against a plain model: whatever is moved, renamed, trashed and restored in any order, its page,
its downloads and its archive have what lies in the folder at that moment, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, ClassVar, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from redis import Redis

from backoffice.domain.access import Actor
from backoffice.domain.folders import Folder
from backoffice.errors import BackofficeError, NotFound
from backoffice.services import folder_trash
from tests.support.links import Sharing, names_in
from tests.support.machines import run_machine
from tests.support.website import make_whole_site

WHICH: Final = st.integers(0, 99)
ROOT: Final = "plans"


@dataclass
class Thing:
    """`put_away`: it is in the trash by itself."""

    name: str
    parent: str
    folder: bool
    put_away: bool = False


class LinkMachine(RuleBasedStateMachine):
    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.on = Sharing(make_whole_site(self.make()))
        self.has = self.on.site.services
        self.owner = self.on.owner()
        self.root = self.on.folder(ROOT)
        self.beside = self.on.folder(f"{ROOT} b")
        self.link, path = self.on.share(folder=self.root.id)
        self.token = path.removeprefix("/s/")
        self.things = {one.id: Thing(one.name, "", folder=True) for one in (self.root, self.beside)}
        self.number = 0

    # -- the model

    def lies_in(self, key: str) -> bool:
        """Whether it is in the folder, and neither it nor a folder on the way is in the trash."""
        while key and key != self.root.id:
            if self.things[key].put_away:
                return False
            key = self.things[key].parent
        return key == self.root.id

    def pick(self, which: int, *, folder: bool | None = None, put_away: bool = False) -> str:
        fixed = {self.root.id, self.beside.id}
        kept = [
            key
            for key, one in self.things.items()
            if key not in fixed and one.put_away is put_away and folder in (None, one.folder)
        ]
        return kept[which % len(kept)] if kept else ""

    def place(self, which: int) -> str:
        kept = [key for key, one in self.things.items() if one.folder]
        return kept[which % len(kept)]

    def next_name(self) -> str:
        self.number += 1
        return f"n{self.number}"

    # -- what is done

    @rule(into=WHICH)
    def make_folder(self, into: int) -> None:
        name, parent = self.next_name(), self.place(into)
        made = self.tried(lambda: self.has.folders.create(self.owner, name=name, parent=parent))
        if made is not None:
            self.things[made.id] = Thing(name, parent, folder=True)

    @rule(into=WHICH)
    def make_file(self, into: int) -> None:
        name, parent = self.next_name(), self.place(into)
        folder = Folder(parent, "", "", 0, 0)
        made = self.tried(lambda: self.on.store(name, folder, name.encode()))
        if made is not None:
            self.things[made.id] = Thing(name, parent, folder=False)

    @rule(which=WHICH, into=WHICH)
    def move(self, which: int, into: int) -> None:
        key, parent = self.pick(which), self.place(into)
        if not key:
            return
        if self.things[key].folder:
            done = self.tried(lambda: self.has.folders.update(self.owner, key, parent=parent))
        else:
            done = self.tried(lambda: self.has.files.amend(self.owner, key, folder=parent))
        if done is not None:
            self.things[key].parent = parent

    @rule(which=WHICH)
    def rename(self, which: int) -> None:
        key, name = self.pick(which, folder=True), self.next_name()
        if key and self.tried(lambda: self.has.folders.update(self.owner, key, name=name)) is not None:
            self.things[key].name = name

    @rule()
    def rename_the_shared_one(self) -> None:
        name = self.next_name()
        self.has.folders.update(self.owner, self.root.id, name=name)

    @rule(which=WHICH, at_once=st.sampled_from([0, 1, 200]))
    def put_away(self, which: int, at_once: int) -> None:
        key = self.pick(which)
        if not key:
            return
        folder_trash.AT_ONCE = at_once
        try:
            if self.things[key].folder:
                done = self.tried(lambda: self.has.folders.trash(self.owner, key))
            else:
                done = self.tried(lambda: self.has.files.trash(self.owner, key) or True)
        finally:
            folder_trash.AT_ONCE = 200
        self.things[key].put_away = self.things[key].put_away or done is not None
        self.agrees()
        self.followed()

    @rule(which=WHICH)
    def bring_back(self, which: int) -> None:
        key = self.pick(which, put_away=True)
        if not key:
            return
        if self.things[key].folder:
            done = self.tried(lambda: self.has.folders.restore(self.owner, key))
            parent = done.parent if done is not None else ""
        else:
            done = self.tried(lambda: self.has.files.restore(self.owner, key))
            parent = done.folder_id if done is not None else ""
        self.followed()
        if done is not None:
            self.things[key].put_away, self.things[key].parent = False, parent

    def followed(self) -> None:
        while self.has.folders.follow():
            pass

    def tried(self, do: Callable[[], Any]) -> Any:
        """What was done; None where it was refused, as into the trash, or into itself."""
        try:
            return do()
        except BackofficeError:
            return None

    # -- what has to hold

    @invariant()
    def agrees(self) -> None:
        visitor, inside = self.somebody(), {key for key in self.things if self.lies_in(key)}
        shared = self.on.links.look(visitor, self.token)
        for key, one in self.things.items():
            if one.folder:
                self.agrees_on_folder(shared, key, inside)
            elif key in inside:
                opened = self.on.links.open(visitor, self.token, key)
                assert b"".join(opened.read()) == one.name.encode()
            else:
                with pytest.raises(NotFound):
                    self.on.links.open(self.somebody(), self.token, key)
        files = {key for key in inside if not self.things[key].folder}
        if len(inside) > 1:
            archive = b"".join(self.on.links.open_zip(visitor, self.token).read())
            found = sorted(data.decode() for name, data in names_in(archive).items() if not name.endswith("/"))
            assert found == sorted(self.things[key].name for key in files)

    def somebody(self) -> Actor:
        """From an address of their own: who is refused again and again has to wait."""
        self.number += 1
        return replace(self.on.visitor(), ip=str(IPv4Address(0x0A000000 + self.number)))

    def agrees_on_folder(self, shared: Any, key: str, inside: set[str]) -> None:
        if key not in inside:
            with pytest.raises(NotFound):
                self.on.links.place(shared, key, 0, 100)
            return
        place = self.on.links.place(shared, key, 0, 100)
        shown = {one.id for one in (*place.folders, *place.files)}
        assert shown == {one for one in inside if self.things[one].parent == key and one != key}
        assert place.way[0].id == self.root.id


def test_Z7_the_link_of_a_folder_has_what_lies_in_it(redis: Any) -> None:
    def emptied() -> Any:
        redis.flushall()
        return redis

    run_machine(LinkMachine, emptied, examples=10, steps=20)
