"""`fsck` on each kind of server: it finds nothing where nothing is wrong, names each kind of damage, and repairs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backoffice.domain.maintenance import Invariant
from backoffice.domain.times import now_ms
from backoffice.stores.file_indexes import SHORT
from backoffice.stores.fsck import audit as log_check
from backoffice.stores.fsck import log_places
from backoffice.stores.log.log_index import pack, unpack
from backoffice.stores.records.compact_ids import compact
from tests.support.fsck import (
    INDEX,
    ONE,
    Scene,
    add_people,
    leave_chunks_without_a_record,
    live_a_little,
    lose_a_chunk_of_the_upload,
)
from tests.support.uploads import ALICE, KEYS, World

PLACES = pytest.mark.usefixtures("place")


@PLACES
@pytest.mark.cluster
def test_an_empty_store_is_sound(world: World) -> None:
    report, found = world.fsck()
    assert (report.left, found) == (0, [])


@PLACES
@pytest.mark.cluster
def test_a_random_history_leaves_nothing_to_find(world: World) -> None:
    add_people(world)
    live_a_little(world, 1)
    world.folders.create(ALICE, name="inner", parent=world.folders.create(ALICE, name="outer").id)
    world.assert_sound()
    report, _ = world.fsck()
    assert {one for one in Invariant if not report.checked[one]} <= {Invariant.UNIQUE}


# --- one kind of damage after the other


Damage = Callable[[Scene], Any]


def lose_words(scene: Scene) -> None:
    for word in ("a", "report"):
        scene.call("ZREM", INDEX("files", "words"), f"{word}\0{compact(scene.file.id)}")


def rename_behind_the_back(scene: Scene) -> None:
    scene.call("HSET", KEYS.record("files", scene.file.id), SHORT["name"], "other.txt")


def lose_the_record_of_a_user(scene: Scene) -> None:
    scene.call("DEL", KEYS.record("users", "bob"))


def trash_behind_the_back(scene: Scene) -> None:
    scene.call("HSET", KEYS.record("files", scene.file.id), "state", "trashed")


def shorten_a_chunk_of_the_upload(scene: Scene) -> None:
    scene.world.exchange(scene.upload.id, 0, b"short", kept=False)


def audit_index(scene: Scene) -> bytes:
    return KEYS.audit_index("object", f"file:{scene.file.id}")


def add_to_index(scene: Scene, key: bytes, entry: bytes) -> None:
    ids = unpack((scene.call("GET", key) or b"") + entry)
    scene.call("SET", key, b"".join(sorted(map(pack, ids))))


def misplace_audit_entries(scene: Scene) -> None:
    entry = scene.call("GETRANGE", audit_index(scene), 0, 7)
    add_to_index(scene, KEYS.audit_index("actor", "bob"), entry)


def disorder_audit_entries(scene: Scene) -> None:
    key = KEYS.audit_index("actor", "alice")
    text = scene.call("GET", key)
    scene.call("SET", key, text[8:24] + text[:8] + text[16:])


REPAIRABLE: list[tuple[Invariant, Damage]] = [
    (Invariant.INDEX, lambda it: it.call("ZREM", INDEX("files", "created"), compact(it.file.id))),
    (Invariant.INDEX, lambda it: it.call("DEL", INDEX("files", "size"))),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "size", "owner=alice"), 7, compact(it.file.id))),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "created"), 7, "nobody")),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "name"), 0, f"ghost.txt\0{compact(it.file.id)}")),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "tag", "red"), 7, compact(it.file.id))),
    (Invariant.INDEX, lambda it: it.call("ZADD", INDEX("files", "forgotten"), 7, compact(it.file.id))),
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
    (Invariant.CHUNK, lambda it: it.world.chunks.hold(it.file.id, 1, now_ms() + 1_000_000)),
    (Invariant.UPLOAD, lose_a_chunk_of_the_upload),
    (Invariant.UPLOAD, shorten_a_chunk_of_the_upload),
    (Invariant.UPLOAD, lambda it: it.call("HSET", KEYS.record("uploads", it.upload.id), "received", 3)),
    (Invariant.UPLOAD, lambda it: it.call("HSET", KEYS.record("uploads", it.upload.id), "bytes", 1)),
    (Invariant.ORPHAN, leave_chunks_without_a_record),
    (Invariant.ORPHAN, lambda it: it.world.exchange(it.file.id, 3, b"one too many", kept=True)),
    (Invariant.ORPHAN, lambda it: it.call("SET", KEYS.chunk_map("nobodys"), b"x" * 53)),
    (Invariant.AUDIT, lambda it: it.call("DEL", audit_index(it))),
    (Invariant.AUDIT, lambda it: it.call("DEL", KEYS.audit_index("actor", "alice"))),
    (Invariant.AUDIT, lambda it: add_to_index(it, KEYS.audit_index("actor", "alice"), pack("1-1"))),
    (Invariant.AUDIT, lambda it: it.call("APPEND", KEYS.audit_index("ip", "203.0.113.9"), "no id")),
    (Invariant.AUDIT, lambda it: it.call("APPEND", KEYS.audit_index("action", "file.create"), b"no id is")),
    (Invariant.AUDIT, misplace_audit_entries),
    (Invariant.AUDIT, disorder_audit_entries),
]


@pytest.mark.real_only
@pytest.mark.parametrize(("invariant", "damage"), REPAIRABLE)
def test_damage_is_found_named_and_repaired(scene: Scene, invariant: Invariant, damage: Damage) -> None:
    damage(scene)
    report, found = scene.world.fsck()
    assert invariant in {one.invariant for one in found}
    assert report.left == len(found)
    assert all(one.repairable for one in found), found

    report, found = scene.world.fsck(fix=True)
    assert (report.left, report.repaired.total()) == (0, len(found))
    scene.world.assert_sound()


OF_BYTES = {Invariant.CHUNK, Invariant.UPLOAD, Invariant.ORPHAN}


@pytest.mark.real_only
@pytest.mark.usefixtures("in_directory")
@pytest.mark.parametrize(("invariant", "damage"), [one for one in REPAIRABLE if one[0] in OF_BYTES])
def test_damage_to_bytes_in_a_directory_is_found_named_and_mended(
    scene: Scene, invariant: Invariant, damage: Damage
) -> None:
    test_damage_is_found_named_and_repaired(scene, invariant, damage)


@pytest.mark.real_only
@pytest.mark.parametrize("damage", [damage for invariant, damage in REPAIRABLE if invariant is Invariant.AUDIT])
def test_large_indexes_of_the_log_are_repaired_as_well(
    scene: Scene, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_check, "SMALL", 0)
    monkeypatch.setattr(log_check, "BATCH", 3)
    monkeypatch.setattr(log_places, "STRETCH", 2)
    damage(scene)
    report, found = scene.world.fsck()
    assert report.left
    assert all(one.repairable for one in found), found
    scene.world.fsck(fix=True)
    scene.world.assert_sound()


@PLACES
@pytest.mark.cluster
def test_all_damage_at_once_is_repaired_at_once(scene: Scene) -> None:
    for _, damage in reversed(REPAIRABLE):
        damage(scene)
    _, found = scene.world.fsck()
    assert {one.invariant for one in found} == {invariant for invariant, _ in REPAIRABLE}
    report, _ = scene.world.fsck(fix=True)
    assert report.left == 0
    scene.world.assert_sound()


def lose_half_of_the_map(scene: Scene) -> None:
    scene.call("SETRANGE", KEYS.chunk_map(scene.file.id), 53, b"\0" * 53)


def two_of_one_name(scene: Scene) -> None:
    scene.call("HSET", KEYS.record("users", "bob"), "email", "alice@example.org")
    scene.call("HDEL", ONE("users", "email"), "bob@example.org")


LOST: list[tuple[Invariant, Damage]] = [
    (Invariant.CHUNK, lambda it: it.world.lose(it.file.id, 1)),
    (Invariant.CHUNK, lambda it: it.world.exchange(it.file.id, 1, b"shorter", kept=True)),
    (Invariant.CHUNK, lambda it: it.call("DEL", KEYS.chunk_map(it.file.id))),
    (Invariant.CHUNK, lose_half_of_the_map),
    (Invariant.UNIQUE, two_of_one_name),
    (Invariant.RECORD, lambda it: it.call("HSET", KEYS.record("roles", "broken"), "version", 1)),
]


@PLACES
@pytest.mark.real_only
@pytest.mark.parametrize(("invariant", "damage"), LOST)
def test_what_only_a_backup_can_repair_is_said_each_time(scene: Scene, invariant: Invariant, damage: Damage) -> None:
    damage(scene)
    for fix in (False, True, True):
        report, found = scene.world.fsck(fix=fix)
        assert [one.invariant for one in found if not one.repairable] == [invariant]
        assert report.left
        assert report.lost.total() == 1
