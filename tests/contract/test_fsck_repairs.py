"""How `fsck` repairs, on each kind of server, also while people work; and what it says as a command."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from redis import Redis

from backoffice.cli import main
from backoffice.domain.actions import Actions
from backoffice.domain.files import FileSpec
from backoffice.domain.maintenance import Invariant, ignore
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.settings import ChunkPlace
from backoffice.stores.chunks.in_use import wrong_place_reason
from backoffice.stores.fsck import repair
from backoffice.stores.fsck.indexes import IndexCheck
from backoffice.stores.fsck.repair import Repairer
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.records.compact_ids import compact
from tests.support.chunks import Place
from tests.support.fsck import (
    INDEX,
    ONE,
    PARTS,
    Scene,
    leave_chunks_without_a_record,
    live_a_little,
    lose_a_chunk_of_the_upload,
)
from tests.support.servers import Store
from tests.support.uploads import ALICE, KEYS, OPERATOR, World, enrol, person

PLACES = pytest.mark.usefixtures("place")


# --- how it repairs


def test_a_repair_is_in_the_log_under_the_name_of_who_made_it(scene: Scene) -> None:
    scene.call("ZREM", INDEX("files", "created"), compact(scene.file.id))
    scene.world.fsck(fix=True)
    [newest] = RedisAudit(scene.world.db, KEYS).page([("action", Actions.SYSTEM_REPAIR)], "", 10).items
    assert newest.event["object"]["id"] == scene.file.id
    assert newest.event["data"]["invariant"] == "index"
    assert newest.event["actor"] == {"id": OPERATOR.id, "name": "olivia", "via": "shell"}


def test_a_file_is_found_again_after_its_indexes_were_lost(scene: Scene) -> None:
    query = Query(search="report", filters=(("tag", "blue"),))
    assert [one.id for one in scene.world.library.page(ALICE, query).items] == [scene.file.id]
    for name, scope in (("created", ""), ("words", ""), ("tag", "blue"), ("owner", "alice")):
        scene.call("DEL", INDEX("files", name, scope))
    assert not scene.world.library.page(ALICE, query).items
    scene.world.fsck(fix=True)
    assert [one.id for one in scene.world.library.page(ALICE, query).items] == [scene.file.id]


@PLACES
def test_an_upload_that_lost_a_chunk_goes_on_after_the_repair(scene: Scene) -> None:
    lose_a_chunk_of_the_upload(scene)
    scene.world.fsck(fix=True)
    assert list(scene.world.service.state(ALICE, scene.upload.id).missing) == [(1, 2)]
    for index in (1, 2):
        scene.world.put(ALICE, scene.upload.id, index, PARTS)
    file = scene.world.service.complete(ALICE, scene.upload.id, FileSpec("b.txt"), total_size=1501)
    assert scene.world.read(ALICE, file.id) == b"".join(PARTS)


@PLACES
def test_bytes_without_a_record_are_given_a_day(scene: Scene) -> None:
    leave_chunks_without_a_record(scene)
    scene.world.fsck(fix=True)
    if Place.current.directory is None:
        assert 23 * 3600 < int(scene.call("TTL", KEYS.chunk("nobodys", 70))) <= 24 * 3600
    else:
        scene.world.chunks.sweep(now_ms() + 23 * 3_600_000)
        assert scene.world.chunks.get("nobodys", 70) == b"x"
        scene.world.chunks.sweep(now_ms() + 24 * 3_600_000)
        assert scene.world.chunks.get("nobodys", 70) is None


def test_the_name_of_a_deleted_user_stays_reserved(scene: Scene) -> None:
    scene.world.fsck(fix=True)
    assert scene.call("HGET", ONE("users", "reserved"), "eve") == b"eve"


@PLACES
def test_what_dies_by_itself_is_no_finding(scene: Scene) -> None:
    scene.world.chunks.put("crashed", 0, b"x", now_ms() + 1_000_000)
    scene.call("ZADD", INDEX("sessions", "expires"), now_ms() - 5, "died")
    scene.world.assert_sound()


def test_a_repair_that_meets_a_change_looks_again(scene: Scene) -> None:
    """The record changes between the second look and the commit: what is mended is what is right by then."""
    scene.call("ZREM", INDEX("files", "created"), compact(scene.file.id))
    repairer = Repairer(scene.world.db, KEYS, ALICE, on_finding=ignore)
    check = IndexCheck(repairer, scene.world.files.collection)
    look, looks = check._recheck, []

    def look_then_change(record_id: str) -> Any:
        looks.append(record_id)
        found = look(record_id)
        if len(looks) == 1:
            scene.world.library.trash(ALICE, record_id)
        return found

    repairer.verify_and_repair(lambda: look_then_change(scene.file.id))
    assert len(looks) == 2
    scene.world.assert_sound()


@pytest.mark.real_only
def test_many_records_of_one_owner_need_several_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair.batches, "__defaults__", (25,))
    monkeypatch.setattr(repair, "BATCH", 25)
    parts = [b"x"]
    for number in range(60):
        world.stored(ALICE, parts, f"{number:04}.txt")
    world.db.call("HINCRBY", KEYS.quota("alice"), "used", 1)
    report, found = world.fsck(fix=True)
    assert [one.invariant for one in found] == [Invariant.QUOTA]
    assert world.files.usage("alice") == (60, 0)
    assert report.checked[Invariant.INDEX] == 60 + 2  # two users
    world.assert_sound()


# --- while people work


@PLACES
@pytest.mark.real_only
def test_no_false_alarm_while_people_work(redis: Any) -> None:
    world, done, names = World.over(redis), Event(), ("carol", "dave", "erin")
    enrol(redis, *map(person, names))

    def work(name: str) -> int:
        chance, rounds, actor = random.Random(name), 0, person(name)  # noqa: S311
        mine = World.over(redis)
        while not done.is_set():
            mine.partly(actor, PARTS, 2)
            live_a_little(mine, chance.randrange(1000))
            rounds += 1
        return rounds

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work, name) for name in names]
        try:
            for _ in range(4):
                world.assert_sound()
        finally:
            done.set()
        assert all(worker.result() for worker in workers)
    world.assert_sound()


def test_progress_says_how_far_it_is(scene: Scene) -> None:
    steps: list[tuple[int, int]] = []
    scene.world.maintenance.check(OPERATOR, on_progress=lambda *step: steps.append(step))
    assert steps
    assert steps[-1][0] == steps[-1][1]


# --- as a command


@PLACES
def test_the_command_says_what_it_found_and_leaves_a_status(
    store_server: Store, real: Redis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("URL", store_server.url), ("PASSWORD", store_server.password)):
        monkeypatch.setenv(f"REDIS_{name}", value)
    monkeypatch.setenv("BACKOFFICE_KEY_PREFIX", KEYS.prefix)
    monkeypatch.setenv("LOGNAME", "olivia")
    monkeypatch.setenv("BACKOFFICE_CHUNKS", str(ChunkPlace(Place.current.directory)))
    world = World.over(real)
    assert not wrong_place_reason(world.db, KEYS, Place.current.directory)
    file = world.stored(ALICE, PARTS)
    real.zadd(INDEX("files", "tag", "[red]\x1b"), {compact(file.id): 1})
    said = []
    for arguments in (["fsck"], ["fsck", "--fix"], ["fsck"]):
        status = main(arguments)
        said.append((status, capsys.readouterr().out))
    assert [status for status, _ in said] == [1, 0, 0]
    assert "[red]\\x1b" in said[0][1]
    assert "fsck --fix" in said[0][1]
    assert "mended" in said[1][1]
    [repair] = RedisAudit(world.db, KEYS).page([("action", Actions.SYSTEM_REPAIR)], "", 10).items
    assert repair.event["actor"] == {"id": "system-olivia", "name": "olivia", "via": "shell"}
    assert "All is well." in said[2][1]
    world.lose(file.id, 0)
    assert main(["fsck", "--fix"]) == 1
    assert "only a backup can mend" in capsys.readouterr().out
