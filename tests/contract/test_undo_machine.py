"""Whatever is done, undone in turn, gives what was there before: against a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from redis import Redis

from backoffice.errors import BackofficeError
from tests.support.jobs import JobScene
from tests.support.machines import run_machine
from tests.support.servers import Store
from tests.support.uploads import reader

NAMES: Final = st.sampled_from(["a.txt", "b.txt", "c.txt"])


class UndoMachine(RuleBasedStateMachine):
    """Acts of any kind, and undo of the latest one that is not undone."""

    make: ClassVar[Callable[[], Redis]]

    def __init__(self) -> None:
        super().__init__()
        self.scene = JobScene(self.make())
        self.scene.world.clock = self.scene.people.clock
        self.olga = self.scene.people.actor(self.scene.people.user("rosa", "admin"))
        self.files: list[str] = []
        self.done: list[tuple[str, Any]] = []

    @initialize()
    def begin(self) -> None:
        for owner in (self.scene.owner, self.scene.operator):
            self.files += self.scene.files_of(owner, 2)

    def state(self) -> Any:
        stored = [self.scene.world.files.get(file) for file in self.files]
        files = [(one.name, one.tags, one.owner, one.state, one.content_id) for one in stored if one is not None]
        users = [self.scene.people.user_store.get(one.id) for one in (self.scene.owner, self.scene.operator)]
        role = self.scene.people.role_store.all().get("readers")
        granted = role and (role.permissions, role.description, role.inactive_days, role.copied_from)
        return files, [(one.status, one.roles, one.quota_bytes, one.email) for one in users if one is not None], granted

    def act(self, do: Callable[[], object]) -> None:
        before, known = self.state(), self.scene.newest_entry()
        try:
            do()
        except BackofficeError:
            assert self.state() == before
            return
        if (
            self.scene.newest_entry() != known
            and self.scene.people.log.page((), "", 1).items[0].event["outcome"] == "ok"
        ):
            self.done.append((self.scene.newest_entry(), before))

    @rule(at=st.integers(0, 3), name=NAMES)
    def rename(self, at: int, name: str) -> None:
        self.act(lambda: self.scene.world.library.rename(self.olga, self.files[at], name))

    @rule(at=st.integers(0, 3), tags=st.sets(NAMES))
    def tag(self, at: int, tags: set[str]) -> None:
        self.act(lambda: self.scene.world.library.tag(self.olga, self.files[at], tags))

    @rule(at=st.integers(0, 3), first=st.booleans())
    def transfer(self, at: int, first: bool) -> None:
        heir = self.scene.owner if first else self.scene.operator
        self.act(lambda: self.scene.world.library.transfer(self.olga, self.files[at], heir.id))

    @rule(at=st.integers(0, 3), back=st.booleans())
    def other_content(self, at: int, back: bool) -> None:
        file, library = self.files[at], self.scene.world.library
        stored = self.scene.world.files.get(file)
        assert stored is not None
        owner = self.scene.owner if stored.owner == self.scene.owner.id else self.scene.operator
        earlier = self.scene.world.files.versions(stored)
        if back and earlier:
            self.act(lambda: library.restore_version(self.olga, file, earlier[-1].id))
        else:
            sender = self.scene.writer(owner)
            self.act(lambda: self.scene.world.service.replace_content(sender, file, reader(b"other")))

    @rule(at=st.integers(0, 3))
    def trash(self, at: int) -> None:
        self.act(lambda: self.scene.world.library.trash(self.olga, self.files[at]))

    @rule(at=st.integers(0, 3))
    def restore(self, at: int) -> None:
        self.act(lambda: self.scene.world.library.restore(self.olga, self.files[at]))

    @rule(days=st.sampled_from([0, 30]), there=st.booleans())
    def role(self, days: int, there: bool) -> None:
        roles = self.scene.people.roles
        made = {"permissions": ["files:read"], "description": "They read" if days else "", "inactive_days": days}
        self.act(
            lambda: (
                roles.create(self.olga, name="readers", copied_from="user", **made)
                if there
                else roles.delete(self.olga, "readers")
            )
        )

    @rule(quota=st.none() | st.integers(0, 9), roles=st.sampled_from([["user"], ["readers", "user"], []]))
    def change(self, quota: int | None, roles: list[str]) -> None:
        users = self.scene.people.users
        self.act(lambda: users.update(self.olga, self.scene.owner.id, quota_bytes=quota, roles=roles))

    @rule(shut=st.booleans())
    def shut(self, shut: bool) -> None:
        users = self.scene.people.users
        self.act(lambda: (users.disable if shut else users.enable)(self.olga, self.scene.owner.id))

    @precondition(lambda self: self.done)
    @rule()
    def undo(self) -> None:
        entry_id, before = self.done.pop()
        self.scene.undo.entry(self.olga, entry_id)
        restored = self.scene.people.log.page((), "", 1).items[0].event
        assert restored["data"]["undoes"] == entry_id
        assert self.state() == before


def test_undo_gives_what_was_there_before(store_server: Store) -> None:
    def emptied() -> Redis:
        client = store_server.client()
        client.flushall()
        return client

    run_machine(UndoMachine, emptied, examples=6, steps=25)
