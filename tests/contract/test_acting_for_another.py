"""Who acts within another's files (`Actor.acts_for`): what comes belongs to the other, the log says who did it, and of
uploads only what one began is reached."""

from __future__ import annotations

import pytest

from backoffice.domain.access import Actor
from backoffice.domain.actions import Actions
from backoffice.domain.acts import Acts, decide_act
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import NotAllowed, NotFound
from backoffice.stores.log.audit import RedisAudit
from tests.support.uploads import ALICE, CHUNK, KEYS, World, person, reader

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("place")]


def guest(number: int) -> Actor:
    """Holds the right to write, and it is Alice's files that count as its own."""
    given = (("guest", frozenset({Permissions.FILES_WRITE})),)
    return Actor(f"guest-{number}", "a guest", roles=given, credential=f"guest:{number}", acts_for="alice")


@pytest.mark.parametrize("size", [CHUNK // 2, 3 * CHUNK])
def test_the_file_is_the_others_and_the_log_says_who_sent_it(world: World, size: int) -> None:
    body = bytes(range(250)) * 12
    file = world.service.upload_stream(guest(1), FileSpec("a.txt"), reader(body[:size]), size)
    assert file.owner == "alice"
    assert world.read(ALICE, file.id) == body[:size]
    assert world.files.usage("alice") == (size, 0)
    [entry] = [
        one.event for one in RedisAudit(world.db, KEYS).page((), "", 100).items if one.event["action"] == "file.create"
    ]
    assert entry["actor"]["id"] == "guest-1"
    assert entry["data"]["on_behalf_of"] == "alice"
    world.assert_sound()


def test_Z2_of_uploads_only_those_are_reached_that_one_began(world: World) -> None:
    parts = [b"a" * CHUNK, b"b" * CHUNK]
    hers, others = world.partly(ALICE, parts, 2), world.partly(guest(2), parts, 2)
    for upload in (hers, others):
        with pytest.raises(NotFound):
            world.put(guest(1), upload.id, 1, parts)
        with pytest.raises(NotFound):
            world.service.complete(guest(1), upload.id, FileSpec("a.txt"), total_size=2 * CHUNK)
        with pytest.raises(NotFound):
            world.service.cancel(guest(1), upload.id)
    assert world.service.complete(guest(2), others.id, FileSpec("a.txt"), total_size=2 * CHUNK).owner == "alice"
    assert world.service.complete(ALICE, hers.id, FileSpec("b.txt"), total_size=2 * CHUNK).owner == "alice"
    with pytest.raises(NotFound):  # it is a file by now, and whose it is does not say who began it
        world.service.complete(guest(1), others.id, FileSpec("a.txt"), total_size=2 * CHUNK)


def test_it_gives_no_other_right(world: World) -> None:
    file = world.stored(ALICE, [b"secret"])
    for act in (Acts.FILE_DOWNLOAD, Acts.FILE_TRASH, Acts.LINK_CREATE, Acts.TOKEN_CREATE):
        assert not decide_act(guest(1), act, "alice").allowed
    with pytest.raises(NotAllowed):
        world.library.open(guest(1), file.id)
    with pytest.raises(NotAllowed):
        world.service.mine(guest(1), Query())
    assert not decide_act(guest(1), Acts.FILE_RENAME, "bob").allowed
    assert not decide_act(guest(1), Acts.FILE_RENAME, "guest-1").allowed
    assert not decide_act(person("bob"), Acts.FILE_RENAME, "alice").allowed


@pytest.mark.parametrize("size", [CHUNK // 2, 3 * CHUNK])
def test_what_a_file_holds_says_who_brought_it(world: World, size: int) -> None:
    body, file = bytes(range(250)) * 12, world.stored(ALICE, [b"hers"])
    new = world.service.replace_content(guest(1), file.id, reader(body[:size]), size)
    assert (new.id, new.owner, new.stored_by) == (file.id, "alice", "guest-1")
    assert world.files.usage("alice") == (size + 4, 0)
    world.service.replace_content(ALICE, file.id, reader(b"hers again"))
    history = world.library.history(ALICE, file.id)
    assert [one.stored_by for one in (history.file, *history.earlier)] == ["alice", "guest-1", "alice"]
    log = RedisAudit(world.db, KEYS).page((("action", Actions.FILE_REPLACE),), "", 9).items
    assert [one.event["actor"]["id"] for one in log] == ["alice", "guest-1"]
    assert log[1].event["data"]["on_behalf_of"] == "alice"
    with pytest.raises(NotFound):
        world.service.replace_content(guest(1), world.stored(person("bob"), [b"his"]).id, reader(b"x"))
    world.assert_sound()
