"""A folder that is shared with somebody against a plain model: whatever its owner moves, renames, trashes and restores,
and whatever becomes of the share meanwhile, the other one reaches what lies in the folder at that moment, writes as far
as the share says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from backoffice.domain.access import Actor
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.shares import ShareAccess, ShareKind, ShareState
from backoffice.errors import NotAllowed, NotFound
from tests.contract.test_folder_link_machine import WHICH, LinkMachine, Thing
from tests.support.links import names_in
from tests.support.machines import run_machine
from tests.support.uploads import reader

ALL = Query(limit=100)


class ShareMachine(LinkMachine):
    """`opened`: whether the share gives anything; `writes`: whether it lets write."""

    def __init__(self) -> None:
        super().__init__()
        self.bob = self.on.site.add_user("bob")
        self.opened, self.writes = False, False
        self.share = ""
        self.share_it(ShareAccess.READ)

    @property
    def guest(self) -> Actor:
        return self.on.owner(self.bob)

    def share_it(self, access: ShareAccess) -> None:
        made = self.has.shares.create(self.owner, folder=self.root.id, user="bob", access=access)
        self.share, self.opened, self.writes = made.id, True, access is ShareAccess.WRITE

    # -- what becomes of the share

    @rule(access=st.sampled_from(ShareAccess))
    @precondition(lambda self: self.opened)
    def change(self, access: ShareAccess) -> None:
        self.has.shares.update(self.owner, self.share, access=access)
        self.writes = access is ShareAccess.WRITE

    @rule(access=st.sampled_from(ShareAccess))
    def revoke_and_share_again(self, access: ShareAccess) -> None:
        self.has.shares.revoke(self.owner, self.share)
        self.opened = False
        self.agrees()
        self.share_it(access)

    @rule(looked=st.booleans())
    def the_folder_goes_away_and_comes_back(self, looked: bool) -> None:
        """Whether or not somebody noticed meanwhile."""
        self.has.folders.trash(self.owner, self.root.id)
        self.opened = False
        if looked:
            self.agrees()
        self.followed()
        self.has.folders.restore(self.owner, self.root.id)
        self.followed()

    @rule()
    @precondition(lambda self: not self.opened)
    def share_anew(self) -> None:
        self.share = self.has.shares.renew(self.owner, self.share).id
        self.opened = True

    # -- what is put there

    @rule(into=WHICH)
    def put(self, into: int) -> None:
        name, parent = self.next_name(), self.place(into)
        spec, body = FileSpec(name, folder=parent), reader(name.encode())
        within = self.opened and self.lies_in(parent)
        if not within or not self.writes:
            with pytest.raises(NotAllowed if within else NotFound):
                self.has.shared.put(self.guest, self.share, spec, body)
            return
        made = self.has.shared.put(self.guest, self.share, spec, body)
        assert (made.owner, made.folder) == (self.owner.id, parent)
        self.things[made.id] = Thing(name, parent, folder=False)

    @rule(into=WHICH, deep=st.integers(1, 2), file=st.booleans())
    def make_folders(self, into: int, deep: int, file: bool) -> None:
        """Folders at the end of a path, by themselves or for a file."""
        parent = self.place(into)
        path, name = [self.next_name() for _ in range(deep)], self.next_name()
        shared, within = self.has.shared, self.opened and self.lies_in(parent)

        def act() -> str:
            if file:
                spec = FileSpec(name, folder=parent)
                return shared.put(self.guest, self.share, spec, reader(name.encode()), path=path).id
            return shared.make_path(self.guest, self.share, path, parent).id

        if not within or not self.writes:
            with pytest.raises(NotAllowed if within else NotFound):
                act()
            assert not {one.name for one in self.has.folders.page_in(self.owner, None, ALL).items} & set(path)
            return
        made = act()
        for one in path:
            [folder] = self.has.folders.page_in(self.owner, parent, replace(ALL, search=one)).items
            assert folder.owner == self.owner.id
            self.things[folder.id] = Thing(one, parent, folder=True)
            parent = folder.id
        if file:
            self.things[made] = Thing(name, parent, folder=False)
        else:
            assert made == parent

    # -- what has to hold

    @invariant()
    def agrees(self) -> None:
        shared, guest = self.has.shared, self.guest
        assert [one.id for one in shared.received(guest, ALL).items] == ([self.share] if self.opened else [])
        held = self.has.shares.held(self.owner, ALL).items
        assert [one.id for one in held if one.state is ShareState.OPEN] == ([self.share] if self.opened else [])
        inside = {key for key in self.things if self.lies_in(key)} if self.opened else set[str]()
        for key, one in self.things.items():
            if one.folder:
                self.agrees_on_folder(None, key, inside)
            elif key in inside:
                assert b"".join(shared.open(guest, self.share, key).read()) == one.name.encode()
            else:
                with pytest.raises(NotFound):
                    shared.open(guest, self.share, key)
            self.agrees_on_file_itself(key)
        if self.opened and len(inside) > 1:
            archive = b"".join(shared.zip(guest, self.share).read())
            found = sorted(data.decode() for name, data in names_in(archive).items() if not name.endswith("/"))
            assert found == sorted(self.things[key].name for key in inside if not self.things[key].folder)

    def agrees_on_file_itself(self, key: str) -> None:
        """By its own address it is not there for them."""
        if not self.things[key].folder:
            with pytest.raises(NotFound):
                self.has.files.get(self.guest, key)

    def agrees_on_folder(self, _: Any, key: str, inside: set[str]) -> None:
        shared = self.has.shared
        if key not in inside:
            with pytest.raises(NotFound):
                shared.look(self.guest, self.share, key)
            return
        reached = shared.look(self.guest, self.share, key)
        shown = {one.id for page in (shared.folders_in, shared.files_in) for one in page(reached, ALL).items}
        assert shown == {one for one in inside if self.things[one].parent == key and one != key}
        assert reached.trail[0].id == self.root.id
        assert reached.share.kind is ShareKind.FOLDER


def test_Z7_who_has_a_share_reaches_what_lies_in_the_folder(redis: Any) -> None:
    def emptied() -> Any:
        redis.flushall()
        return redis

    run_machine(ShareMachine, emptied, examples=10, steps=20)
