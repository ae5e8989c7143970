"""What the stores of uploads and files promise, on each kind of server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent, ObjectRef
from backoffice.domain.files import File, FileSpec, FileState, OnConflict
from backoffice.domain.times import now_ms
from backoffice.domain.uploads import ENTRY_SIZE, UNKNOWN, Chunk, ChunkStat, Upload, UploadState
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    ChunksMissing,
    Completing,
    IntegrityError,
    NameTaken,
    NotFound,
    QuotaExceeded,
    TooLarge,
    TooMany,
    UploadClosed,
    VersionMismatch,
)
from backoffice.services.uploads.chunks import GRACE_SECONDS
from backoffice.stores import uploads as upload_store
from backoffice.stores.log.audit import RedisAudit
from tests.support.chunks import Place
from tests.support.uploads import ALICE, KEYS, LIMITS, World

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("place")]

PARTS, CONTENT = [b"a" * 1000, b"b" * 500], b"a" * 1000 + b"b" * 500
CHUNK, OTHER = Chunk(1000, b"x" * 16, b"s" * 32), Chunk(500, b"y" * 16)
EVENT = AuditEvent(Actions.UPLOAD_START, ALICE, ObjectRef("file", "u"))
HOUR = 3_600_000


@pytest.fixture
def upload(world: World) -> Upload:
    now = now_ms()
    made = Upload("u", "alice", now, now + HOUR, now + 2 * HOUR, size=1500, total_chunks=2, reserved=1500)
    world.uploads.insert(made, 5, 2000, EVENT, adds=True)
    return made


def mark(world: World, upload: Upload, *chunks: tuple[int, Chunk], largest: int = 10_000, quota: int = 2000) -> Upload:
    return world.uploads.mark(upload, chunks, expires_at=upload.expires_at + 1, largest=largest, quota=quota)


def a_file(upload: Upload, name: str = "a.txt") -> File:
    return File(upload.id, name, 1500, "text/plain", "alice", now_ms(), 2)


def complete(world: World, upload: Upload, token: str) -> File:
    leased = world.uploads.get(upload.id)
    assert leased is not None
    options: Any = {"on_conflict": OnConflict.RENAME, "into": None, "event": EVENT}
    return world.uploads.complete(leased, token, a_file(upload), (), **options)


# --- uploads


def test_an_upload_comes_back_as_it_was_put(world: World, upload: Upload) -> None:
    assert world.uploads.get("u") == upload
    assert world.files.usage("alice") == (0, 1500)


@pytest.mark.parametrize(
    ("changed", "error"),
    [({"id": "v", "reserved": 501}, QuotaExceeded), ({"id": "v", "reserved": 0}, TooMany)],
)
def test_an_upload_over_a_limit_leaves_nothing(
    world: World, upload: Upload, changed: dict[str, Any], error: type[BackofficeError]
) -> None:
    with pytest.raises(error):
        world.uploads.insert(replace(upload, **changed), 1 if error is TooMany else 5, 2000, EVENT, adds=True)
    assert world.uploads.get("v") is None
    assert world.files.usage("alice") == (0, 1500)
    world.assert_sound()


def test_marks_add_up_and_repeat_without_effect(world: World, upload: Upload) -> None:
    mark(world, upload, (1, OTHER))
    for _ in range(2):
        marked = mark(world, upload, (0, CHUNK), (1, OTHER))
        assert (marked.received, marked.bytes) == (2, 1500)
    assert world.uploads.chunk_map("u", 2).chunks == (CHUNK, OTHER)
    assert world.uploads.extent("u") == 2
    assert world.uploads.get("u") == marked
    assert [one.id for one in world.uploads.due(upload.expires_at, 9)] == []
    assert [one.id for one in world.uploads.due(upload.expires_at + 1, 9)] == ["u"]


@pytest.mark.parametrize(
    ("index", "chunk", "largest", "error"),
    [
        (0, OTHER, 10_000, ChunkConflict),
        (1, Chunk(501, b"z" * 16), 10_000, TooLarge),
        (1, OTHER, 1499, TooLarge),
    ],
)
def test_a_refused_mark_changes_nothing(
    world: World, upload: Upload, index: int, chunk: Chunk, largest: int, error: type[BackofficeError]
) -> None:
    before = mark(world, upload, (0, CHUNK))
    with pytest.raises(error):
        mark(world, upload, (index, chunk), largest=largest)
    assert world.uploads.get("u") == before
    assert world.uploads.chunk_map("u", 2).chunks == (CHUNK, None)


def test_an_upload_of_unknown_size_takes_its_quota_as_it_grows(world: World) -> None:
    made = Upload("w", "alice", now := now_ms(), now + HOUR, now + HOUR, total_chunks=2)
    world.uploads.insert(made, 5, 1400, EVENT, adds=True)
    mark(world, made, (0, CHUNK), quota=1400)
    assert world.files.usage("alice") == (0, 1000)
    with pytest.raises(QuotaExceeded) as caught:
        mark(world, made, (1, OTHER), quota=1400)
    assert world.files.usage("alice") == (0, 1000)
    assert caught.value.details == {"limit": 1400}
    assert made.size == UNKNOWN


def test_unmarking_makes_room_for_the_same_chunk_again(world: World, upload: Upload) -> None:
    mark(world, upload, (0, CHUNK), (1, OTHER))
    for _ in range(2):
        world.uploads.unmark(upload, [1])
    assert world.uploads.chunk_map("u", 2).missing == [(1, 1)]
    marked = mark(world, upload, (1, OTHER))
    assert (marked.received, marked.bytes) == (2, 1500)


def test_one_lease_at_a_time(world: World, upload: Upload) -> None:
    with pytest.raises(ChunksMissing) as caught:
        world.uploads.lease(upload.id, upload.owner, "one", 60)
    assert caught.value.details["missing"] == [(0, 1)]
    mark(world, upload, (0, CHUNK), (1, OTHER))
    for _ in range(2):
        world.uploads.lease(upload.id, upload.owner, "one", 60)
    with pytest.raises(Completing):
        world.uploads.lease(upload.id, upload.owner, "two", 60)
    with pytest.raises(UploadClosed):
        mark(world, upload, (0, CHUNK))
    world.uploads.release(upload.id, "two")
    assert (found := world.uploads.get("u")) is not None
    assert found.state is UploadState.COMPLETING
    world.uploads.release(upload.id, "one")
    world.uploads.lease(upload.id, upload.owner, "two", 60)


def test_a_lease_that_ended_is_taken_over_and_its_holder_cannot_commit(
    world: World, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(world, upload, (0, CHUNK), (1, OTHER))
    world.uploads.lease(upload.id, upload.owner, "slow", 60)
    monkeypatch.setattr(upload_store, "now_ms", lambda: now_ms() + 61_000)
    world.uploads.lease(upload.id, upload.owner, "quick", 60)
    with pytest.raises(Completing):
        complete(world, upload, "slow")
    assert complete(world, upload, "quick").name == "a.txt"
    assert world.uploads.get("u") is None
    assert world.files.usage("alice") == (1500, 0)


def test_a_live_lease_keeps_an_upload_from_being_given_up(world: World, upload: Upload) -> None:
    mark(world, upload, (0, CHUNK), (1, OTHER))
    world.uploads.lease(upload.id, upload.owner, "one", 60)
    leased = world.uploads.get("u")
    assert leased is not None
    with pytest.raises(Completing):
        world.uploads.abort(leased, EVENT)
    with pytest.raises(Completing):
        world.uploads.abort(upload, EVENT)


def test_an_upload_given_up_waits_for_collection_and_releases_its_quota_once(world: World, upload: Upload) -> None:
    aborted = world.uploads.abort(upload, EVENT)
    assert world.uploads.aborted(9) == [aborted]
    assert world.files.usage("alice") == (0, 1500)
    with pytest.raises(UploadClosed):
        mark(world, upload, (0, CHUNK))
    for _ in range(2):
        world.uploads.forget(aborted)
    assert world.files.usage("alice") == (0, 0)
    with pytest.raises(NotFound):
        mark(world, upload, (0, CHUNK))
    world.assert_sound()


def test_scripts_are_sent_again_after_the_server_forgot_them(world: World, upload: Upload) -> None:
    world.db.client.script_flush()
    assert mark(world, upload, (0, CHUNK)).received == 1


# --- files


def test_a_file_gets_what_arrives_under_its_name_and_keeps_what_it_held(world: World) -> None:
    old = world.stored(ALICE, PARTS, "A.txt")
    new = world.stored(ALICE, [b"new"], "a.TXT", on_conflict=OnConflict.REPLACE)
    assert (new.id, new.name, new.size) == (old.id, "A.txt", 3)
    assert world.files.get(old.id) == new
    assert world.read(ALICE, old.id) == b"new"
    [earlier] = world.files.versions(new)
    assert (earlier.state, earlier.content_id, earlier.size) == (FileState.VERSION, old.id, 1500)
    with pytest.raises(NameTaken):
        world.stored(ALICE, PARTS, "A.txt", on_conflict=OnConflict.FAIL)


def test_a_change_of_an_older_version_is_refused(world: World) -> None:
    old = world.stored(ALICE, PARTS)
    new = world.files.rename(old, "b.txt", EVENT)
    assert new.version == old.version + 1
    for change in (
        lambda: world.files.rename(old, "c.txt", EVENT),
        lambda: world.files.set_digest(old, b"\x00", EVENT),
        lambda: world.files.trash(old, 1, EVENT),
        lambda: world.files.purge(old, EVENT),
    ):
        with pytest.raises(VersionMismatch):
            change()
    assert world.files.get(old.id) == new


def test_a_purged_file_releases_its_quota_once_and_only_after_its_bytes(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    [gone] = world.files.purge(file, EVENT)
    assert world.files.purged(9) == [gone]
    assert world.files.usage("alice") == (1500, 0)
    assert world.chunks.delete(file.id, 2) == 2
    for _ in range(2):
        world.files.forget(gone)
    assert world.files.usage("alice") == (0, 0)
    world.assert_sound()


# --- chunks


def test_chunks_of_an_upload_are_held_and_chunks_of_a_file_are_kept(world: World) -> None:
    coming = world.partly(ALICE, PARTS, 1)
    file = world.stored(ALICE, PARTS)
    assert world.chunks.stat(coming.id, [0, 1]) == [ChunkStat(1000, kept=False), None]
    assert world.chunks.stat(file.id, [0, 1]) == [ChunkStat(1000, kept=True), ChunkStat(500, kept=True)]


def test_the_worker_frees_what_is_held_past_its_time(world: World) -> None:
    upload, file = world.partly(ALICE, PARTS, 2), world.stored(ALICE, PARTS)
    world.service.cleanup.sweep()
    assert world.chunks.get(upload.id, 1) == PARTS[1]
    world.clock.forward(LIMITS.upload_max_seconds + GRACE_SECONDS + 1)
    assert not world.service.cleanup.sweep()
    # Redis does it by itself, by its own clock.
    in_redis = Place.current.directory is None
    assert world.chunks.get(upload.id, 1) == (PARTS[1] if in_redis else None)
    assert world.read(ALICE, file.id) == CONTENT


# A request that stored a chunk is slow to note it. Meanwhile its client repeats it and completes the upload: the slow
# request finds no upload any more, and must not take back a chunk that belongs to a file by now.
def test_a_request_that_comes_too_late_takes_nothing_from_the_file(
    world: World, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, quick = world.partly(ALICE, PARTS, 1), World.over(redis)
    noting = world.uploads._script

    def late(op: str, *args: Any, **options: Any) -> Any:
        if op in {"mark", "store"} and quick.files.get(upload.id) is None:
            quick.put(ALICE, upload.id, 1, PARTS)
            quick.service.complete(ALICE, upload.id, FileSpec("a.txt"), total_size=len(CONTENT))
        return noting(op, *args, **options)

    monkeypatch.setattr(world.uploads, "_script", late)
    with pytest.raises(NotFound):
        world.put(ALICE, upload.id, 1, PARTS)
    assert quick.read(ALICE, upload.id) == CONTENT
    world.assert_sound()


# The same in a completion that is repeated: the upload is there no more.
def test_a_repeated_completion_that_is_overtaken_gives_the_same_answer(
    world: World, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, quick = world.partly(ALICE, PARTS, 2), World.over(redis)
    leasing = world.uploads.lease

    def late(upload_id: str, *args: Any) -> Any:
        quick.service.complete(ALICE, upload_id, FileSpec("a.txt"), total_size=len(CONTENT))
        return leasing(upload_id, *args)

    monkeypatch.setattr(world.uploads, "lease", late)
    file = world.service.complete(ALICE, upload.id, FileSpec("a.txt"), total_size=len(CONTENT))
    assert file == quick.files.get(upload.id)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_file_whose_list_of_chunks_lost_some_is_damaged_and_not_shorter(redis: Any, world: World, kept: int) -> None:
    file = world.stored(ALICE, [b"x" * 10, b"y" * 10, b"z" * 10])
    key = KEYS.chunk_map(file.id)
    redis.set(key, redis.get(key)[: kept * ENTRY_SIZE])
    for start, stop in ((0, None), (0, 5), (25, 30)):
        with pytest.raises(IntegrityError):
            b"".join(world.library.open(ALICE, file.id).read(start, stop))
    [event] = RedisAudit(world.db, KEYS).page([("action", Actions.FILE_DAMAGED)], "", 10).items
    assert event.event["object"]["id"] == file.id
