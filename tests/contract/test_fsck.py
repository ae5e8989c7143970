"""`fsck` on each kind of server: it finds nothing where nothing is wrong, names each kind of damage, and mends it."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest

from backoffice.domain.access import Permission
from backoffice.domain.audit import Action, AuditEvent
from backoffice.domain.files import File, OnConflict
from backoffice.domain.paging import Query
from backoffice.domain.roles import Role
from backoffice.domain.sessions import Session
from backoffice.domain.times import now_ms
from backoffice.domain.tokens import Token
from backoffice.domain.uploads import Upload
from backoffice.domain.users import User, UserStatus
from backoffice.stores.audit import RedisAudit, index_score
from backoffice.stores.files import SHORT
from backoffice.stores.fsck import Fsck, Invariant
from backoffice.stores.fsck_desk import Desk
from backoffice.stores.fsck_indexes import IndexCheck
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.users import RedisUsers
from tests.support_uploads import ALICE, KEYS, World, person

PARTS = [b"a" * 1000, b"b" * 500, b"c"]
BOB = person("bob", "198.51.100.7")


def add_people(world: World) -> None:
    """Users, a role, tokens and sessions."""
    now, db = now_ms(), world.db
    users, tokens, sessions = RedisUsers(db, KEYS), RedisTokens(db, KEYS), RedisSessions(db, KEYS)
    role = Role("scanner", "Looks", frozenset({Permission.FILES_READ}), now, now)
    RedisRoles(db, KEYS).insert(role, AuditEvent(Action.ROLE_CREATE, ALICE))
    for name in ("alice", "bob", "eve"):
        user = User(
            name, name, now, now, email=f"{name}@example.org", status=UserStatus.ACTIVE, roles=("user", "scanner"),
            invite=f"hash-{name}",
        )  # fmt: skip
        users.insert(user, AuditEvent(Action.USER_CREATE, ALICE))
        token = Token(f"token{name}", name, "for a script", "hash", 1, now)
        tokens.insert(token, AuditEvent(Action.TOKEN_CREATE, ALICE))
        session = Session(f"session{name}", name, 1, now, now, now, now + 60_000, now + 600_000)
        sessions.insert(session, AuditEvent(Action.SESSION_START, ALICE))
    eve = users.get("eve")
    assert eve is not None
    users.remove(eve, AuditEvent(Action.USER_DELETE, ALICE))


def live_a_little(world: World, seed: int, steps: int = 25) -> None:
    """A random history of uploads and files, with every state that there is at the end."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    for step in range(steps):
        actor = chance.choice((ALICE, BOB))
        parts = [chance.randbytes(chance.randint(1, 900)) for _ in range(chance.randint(1, 4))]
        name = chance.choice(("a.txt", "B.txt", "Ä ö.pdf", f"{step}.bin"))
        match chance.randrange(8):
            case 0:
                world.partly(actor, parts, len(parts) - 1, name=name)
            case 1:
                world.service.cancel(actor, world.partly(actor, parts, 1).id)
            case 2:
                world.library.trash(actor, world.stored(actor, parts, name).id)
            case 3:
                world.library.purge(actor, world.stored(actor, parts, name).id)
            case 4:
                file = world.stored(actor, parts, name)
                world.library.trash(actor, file.id)
                world.library.restore(actor, file.id)
            case 5:
                world.stored(actor, parts, name, tags=("new", name[:1]), on_conflict=OnConflict.REPLACE)
            case _:
                file = world.stored(actor, parts, name, mime_type="text/plain")
                world.library.rename(actor, file.id, f"r {file.id}")
    world.library.digest_pending(set())


@pytest.fixture
def world(redis: Any) -> World:
    return World.over(redis)


@pytest.mark.cluster
def test_an_empty_store_is_sound(world: World) -> None:
    report, found = world.fsck()
    assert (report.left, found) == (0, [])


@pytest.mark.cluster
def test_a_random_history_leaves_nothing_to_find(world: World) -> None:
    add_people(world)
    live_a_little(world, 1)
    world.assert_sound()
    report, _ = world.fsck()
    assert {one for one in Invariant if not report.checked[one]} <= {Invariant.UNIQUE}


# --- one kind of damage after the other


@dataclass(frozen=True, slots=True)
class Scene:
    """A sound store with a file of three chunks and an upload that has two of its three."""

    world: World
    file: File
    upload: Upload

    def call(self, *command: Any) -> Any:
        return self.world.db.call(*command)


@pytest.fixture
def scene(world: World) -> Scene:
    add_people(world)
    live_a_little(world, 3, 6)
    file = world.stored(ALICE, PARTS, "a report.txt", tags=("blue",))
    return Scene(world, file, world.partly(ALICE, PARTS, 2, name="coming.txt"))


Damage = Callable[[Scene], Any]
INDEX, ONE = KEYS.index, KEYS.unique


def lose_words(scene: Scene) -> None:
    for word in ("a", "report"):
        scene.call("ZREM", INDEX("files", "words"), f"{word}\0{scene.file.id}")


def rename_behind_the_back(scene: Scene) -> None:
    scene.call("HSET", KEYS.record("files", scene.file.id), SHORT["name"], "other.txt")


def lose_the_record_of_a_user(scene: Scene) -> None:
    scene.call("DEL", KEYS.record("users", "bob"))


def trash_behind_the_back(scene: Scene) -> None:
    scene.call("HSET", KEYS.record("files", scene.file.id), "state", "trashed")


def lose_a_chunk_of_the_upload(scene: Scene) -> None:
    scene.call("DEL", KEYS.chunk(scene.upload.id, 1))


def shorten_a_chunk_of_the_upload(scene: Scene) -> None:
    scene.call("SET", KEYS.chunk(scene.upload.id, 0), b"short", "EX", 1000)


def leave_chunks_without_a_record(scene: Scene) -> None:
    for index in (0, 70):
        scene.call("SET", KEYS.chunk("nobodys", index), b"x")


def audit_index(scene: Scene) -> bytes:
    return KEYS.audit_index("object", f"file:{scene.file.id}")


def misplace_audit_entries(scene: Scene) -> None:
    entry = scene.call("ZRANGE", audit_index(scene), 0, 0)[0]
    scene.call("ZADD", audit_index(scene), 1, entry)
    scene.call("ZADD", KEYS.audit_index("actor", "bob"), index_score(entry.decode()), entry)


MENDABLE: list[tuple[Invariant, Damage]] = [
    (Invariant.INDEX, lambda it: it.call("ZREM", INDEX("files", "created"), it.file.id)),
    (Invariant.INDEX, lambda it: it.call("DEL", INDEX("files", "size"))),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "size", "owner=alice"), 7, it.file.id)),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "created"), 7, "nobody")),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "name"), 0, f"ghost.txt\0{it.file.id}")),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "tag", "red"), 7, it.file.id)),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "forgotten"), 7, it.file.id)),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("uploads", "expires"), 7, it.upload.id)),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("users", "role", "admin"), 7, "bob")),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("sessions", "expires"), now_ms() + 500_000, "gone")),
    (Invariant.INDEX, lambda it: it.call("ZREM", INDEX("sessions", "user", "bob"), "sessionbob")),
    (Invariant.INDEX, lambda it: it.call("ZREM", INDEX("tokens", "name", "user=bob"), "for a script\0tokenbob")),
    (Invariant.INDEX, lambda it: it.call("ZREM", INDEX("roles", "created"), "scanner")),
    (Invariant.INDEX, lose_words),
    (Invariant.INDEX, rename_behind_the_back),
    (Invariant.INDEX, trash_behind_the_back),
    (Invariant.UNIQUE, lambda it: it.call("HDEL", ONE("users", "username"), "bob")),
    (Invariant.UNIQUE, lambda it: it.call("HSET", ONE("users", "email"), "old@example.org", "bob")),
    (Invariant.UNIQUE, lambda it: it.call("HSET", ONE("users", "email"), "bob@example.org", "nobody")),
    (Invariant.UNIQUE, lambda it: it.call("HSET", ONE("users", "invite"), "hash", "nobody")),
    (Invariant.UNIQUE, lose_the_record_of_a_user),
    (Invariant.FACET, lambda it: it.call("ZINCRBY", KEYS.facet_values("files", "tag"), 3, "blue")),
    (Invariant.FACET, lambda it: it.call("ZADD", KEYS.facet_values("files", "mime_type"), 3, "no/such")),
    (Invariant.FACET, lambda it: it.call("DEL", KEYS.facet_values("users", "role"))),
    (Invariant.QUOTA, lambda it: it.call("HINCRBY", KEYS.quota("alice"), "used", 5)),
    (Invariant.QUOTA, lambda it: it.call("HINCRBY", KEYS.quota("alice"), "reserved", -5)),
    (Invariant.QUOTA, lambda it: it.call("DEL", KEYS.quota("alice"))),
    (Invariant.QUOTA, lambda it: it.call("HSET", KEYS.quota("stranger"), "used", 9)),
    (Invariant.CHUNK, lambda it: it.call("EXPIRE", KEYS.chunk(it.file.id, 1), 1000)),
    (Invariant.UPLOAD, lose_a_chunk_of_the_upload),
    (Invariant.UPLOAD, shorten_a_chunk_of_the_upload),
    (Invariant.UPLOAD, lambda it: it.call("HSET", KEYS.record("uploads", it.upload.id), "received", 3)),
    (Invariant.UPLOAD, lambda it: it.call("HSET", KEYS.record("uploads", it.upload.id), "bytes", 1)),
    (Invariant.ORPHAN, leave_chunks_without_a_record),
    (Invariant.ORPHAN, lambda it: it.call("SET", KEYS.chunk(it.file.id, 3), b"one too many")),
    (Invariant.ORPHAN, lambda it: it.call("SET", KEYS.chunk_map("nobodys"), b"x" * 53)),
    (Invariant.AUDIT, lambda it: it.call("DEL", audit_index(it))),
    (Invariant.AUDIT, lambda it: it.call("DEL", KEYS.audit_index("actor", "alice"))),
    (Invariant.AUDIT, lambda it: it.call("ZADD", KEYS.audit_index("actor", "alice"), 5, "1-1")),
    (Invariant.AUDIT, lambda it: it.call("ZADD", KEYS.audit_index("ip", "203.0.113.9"), 5, "no id")),
    (Invariant.AUDIT, misplace_audit_entries),
]


@pytest.mark.real_only
@pytest.mark.parametrize(("invariant", "damage"), MENDABLE)
def test_damage_is_found_named_and_mended(scene: Scene, invariant: Invariant, damage: Damage) -> None:
    damage(scene)
    report, found = scene.world.fsck()
    assert invariant in {one.invariant for one in found}
    assert report.left == len(found)
    assert all(one.mendable for one in found), found

    report, found = scene.world.fsck(fix=True)
    assert (report.left, report.mended.total()) == (0, len(found))
    scene.world.assert_sound()


@pytest.mark.cluster
def test_all_damage_at_once_is_mended_at_once(scene: Scene) -> None:
    for _, damage in reversed(MENDABLE):
        damage(scene)
    _, found = scene.world.fsck()
    assert {one.invariant for one in found} == {invariant for invariant, _ in MENDABLE}
    report, _ = scene.world.fsck(fix=True)
    assert report.left == 0
    scene.world.assert_sound()


def lose_half_of_the_map(scene: Scene) -> None:
    scene.call("SETRANGE", KEYS.chunk_map(scene.file.id), 53, b"\0" * 53)


def two_of_one_name(scene: Scene) -> None:
    scene.call("HSET", KEYS.record("users", "bob"), "email", "alice@example.org")
    scene.call("HDEL", ONE("users", "email"), "bob@example.org")


LOST: list[tuple[Invariant, Damage]] = [
    (Invariant.CHUNK, lambda it: it.call("DEL", KEYS.chunk(it.file.id, 1))),
    (Invariant.CHUNK, lambda it: it.call("SET", KEYS.chunk(it.file.id, 1), b"shorter")),
    (Invariant.CHUNK, lambda it: it.call("DEL", KEYS.chunk_map(it.file.id))),
    (Invariant.CHUNK, lose_half_of_the_map),
    (Invariant.UNIQUE, two_of_one_name),
    (Invariant.RECORD, lambda it: it.call("HSET", KEYS.record("roles", "broken"), "version", 1)),
]


@pytest.mark.real_only
@pytest.mark.parametrize(("invariant", "damage"), LOST)
def test_what_only_a_backup_can_mend_is_said_each_time(scene: Scene, invariant: Invariant, damage: Damage) -> None:
    damage(scene)
    for fix in (False, True, True):
        report, found = scene.world.fsck(fix=fix)
        assert [one.invariant for one in found if not one.mendable] == [invariant]
        assert report.left
        assert report.lost.total() == 1


# --- how it mends


def test_what_was_mended_is_in_the_log(scene: Scene) -> None:
    scene.call("ZREM", INDEX("files", "created"), scene.file.id)
    scene.world.fsck(fix=True)
    [newest] = RedisAudit(scene.world.db, KEYS).page([("action", Action.SYSTEM_REPAIR)], "", 10).items
    assert newest.event["object"]["id"] == scene.file.id
    assert newest.event["data"]["invariant"] == "index"
    assert newest.event["actor"]["name"] == "fsck"


def test_a_file_is_found_again_after_its_indexes_were_lost(scene: Scene) -> None:
    query = Query(search="report", filters=(("tag", "blue"),))
    assert [one.id for one in scene.world.library.page(ALICE, query).items] == [scene.file.id]
    for name, scope in (("created", ""), ("words", ""), ("tag", "blue"), ("owner", "alice")):
        scene.call("DEL", INDEX("files", name, scope))
    assert not scene.world.library.page(ALICE, query).items
    scene.world.fsck(fix=True)
    assert [one.id for one in scene.world.library.page(ALICE, query).items] == [scene.file.id]


def test_an_upload_that_lost_a_chunk_goes_on_after_the_repair(scene: Scene) -> None:
    lose_a_chunk_of_the_upload(scene)
    scene.world.fsck(fix=True)
    assert list(scene.world.service.state(ALICE, scene.upload.id).missing) == [(1, 2)]
    for index in (1, 2):
        scene.world.put(ALICE, scene.upload.id, index, PARTS)
    file = scene.world.service.complete(ALICE, scene.upload.id, name="b.txt", total_size=1501)
    assert scene.world.read(ALICE, file.id) == b"".join(PARTS)


def test_bytes_without_a_record_are_not_deleted_at_once(scene: Scene) -> None:
    leave_chunks_without_a_record(scene)
    scene.world.fsck(fix=True)
    assert 0 < int(scene.call("TTL", KEYS.chunk("nobodys", 70))) <= 24 * 3600


def test_the_name_of_a_deleted_user_stays_reserved(scene: Scene) -> None:
    scene.world.fsck(fix=True)
    assert scene.call("HGET", ONE("users", "reserved"), "eve") == b"eve"


def test_what_dies_by_itself_is_no_finding(scene: Scene) -> None:
    scene.call("SET", KEYS.chunk("crashed", 0), b"x", "EX", 1000)
    scene.call("ZADD", INDEX("sessions", "expires"), now_ms() - 5, "died")
    scene.world.assert_sound()


def test_a_repair_that_meets_a_change_looks_again(scene: Scene) -> None:
    """The record changes between the second look and the commit: what is mended is what is right by then."""
    scene.call("ZREM", INDEX("files", "created"), scene.file.id)
    desk = Desk(scene.world.db, KEYS, ALICE, fix=True, tell=lambda *_: None)
    check = IndexCheck(desk, scene.world.files.collection)
    look, looks = check._look, []

    def look_then_change(record_id: str) -> Any:
        looks.append(record_id)
        found = look(record_id)
        if len(looks) == 1:
            scene.world.library.trash(ALICE, record_id)
        return found

    desk.examine(lambda: look_then_change(scene.file.id))
    assert len(looks) == 2
    scene.world.assert_sound()


@pytest.mark.real_only
def test_many_records_of_one_owner_need_several_batches(world: World) -> None:
    parts = [b"x"]
    for number in range(600):
        world.stored(ALICE, parts, f"{number:04}.txt")
    world.db.call("HINCRBY", KEYS.quota("alice"), "used", 1)
    report, found = world.fsck(fix=True)
    assert [one.invariant for one in found] == [Invariant.QUOTA]
    assert world.files.usage("alice") == (600, 0)
    assert report.checked[Invariant.INDEX] == 600
    world.assert_sound()


# --- while people work


@pytest.mark.real_only
def test_no_false_alarm_while_people_work(redis: Any) -> None:
    world, done = World.over(redis), Event()

    def work(name: str) -> int:
        chance, rounds, actor = random.Random(name), 0, person(name)  # noqa: S311
        mine = World.over(redis)
        while not done.is_set():
            mine.partly(actor, PARTS, 2)
            live_a_little(mine, chance.randrange(1000))
            rounds += 1
        return rounds

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work, name) for name in ("carol", "dave", "erin")]
        try:
            for _ in range(6):
                world.assert_sound()
        finally:
            done.set()
        assert all(worker.result() for worker in workers)
    world.assert_sound()


def test_progress_says_how_far_it_is(scene: Scene) -> None:
    steps: list[tuple[int, int]] = []
    Fsck(scene.world.db, KEYS).run(progress=lambda *step: steps.append(step))
    assert steps
    assert steps[-1][0] == steps[-1][1]
