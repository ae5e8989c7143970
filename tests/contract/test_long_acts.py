"""What a right rests on is compared in the step that acts, wherever records and bytes lie; and time alone ends nothing
that is under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backoffice.domain.access import ANONYMOUS, Actor
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.errors import NotAllowed, NotSignedIn
from backoffice.services import ground as module
from backoffice.services.uploads.chunks import GRACE_SECONDS
from backoffice.stores.bounds import Bounds
from backoffice.stores.watch import unwatch
from tests.support.people import PASSWORD, ROOT, People
from tests.support.uploads import CHUNK, LIMITS, OPERATOR, World, reader

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("place")]

RIGHTS = {"files:read", "files:write", "files:delete"}
LONG = bytes(range(251)) * 20
PARTS = [LONG[:CHUNK], LONG[CHUNK : CHUNK + 100]]


@pytest.fixture
def world(redis: Any) -> World:
    return World.over(redis)


@pytest.fixture
def people(redis: Any) -> People:
    return People(redis)


@pytest.fixture
def ada(people: People) -> User:
    people.roles.create(ROOT, name="sender", permissions=RIGHTS)
    return people.user("ada", "sender")


@pytest.fixture
def token(people: People, ada: User) -> str:
    return people.tokens.create(ROOT, name="t", user_id=ada.id)[1]


@pytest.fixture
def sender(people: People, token: str) -> Actor:
    """In one request."""
    return by_token(people, token)


def by_token(people: People, text: str) -> Actor:
    found = people.tokens.authenticate(text, ip="192.0.2.1", agent="", request_id="r")
    assert found is not None
    return found[0]


def by_session(people: People, secret: str) -> Actor:
    found = people.authenticate(secret)
    assert found is not None
    unwatch()
    actor: Actor = found.actor
    return actor


def meanwhile(content: bytes, at: int, happens: Callable[[], object]) -> Callable[[memoryview], int]:
    """A body in which something happens when so many bytes have come."""
    source, come = reader(content), 0

    def read_into(view: memoryview) -> int:
        nonlocal come
        count = source(view)
        if come <= at <= come + count:
            happens()
        come += count
        return count

    return read_into


def disable(people: People, who: User) -> Callable[[], object]:
    return lambda: people.users.disable(ROOT, who.id)


def demote(people: People) -> Callable[[], object]:
    return lambda: people.roles.update(ROOT, "sender", permissions={"files:read"})


def nothing_left(world: World, who: User) -> bool:
    mine = Query(filters=(("owner", who.id),))
    found = [*world.files.page(mine).items, *world.uploads.page(mine).items, *world.chunks.scan()]
    world.assert_sound()
    return not found and world.files.usage(who.id) == (0, 0)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, len(LONG)])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_is_refused_at_its_end_and_nothing_is_left(
    people: People, world: World, ada: User, token: str, size: int, announced: bool
) -> None:
    for take, error in ((demote(people), NotAllowed), (disable(people, ada), NotSignedIn)):
        people.roles.update(ROOT, "sender", permissions=RIGHTS)
        sender = by_token(people, token)
        body = meanwhile(LONG[:size], size // 2, take)
        with pytest.raises(error):
            world.service.upload_stream(sender, FileSpec("a"), body, size if announced else None)
        assert nothing_left(world, ada)


def test_a_file_stays_that_was_to_be_replaced_for_good(
    redis: Any, people: People, world: World, ada: User, token: str
) -> None:
    world = World.over(redis, bounds=Bounds(versions=0))
    sender = by_token(people, token)
    old = world.service.upload_stream(sender, FileSpec("a"), reader(LONG))
    spec = FileSpec("a", on_conflict=OnConflict.REPLACE)

    def take() -> None:
        people.roles.update(ROOT, "sender", permissions=RIGHTS - {"files:delete"})

    with pytest.raises(NotAllowed):
        world.service.upload_stream(sender, spec, meanwhile(LONG, 500, take))
    assert world.files.get(old.id) == old
    assert world.files.usage(ada.id) == (old.size, 0)
    another = by_token(people, token)
    assert world.service.upload_stream(another, FileSpec("a"), reader(LONG)).name == "a (2)"


def test_a_completion_is_refused_and_the_upload_goes_when_its_time_is_over(
    people: People, world: World, ada: User, sender: Actor
) -> None:
    upload = world.partly(sender, PARTS, 2)
    disable(people, ada)()
    with pytest.raises(NotSignedIn):
        world.service.complete(sender, upload.id, FileSpec("a"), total_size=sum(map(len, PARTS)))
    assert world.files.get(upload.id) is None
    world.assert_sound()
    world.clock.forward(LIMITS.upload_max_seconds + 61)
    world.service.cleanup.expire_due()
    world.service.cleanup.collect()
    world.clock.forward(GRACE_SECONDS)
    world.service.cleanup.sweep()
    assert nothing_left(world, ada)


def test_a_chunk_is_refused_and_not_held(people: People, world: World, ada: User, sender: Actor) -> None:
    upload = world.partly(sender, PARTS, 1)

    def late() -> bytes:
        disable(people, ada)()
        return PARTS[1]

    with pytest.raises(NotSignedIn):
        world.service.put_chunk(sender, upload_id=upload.id, index=1, total_chunks=2, data=late)
    assert world.chunks.stat(upload.id, [1]) == [None]
    kept = world.uploads.get(upload.id)
    assert kept is not None
    assert kept.received == 1


def test_what_an_append_was_refused_is_not_kept(people: People, world: World, ada: User, sender: Actor) -> None:
    upload = world.service.create_stream(sender)
    world.service.append(sender, upload.id, 0, reader(LONG[:1500]))
    with pytest.raises(NotSignedIn):
        world.service.append(sender, upload.id, 1500, meanwhile(LONG[1500:], 700, disable(people, ada)))
    now = world.uploads.get(upload.id)
    assert now is not None
    assert now.bytes == 1500
    world.service.cancel(OPERATOR, upload.id)
    assert nothing_left(world, ada)


# -- what time does


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked at every occasion."""
    monkeypatch.setattr(module, "CONFIRM_SECONDS", 0.0)


def confirm(actor: Actor) -> None:
    assert actor.ground is not None
    actor.ground.confirm()


def renew(actor: Actor) -> None:
    assert actor.ground is not None
    actor.ground.renew()


@pytest.mark.usefixtures("often")
def test_a_session_does_not_run_out_while_a_body_arrives(people: People, ada: User) -> None:
    secret = people.sessions.start_for(ANONYMOUS, ada).secret
    actor = by_session(people, secret)
    for _ in range(6):
        people.clock.pass_(minutes=20)
        confirm(actor)
    assert people.authenticate(secret) is not None
    unwatch()
    people.clock.pass_(minutes=31)
    with pytest.raises(NotSignedIn):
        renew(actor)


@pytest.mark.usefixtures("often")
def test_a_session_that_was_ended_does_not_come_back_by_being_used(people: People, ada: User) -> None:
    started = people.sessions.start_for(ANONYMOUS, ada)
    actor = by_session(people, started.secret)
    confirm(actor)
    people.sessions.sign_out(ROOT, started.session)
    with pytest.raises(NotSignedIn):
        confirm(actor)
    assert people.session_store.of_user(ada.id) == []


def test_a_session_goes_on_under_another_secret_and_ends_with_it(people: People, ada: User) -> None:
    started = people.sessions.start_for(ANONYMOUS, ada)
    people.sessions.start_for(ANONYMOUS, ada)  # another browser of the same kind
    actor = by_session(people, started.secret)
    people.clock.pass_(minutes=1)
    other = by_session(people, started.secret)
    again, _ = people.sessions.reauth(other, started.session, PASSWORD)
    renew(actor)
    people.users.update(ROOT, ada.id, email="ada@example.org")
    renew(actor)
    people.sessions.sign_out(ROOT, again)
    with pytest.raises(NotSignedIn):
        renew(actor)


def test_a_token_that_expires_meanwhile_ends_nothing(people: People, ada: User) -> None:
    actor = by_token(people, people.tokens.create(ROOT, name="t", user_id=ada.id, days=1)[1])
    people.clock.pass_(hours=25)
    renew(actor)
    people.users.disable(ROOT, ada.id)
    with pytest.raises(NotSignedIn):
        renew(actor)


def test_other_roles_one_after_the_other_end_nothing_that_may_go_on(people: People, ada: User, sender: Actor) -> None:
    for roles in (["sender", "user"], ["user"], ["sender"]):
        people.users.update(ROOT, ada.id, roles=roles)
        renew(sender)
    people.users.update(ROOT, ada.id, roles=["user"])
    people.users.update(ROOT, ada.id, roles=["sender"])  # two at once may have been another password
    with pytest.raises(NotSignedIn):
        renew(sender)


@pytest.mark.usefixtures("often")
def test_a_download_ends_when_the_right_is_lost(people: People, world: World, ada: User, token: str) -> None:
    file = world.service.upload_stream(by_token(people, token), FileSpec("a"), reader(LONG))
    sender = by_token(people, token)
    parts = world.library.open(sender, file.id).read()
    got = bytes(next(parts))
    people.users.update(ROOT, ada.id, email="ada@example.org")
    got += bytes(next(parts))
    demote(people)()  # reading is still allowed
    got += bytes(next(parts))
    assert LONG.startswith(got)
    disable(people, ada)()
    with pytest.raises(NotSignedIn):
        next(parts)
