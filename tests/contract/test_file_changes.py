"""Tags and owners that are changed, on each kind of server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileSpec, FileState
from backoffice.domain.paging import Query
from backoffice.domain.users import UserStatus
from backoffice.errors import Invalid, NotAllowed, NotFound, QuotaExceeded, VersionMismatch
from backoffice.stores.users import RedisUsers
from tests.support.uploads import ALICE, KEYS, OPERATOR, World, person, reader

pytestmark = pytest.mark.cluster
BOB = person("bob")
EVENT = AuditEvent(Actions.USER_UPDATE, OPERATOR, ObjectRef("user", "bob"))


def stored(world: World, name: str = "a.txt", size: int = 1500) -> File:
    return world.service.upload_stream(ALICE, FileSpec(name), reader(b"x" * size))


def let_bob_be(world: World, **fields: object) -> None:
    users = RedisUsers(world.db, KEYS)
    bob = users.get("bob")
    assert bob is not None
    users.replace(bob, replace(bob, version=bob.version + 1, **fields), EVENT)  # type: ignore[arg-type]


def test_a_file_moves_with_its_bytes_its_indexes_and_both_quotas(world: World) -> None:
    file = stored(world)
    world.library.tag(ALICE, file.id, ["Tax", "2026"])
    moved = world.library.transfer(OPERATOR, file.id, "bob")
    assert (moved.owner, moved.name, moved.tags) == ("bob", "a.txt", ("2026", "tax"))
    assert (world.files.usage("alice"), world.files.usage("bob")) == ((0, 0), (1500, 0))
    assert world.library.page(ALICE, Query()).items == ()
    assert [one.id for one in world.library.page(BOB, Query()).items] == [file.id]
    assert b"".join(world.library.open(BOB, file.id).read()) == b"x" * 1500
    with pytest.raises(NotFound):
        world.library.get(ALICE, file.id)
    world.library.purge(BOB, file.id)
    assert world.files.usage("bob") == (0, 0)
    world.assert_sound()


def test_a_name_that_the_new_owner_has_gets_a_number(world: World) -> None:
    world.service.upload_stream(BOB, FileSpec("a.txt"), reader(b"one"))
    assert world.library.transfer(OPERATOR, stored(world).id, "bob").name == "a (2).txt"


def test_the_quota_of_the_new_owner_counts_and_nothing_moves_beyond_it(world: World) -> None:
    file = stored(world)
    let_bob_be(world, quota_bytes=1499)
    with pytest.raises(QuotaExceeded):
        world.library.transfer(OPERATOR, file.id, "bob")
    assert world.files.get(file.id) == file
    assert (world.files.usage("alice"), world.files.usage("bob")) == ((1500, 0), (0, 0))


def test_only_who_is_active_gets_files_also_at_the_last_moment(world: World) -> None:
    file = stored(world)
    event = AuditEvent(Actions.FILE_TRANSFER, OPERATOR, ObjectRef("file", file.id))
    let_bob_be(world, status=UserStatus.DISABLED)
    for owner in ("bob", "nobody", "../x"):
        with pytest.raises(Invalid):
            world.library.transfer(OPERATOR, file.id, owner)
    with pytest.raises(Invalid):  # the store, where the service had seen an active user
        world.files.transfer(file, "bob", 10**9, event)
    assert world.files.get(file.id) == file


def test_what_changed_meanwhile_or_is_in_the_trash_is_not_handed_over(world: World) -> None:
    file = stored(world)
    world.library.tag(ALICE, file.id, ["a"])
    for act in (
        lambda: world.library.tag(ALICE, file.id, ["b"], file.version),
        lambda: world.library.transfer(OPERATOR, file.id, "bob", file.version),
    ):
        with pytest.raises(VersionMismatch):
            act()
    world.library.trash(ALICE, file.id)
    with pytest.raises(NotFound):
        world.library.transfer(OPERATOR, file.id, "bob")
    found = world.files.get(file.id)
    assert found is not None
    assert (found.owner, found.state) == ("alice", FileState.TRASHED)


def test_nobody_gives_away_what_is_only_their_own(world: World) -> None:
    with pytest.raises(NotAllowed):
        world.library.transfer(ALICE, stored(world).id, "bob")
