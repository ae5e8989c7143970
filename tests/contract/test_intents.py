"""A small file where its chunk and its record are not in one place: the chunk is kept first, under an identifier that
was noted for that, and then one commit makes the file. Whoever dies in between leaves nothing for long."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.cluster import RedisCluster

from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.errors import BackofficeError, QuotaExceeded, StoreFull, Unavailable
from backoffice.services.uploads.completion import Completion
from backoffice.stores import intents as module
from backoffice.stores.client import Command, Db
from backoffice.stores.intents import LIFE_MS, NOTED_TOGETHER, RedisIntents
from tests.support.api_site import SHELL, make_site
from tests.support.chunks import Place
from tests.support.crashes import SCENARIOS, Journal, a_minute_later, come_back
from tests.support.upload_faults import Died, Fault, FaultyDb
from tests.support.uploads import ALICE, KEYS, World, reader

NEVER = 100
SMALL, ALL = b"small" * 100, Query()


@pytest.fixture(params=["cluster", "directory"])
def apart(request: pytest.FixtureRequest) -> Any:
    """A client of a store that has the records and not, or elsewhere, the bytes."""
    if request.param == "cluster":
        return request.getfixturevalue("cluster")
    request.getfixturevalue("in_directory")
    return request.getfixturevalue("real")


@pytest.fixture
def world(apart: Any) -> World:
    return World.over(apart)


def put(world: World, name: str = "a.txt") -> Any:
    return world.service.upload_stream(ALICE, FileSpec(name), reader(SMALL), len(SMALL))


def noted(world: World) -> set[str]:
    return {one.decode() for one in world.db.call("HKEYS", KEYS.intents)}


def chunks(world: World) -> set[str]:
    return {file_id for file_id, _, _ in world.chunks.scan()}


def an_hour_later(world: World) -> None:
    world.clock.forward(LIFE_MS / 1000 + 1)
    world.service.cleanup.sweep()


def test_a_file_takes_its_identifier_off_and_stays(world: World) -> None:
    file = put(world)
    assert len(noted(world)) == NOTED_TOGETHER - 1
    assert file.id not in noted(world)
    [stat] = world.chunks.stat(file.id, [0])
    assert stat is not None
    assert stat.kept
    an_hour_later(world)
    assert noted(world) == set()
    assert world.read(ALICE, file.id) == SMALL
    world.assert_sound()


def test_a_chunk_whose_file_did_not_come_goes(world: World) -> None:
    intent = world.service.completion.intents.take()
    world.chunks.put_ahead(intent.file_id, SMALL)
    world.assert_sound()
    world.fsck(fix=True)
    world.service.cleanup.sweep()
    assert chunks(world) == {intent.file_id}
    an_hour_later(world)
    assert chunks(world) == set()
    assert noted(world) == set()


def test_a_commit_that_comes_too_late_makes_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put_ahead = type(world.chunks).put_ahead

    def late(self: Any, file_id: str, data: Any) -> None:
        an_hour_later(world)
        put_ahead(self, file_id, data)

    monkeypatch.setattr(type(world.chunks), "put_ahead", late)
    with pytest.raises(Unavailable):
        put(world)
    assert (chunks(world), noted(world)) == (set(), set())
    assert world.files.usage("alice") == (0, 0)
    world.assert_sound()


def test_one_that_is_refused_leaves_neither_chunk_nor_entry(apart: Any) -> None:
    world = World.over(apart)
    tight = Completion(*_parts(world))
    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            tight.store_whole(ALICE, FileSpec("a"), memoryview(SMALL), len(SMALL) - 1)
    assert chunks(world) == set()
    assert len(noted(world)) == NOTED_TOGETHER - 3


def _parts(world: World) -> Sequence[Any]:
    done = world.service.completion
    return [getattr(done, name) for name in type(done).__dataclass_fields__]


def test_a_full_store_keeps_no_chunk_of_a_file_that_it_refuses(real: Redis, in_directory: Place) -> None:
    world = World.over(real)
    put(world)
    stored, before = chunks(world), real.config_get("maxmemory")["maxmemory"]
    real.config_set("maxmemory", real.info("memory")["used_memory"] // 2)
    try:
        with pytest.raises(StoreFull):
            put(world, "b.txt")
        intent = world.service.completion.intents.take()
        world.chunks.put_ahead(intent.file_id, SMALL)
        assert chunks(world) > stored
        an_hour_later(world)
        assert chunks(world) == stored
    finally:
        real.config_set("maxmemory", before)
    assert list((in_directory.directory or Path()).glob("tmp/*")) == []
    world.assert_sound()


def test_a_file_that_was_made_is_not_withdrawn(world: World) -> None:
    """Its answer was lost, and the repetition refused: the store may have become full in between."""
    file = put(world)
    world.db.call("HSET", KEYS.intents, file.id, now_ms() + LIFE_MS)
    world.service.cleanup.withdraw([file.id])
    assert world.read(ALICE, file.id) == SMALL
    assert file.id not in noted(world)


def test_what_a_file_holds_is_not_withdrawn(world: World) -> None:
    """The worker has read what is noted, and then the commit takes it off: no file has that identifier."""
    file = put(world)
    held = world.service.replace_content(ALICE, file.id, reader(SMALL[::-1]), len(SMALL)).content_id
    assert held != file.id
    for one in (held, file.id):
        world.service.cleanup.withdraw([one])
    assert world.read(ALICE, file.id) == SMALL[::-1]
    world.library.restore_content(ALICE, file.id, file.id)
    world.service.cleanup.withdraw([held, file.id])
    assert world.read(ALICE, file.id) == SMALL
    world.assert_sound()


def test_entries_are_noted_together_and_not_used_when_they_are_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    intents = RedisIntents(world.db, KEYS)
    first = [intents.take() for _ in range(NOTED_TOGETHER)]
    assert len({one.file_id for one in first}) == NOTED_TOGETHER == len(noted(world))
    old = intents.take()
    monkeypatch.setattr(module, "now_ms", lambda: now_ms() + LIFE_MS // 2 + 1)
    assert intents.take().until > old.until + LIFE_MS // 4
    assert len(noted(world)) == 3 * NOTED_TOGETHER


def test_fsck_between_the_two_steps_takes_nothing_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put_ahead = type(world.chunks).put_ahead

    def looked_at(self: Any, file_id: str, data: Any) -> None:
        world.fsck(fix=True)
        put_ahead(self, file_id, data)
        _, found = world.fsck(fix=True)
        assert found == []

    monkeypatch.setattr(type(world.chunks), "put_ahead", looked_at)
    file = put(world)
    [stat] = world.chunks.stat(file.id, [0])
    assert stat is not None
    assert stat.kept
    world.assert_sound()


@pytest.mark.parametrize("fault", Fault)
def test_a_call_that_fails_does_no_harm(apart: Any, tmp_path: Path, fault: Fault) -> None:
    """Killed before, in and after each call; and the same with the answer lost. `fsck --fix` runs before the client
    comes back."""
    if not isinstance(apart, RedisCluster):
        return  # that is `test_upload_faults.py`
    for after in range(NEVER):
        apart.flushall(target_nodes=RedisCluster.PRIMARIES)
        journal, db = Journal(tmp_path / f"{after}"), FaultyDb(apart, shebang=True)
        db.arm(fault, after)
        with contextlib.suppress(BackofficeError, Died):
            SCENARIOS["by_small_body"](World.over(apart, db=db), journal)
        came = db.disarm()
        world = World.over(apart)
        world.fsck(fix=True)
        with a_minute_later():
            come_back(world, "by_small_body", journal)
        assert chunks(world) == {file.id for file in world.library.files.page(ALL).items}
        if not came:
            break
    assert after > 4


# -- the web


class Counted:
    """Calls of the store by everybody."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        one, several = Db._one, Db._several

        def counted_one(db: Db, command: Command) -> Any:
            self.calls.append(str(command[0]))
            return one(db, command)

        def counted_several(db: Db, commands: Sequence[Command]) -> Any:
            if len(commands) > 1:
                self.calls.append(" + ".join(str(command[0]) for command in commands))
            return several(db, commands)

        monkeypatch.setattr(Db, "_one", counted_one)
        monkeypatch.setattr(Db, "_several", counted_several)


def test_a_small_put_is_two_trips_on_a_cluster(cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make_site(cluster)  # type: ignore[arg-type]
    ann = site.person("ann")
    for number in range(3):
        ann.upload(f"{number}.bin", SMALL)
    counted = Counted(monkeypatch)
    ann.upload("counted.bin", SMALL)
    assert counted.calls == ["SET", "EVALSHA"]


def test_who_is_nobody_any_more_leaves_no_chunk(cluster: RedisCluster) -> None:
    site = make_site(cluster)  # type: ignore[arg-type]
    ann = site.person("ann")
    file_id = ann.upload("a.bin", SMALL)
    site.services.users.disable(SHELL, ann.id)
    assert ann.put("b.bin", SMALL).status_code == 401
    assert {one for one, _, _ in site.services.uploads.chunks.scan()} == {file_id}


def test_no_entry_is_used_before_it_is_safe(world: World) -> None:
    safe: list[int] = []
    intents = RedisIntents(world.db, KEYS, lambda: safe.append(len(noted(world))))
    intents.take()
    assert safe == [NOTED_TOGETHER]

    def no_replica() -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        RedisIntents(world.db, KEYS, no_replica).take()


def test_nothing_is_kept_for_an_upload_whose_record_is_not_safe(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    durability, keep = type(world.service.completion.durability), type(world.chunks).keep
    barrier = durability.barrier

    def note_barrier(self: Any) -> None:
        order.append("safe")
        barrier(self)

    def note_keep(self: Any, file_id: str, total: int) -> list[int]:
        order.append("kept")
        return keep(self, file_id, total)

    monkeypatch.setattr(durability, "barrier", note_barrier)
    monkeypatch.setattr(type(world.chunks), "keep", note_keep)
    data = b"x" * 5 * world.service.limits.chunk_size
    world.service.upload_stream(ALICE, FileSpec("large.bin"), reader(data), len(data))
    if "kept" in order:  # where chunks lie beside the records, the commit keeps them
        assert order == ["safe", "kept", "safe"]
    else:
        assert order == ["safe"]
