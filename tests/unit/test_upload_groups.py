"""Uploads made of others, and ones that go on in another way: what they leave when they are given up, run out of time
or are completed by another meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fakeredis
import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import TUS
from backoffice.errors import Completing, Gone, Invalid, Unavailable
from backoffice.services.uploads.events import upload_event
from backoffice.services.uploads.resumable import Resumable
from backoffice.stores.client import Command
from tests.support.tus import metadata
from tests.support.uploads import ALICE, CHUNK, World, reader


@pytest.fixture
def world() -> World:
    return World.over(fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")))


def test_what_is_kept_while_it_moves_stays_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request completes the file just before its chunks get their time."""
    until, many = now_ms() + 1_000_000, world.db.many
    world.chunks.put("a" * 22, 0, b"moved", until)

    def completed_meanwhile(commands: Sequence[Command]) -> list[Any]:
        if commands and commands[0][0] == "PEXPIRE":
            many([("PERSIST", command[1]) for command in commands])
        return many(commands)

    monkeypatch.setattr(world.db, "many", completed_meanwhile)
    assert world.chunks.move("a" * 22, 1, "b" * 22, 0, until) == []
    [stat] = world.chunks.stat("b" * 22, [0])
    assert stat is not None
    assert stat.kept


def parts(world: World, *chunks: int) -> list[str]:
    """Parts that have so many chunks each."""
    tus = Resumable(world.service, world.folders)
    bodies = [bytes([65 + number]) * (count * CHUNK) for number, count in enumerate(chunks)]
    return [
        tus.create(ALICE, size=len(body), partial=True, body=lambda _, body=body: reader(body)).id for body in bodies
    ]


def nothing_is_left(world: World) -> None:
    assert list(world.chunks.scan()) == []
    assert world.files.usage("alice") == (0, 0)
    assert world.uploads.page(Query()).items == ()
    world.assert_sound()


def test_an_unknown_folder_is_refused_before_anything_begins(world: World) -> None:
    mine = parts(world, 2, 2)
    with pytest.raises(Invalid):
        Resumable(world.service, world.folders).concatenate(
            ALICE, mine, metadata=metadata(filename="a", folder="f" * 22)
        )
    assert {one for one, _, _ in world.chunks.scan()} == set(mine)
    assert (
        Resumable(world.service, world.folders).concatenate(ALICE, mine, metadata=metadata(filename="a")).length
        == 4 * CHUNK
    )


def moved_and_not_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """A whole that has the chunks of its parts, and whose commit went wrong."""
    mine = parts(world, 40, 40)

    def full(*_: Any, **__: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(world.uploads), "complete", full)
        with pytest.raises(Unavailable):
            Resumable(world.service, world.folders).concatenate(ALICE, mine)
    whole = world.uploads.get(mine[0])
    assert whole is not None
    assert {one for one, _, _ in world.chunks.scan()} == {whole.joins}
    return whole.joins


def test_a_whole_that_is_given_up_leaves_no_chunk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    Resumable(world.service, world.folders).cancel(ALICE, moved_and_not_stored(world, monkeypatch))
    nothing_is_left(world)


def test_a_whole_that_expires_leaves_no_chunk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    moved_and_not_stored(world, monkeypatch)
    world.clock.forward(3601)
    world.service.cleanup.expire_due()
    nothing_is_left(world)


def test_a_takeover_that_stops_half_way_leaves_no_chunk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies when chunks beyond the first gap are noted no more, and are not freed."""
    pieces = [b"x" * CHUNK] * 60
    upload = world.begin(ALICE, pieces)
    world.put(ALICE, upload.id, 59, pieces)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.uploads), "refence", lambda *_: (_ for _ in ()).throw(Unavailable))
        with pytest.raises(Unavailable):
            Resumable(world.service, world.folders).send(ALICE, upload.id, 0, lambda _: reader(b"x" * CHUNK))
    world.service.cancel(ALICE, upload.id)
    nothing_is_left(world)


def test_a_whole_is_kept_while_its_parts_come(world: World) -> None:
    tus = Resumable(world.service, world.folders)
    whole_part, slow = parts(world, 1)[0], tus.create(ALICE, size=4 * CHUNK, partial=True).id
    whole = tus.concatenate(ALICE, [slow, whole_part]).id
    for sent in range(4):
        world.clock.forward(1800)
        while world.service.cleanup.expire_due():
            pass
        assert tus.state(ALICE, whole).id == whole
        assert tus.state(ALICE, whole_part).offset == CHUNK
        tus.send(ALICE, slow, sent * CHUNK, lambda _: reader(b"x" * CHUNK))
    assert world.read(ALICE, whole) == b"x" * 4 * CHUNK + b"A" * CHUNK
    world.assert_sound()


def test_a_whole_whose_parts_do_not_come_is_given_up_with_them(world: World) -> None:
    mine = [*parts(world, 1), Resumable(world.service, world.folders).create(ALICE, size=CHUNK, partial=True).id]
    whole = Resumable(world.service, world.folders).concatenate(ALICE, mine).id
    world.clock.forward(3601)
    for gone in (whole, *mine):
        with pytest.raises(Gone):
            Resumable(world.service, world.folders).state(ALICE, gone)
    world.service.cleanup.expire_due()
    nothing_is_left(world)


def test_a_whole_that_is_cancelled_takes_its_parts_along(world: World) -> None:
    mine = [*parts(world, 1), Resumable(world.service, world.folders).create(ALICE, size=CHUNK, partial=True).id]
    world.service.cancel(ALICE, Resumable(world.service, world.folders).concatenate(ALICE, mine).id)
    nothing_is_left(world)


def test_parts_whose_whole_is_gone_are_free(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was given up before its parts went along with it has left them."""
    mine = [*parts(world, 1), Resumable(world.service, world.folders).create(ALICE, size=CHUNK, partial=True).id]
    whole = world.uploads.get(Resumable(world.service, world.folders).concatenate(ALICE, mine).id)
    assert whole is not None
    monkeypatch.setattr(type(world.service.cleanup), "_free", lambda *_: None)
    world.service.cleanup.abort(whole, upload_event(Actions.UPLOAD_CANCEL, ALICE, whole))
    again = Resumable(world.service, world.folders).concatenate(ALICE, mine).id
    assert again != whole.id
    monkeypatch.undo()
    world.service.cleanup.collect()
    Resumable(world.service, world.folders).send(ALICE, mine[1], 0, lambda _: reader(b"x" * CHUNK))
    assert world.read(ALICE, again) == b"A" * CHUNK + b"x" * CHUNK
    world.assert_sound()


def test_a_part_takes_its_whole_along_where_that_has_its_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = world.uploads.get(moved_and_not_stored(world, monkeypatch))
    assert whole is not None
    world.service.cancel(ALICE, whole.parts[0])
    nothing_is_left(world)


def test_bytes_that_were_not_noted_are_not_in_the_way_of_chunks(world: World) -> None:
    upload = world.service.create_stream(ALICE, size=2 * CHUNK, name="a", protocol=TUS)
    for index in range(2):
        world.chunks.put(upload.id, index, b"other", now_ms() + 1_000_000)
    pieces = [b"x" * CHUNK, b"y" * CHUNK]
    for index in (1, 0):
        world.put(ALICE, upload.id, index, pieces)
    world.service.complete(ALICE, upload.id, FileSpec("a"), total_size=2 * CHUNK)
    assert world.read(ALICE, upload.id) == b"".join(pieces)
    world.assert_sound()


def test_a_size_that_is_refused_has_dropped_no_chunk(world: World) -> None:
    pieces = [b"x" * CHUNK] * 3
    upload = world.begin(ALICE, pieces)
    world.put(ALICE, upload.id, 2, pieces)
    with pytest.raises(Invalid):
        Resumable(world.service, world.folders).send(ALICE, upload.id, 0, lambda _: reader(b"x"), size=2 * CHUNK)
    now = world.uploads.get(upload.id)
    assert now is not None
    assert (now.total_chunks, now.received) == (3, 1)
    assert world.chunks.get(upload.id, 2) == pieces[2]


def test_a_takeover_frees_chunks_together_as_long_as_it_has_the_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [b"x" * CHUNK] * 100
    upload, asked = world.begin(ALICE, pieces), list[int]()
    for index in range(1, 100):
        world.put(ALICE, upload.id, index, pieces)

    def lost(*_: Any) -> None:
        asked.append(sum(1 for _ in world.chunks.scan()))
        raise Completing

    monkeypatch.setattr(type(world.uploads), "extend", lost)
    with pytest.raises(Completing):
        Resumable(world.service, world.folders).send(ALICE, upload.id, 0, lambda _: reader(b"x"))
    assert asked == [36], "64 of 100 places are free"
    assert sum(1 for _ in world.chunks.scan()) == 36


def test_a_part_is_not_told_what_concerns_its_whole(world: World) -> None:
    tus = Resumable(world.service, world.folders)
    mine = [*parts(world, 1), tus.create(ALICE, size=CHUNK, partial=True).id]
    folder = world.folders.create(ALICE, name="in")
    whole = tus.concatenate(ALICE, mine, metadata=metadata(filename="a", folder=folder.id)).id
    world.uploads.lease(whole, "alice", "t" * 22, 60)
    assert tus.send(ALICE, mine[1], 0, lambda _: reader(b"x" * CHUNK)).offset == CHUNK
    with pytest.raises(Completing):
        tus.state(ALICE, whole)
    world.uploads.release(whole, "t" * 22)
    world.folders.delete(ALICE, folder.id)
    assert tus.state(ALICE, mine[1]).offset == CHUNK
    with pytest.raises(Invalid):
        tus.state(ALICE, whole)
