"""Chunks encrypted at rest: what is in the store, who can read it, and what happens to what was there before."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.encryption import DirectoryKey, Encryption
from backoffice.domain.files import FileSpec
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.directory_key import DirectoryKeys
from backoffice.errors import ChunkConflict, ChunksMissing, Conflict, IntegrityError, KeyMissing
from backoffice.services.encryption import EncryptionCare
from backoffice.site_keys import SiteKeys
from backoffice.stores.encryption import sealing
from backoffice.stores.encryption.chunks import EncryptedChunks
from backoffice.stores.encryption.data_keys import DataKeys, stored_keys
from backoffice.stores.encryption.state import RedisEncryption, unreadable_reason
from backoffice.stores.log.audit import RedisAudit
from tests.support.chunks import SITE_KEYS, Place
from tests.support.database import database
from tests.support.sealed import OTHER, care, sealed_world
from tests.support.uploads import ALICE, KEYS, OPERATOR, World, plain_chunks, reader

SHELL = OPERATOR

CANARY = b"the canary sings in the mine at night"
PARTS = [CANARY * 40, os.urandom(1000), CANARY]
WHOLE = b"".join(PARTS)


@pytest.fixture
def world(redis: Any, place: Place) -> Any:
    yield from sealed_world(redis, place)


def raw(world: World, file_id: str, index: int = 0) -> bytes:
    value = plain_chunks(world.db).get(file_id, index)
    assert value is not None
    return value


def all_that_is_stored(world: World) -> bytes:
    """Every chunk's bytes, as they lie there."""
    chunks = plain_chunks(world.db)
    return b"".join(chunks.get(file_id, index) or b"" for file_id, index, _ in chunks.scan())


@pytest.mark.cluster
def test_nothing_of_a_file_can_be_read_in_the_store(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    small = world.service.upload_stream(ALICE, FileSpec("small.txt"), reader(CANARY), len(CANARY))
    assert (world.read(ALICE, file.id), world.read(ALICE, small.id)) == (WHOLE, CANARY)
    stored = all_that_is_stored(world)
    assert len(stored) >= len(WHOLE) + 3 * sealing.OVERHEAD
    assert CANARY[:12] not in stored
    assert world.files.usage(ALICE.id)[0] == file.size + small.size
    world.assert_sound()


def test_ranges_and_streams(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    opened = world.library.open(ALICE, file.id)
    for start, stop in ((0, 1), (len(PARTS[0]) - 3, len(PARTS[0]) + 5), (len(WHOLE) - 2, len(WHOLE))):
        assert b"".join(opened.read(start, stop)) == WHOLE[start:stop]


def test_what_was_stored_before_is_read_and_converted(redis: Any, place: Place) -> None:
    world = World.over(redis)
    old, under_way = world.stored(ALICE, PARTS), world.partly(ALICE, PARTS, 2)
    assert CANARY[:12] in all_that_is_stored(world)
    Place(place.directory, sealed=True).enter()
    try:
        world = World.over(redis)
        assert world.read(ALICE, old.id) == WHOLE
        world.put(ALICE, under_way.id, 1, PARTS)  # the same bytes once more: there are plain ones
        with pytest.raises(ChunkConflict):
            world.put(ALICE, under_way.id, 1, [PARTS[0], PARTS[1][::-1], PARTS[2]])
        world.assert_sound()
        assert list(care(world).steps(SHELL))[-1] == (5, 5)
        assert CANARY[:12] not in all_that_is_stored(world)
        assert list(care(world).steps(SHELL))[-1] == (5, 0)
        world.put(ALICE, under_way.id, 2, PARTS)
        spec = world.library.get(ALICE, old.id)
        assert world.read(ALICE, spec.id) == WHOLE
        world.assert_sound()
        [told] = [one.event for one in entries(world) if "chunks" in one.event["data"]]
        assert told["data"]["chunks"] == 5
    finally:
        place.enter()


def entries(world: World) -> Any:
    return RedisAudit(world.db, KEYS).page([("action", Actions.SYSTEM_ENCRYPT)], "", 20).items


def test_another_site_key_rewrites_no_chunk(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    before = raw(world, file.id)
    both = SiteKeys([OTHER, *SITE_KEYS.keys])
    assert care(world, both).rotate(SHELL) == 2
    assert raw(world, file.id) == before
    assert {one.wrapped_by for one in stored_keys(world.db, KEYS)} == {OTHER.name}
    alone = EncryptedChunks(plain_chunks(world.db), DataKeys(world.db, KEYS, SiteKeys([OTHER])))
    assert alone.get(file.id, 0) == PARTS[0]
    assert sealing.data_key_of(bytes(alone.sealed("x", b"x"))) == 2
    state = care(world, both).state(SHELL)
    assert state == Encryption((OTHER.name, SITE_KEYS.first.name), state.data_keys)
    assert [one.number for one in state.data_keys] == [1, 2]
    assert [one.event["data"]["data_key"] for one in entries(world)] == [2, 2, 1]


def test_the_key_of_the_data_directory_turns_with_them(world: World, tmp_path: Path) -> None:
    layout, both = Layout.at(tmp_path), SiteKeys([OTHER, *SITE_KEYS.keys])
    key = DirectoryKeys(layout, SITE_KEYS).make()
    encryption = replace(care(world, both), directory=DirectoryKeys(layout, both))
    before = encryption.state(SHELL).directory_key
    assert before == DirectoryKey(SITE_KEYS.first.name, before.made_at)
    encryption.rotate(SHELL)
    assert encryption.state(SHELL).directory_key == DirectoryKey(OTHER.name, before.made_at)
    assert DirectoryKeys(layout, SiteKeys([OTHER])).key() == key
    told = [one.event["data"] for one in entries(world)]
    assert {"directory": True, "site_key": OTHER.name} in told
    encryption.rotate(SHELL)  # it is wrapped by that one already
    assert len([one for one in entries(world) if "directory" in one.event["data"]]) == 1


def test_without_the_key_nothing_starts_and_nothing_is_read(world: World) -> None:
    file = world.stored(ALICE, PARTS)
    assert not unreadable_reason(world.db, KEYS, SITE_KEYS)
    told = unreadable_reason(world.db, KEYS, SiteKeys())
    assert SITE_KEYS.first.name in told
    assert "BACKOFFICE_ENCRYPTION_KEYS" in told
    assert unreadable_reason(world.db, KEYS, SiteKeys([OTHER])) == told
    chunks = EncryptedChunks(plain_chunks(world.db), DataKeys(world.db, KEYS, SiteKeys([OTHER])))
    with pytest.raises(KeyMissing):
        chunks.get(file.id, 0)
    with pytest.raises(KeyMissing):
        chunks.put("new", 0, b"x", 1)


def test_a_byte_that_was_flipped_anywhere_is_damage(world: World) -> None:
    file = world.stored(ALICE, [CANARY])
    whole = raw(world, file.id)
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        assert plain_chunks(world.db).replace(file.id, 0, bytes(damaged))
        with pytest.raises(IntegrityError):
            world.read(ALICE, file.id)
    assert plain_chunks(world.db).replace(file.id, 0, whole)
    assert world.read(ALICE, file.id) == CANARY


def test_chunks_that_changed_places_are_damage(world: World) -> None:
    file, other = world.stored(ALICE, PARTS), world.stored(ALICE, [b"other"], "b.txt")
    for first, second in (((file.id, 0), (file.id, 1)), ((file.id, 2), (other.id, 0))):
        chunks = plain_chunks(world.db)
        one, two = raw(world, *first), raw(world, *second)
        chunks.replace(*first, two)
        chunks.replace(*second, one)
        with pytest.raises(IntegrityError):
            world.read(ALICE, file.id)
        chunks.replace(*first, one)
        chunks.replace(*second, two)
    assert world.read(ALICE, file.id) == WHOLE


@pytest.fixture
def strict(redis: Any, place: Place) -> Any:
    """A site that has converted all, and says so."""
    Place(place.directory, sealed=True, only=True).enter()
    yield World.over(redis)
    place.enter()


def test_what_is_not_encrypted_is_refused_where_all_is(strict: World) -> None:
    """Though it is what the map tells of, by length and digests."""
    file = strict.stored(ALICE, PARTS)
    small = strict.service.upload_stream(ALICE, FileSpec("small.txt"), reader(CANARY), len(CANARY))
    assert (strict.read(ALICE, file.id), strict.read(ALICE, small.id)) == (WHOLE, CANARY)
    chunks = plain_chunks(strict.db)
    assert chunks.replace(file.id, 1, PARTS[1])
    assert chunks.replace(small.id, 0, CANARY)
    for file_id in (file.id, small.id):
        with pytest.raises(IntegrityError):
            strict.read(ALICE, file_id)
    with pytest.raises(IntegrityError):  # read by the commit that records it
        strict.library.open(ALICE, small.id, whole=True)
    assert {one.object.id for one in strict.fsck()[1]} == {file.id, small.id}


def test_what_is_not_encrypted_is_completed_by_nothing(strict: World) -> None:
    under_way = strict.partly(ALICE, PARTS, 2)
    assert plain_chunks(strict.db).replace(under_way.id, 1, PARTS[1])
    with pytest.raises(ChunksMissing):
        strict.service.complete(ALICE, under_way.id, FileSpec("a.bin"), total_size=len(WHOLE))


def test_what_is_refused_is_not_encrypted_either(strict: World) -> None:
    """Else the job would make what somebody has planted into what is believed."""
    sealer = EncryptedChunks(plain_chunks(strict.db), DataKeys(strict.db, KEYS, SITE_KEYS), only=True)
    encryption = EncryptionCare(RedisEncryption(strict.db, KEYS, SITE_KEYS, sealer), RedisAudit(strict.db, KEYS))
    assert encryption.state(SHELL).only
    with pytest.raises(Conflict, match="BACKOFFICE_ENCRYPTED_ONLY"):
        list(encryption.steps(SHELL))


def test_what_only_looks_like_ours_is_plain(redis: Any) -> None:
    """Bytes of a file from before that begin as a sealed chunk does."""
    world, chunks = World.over(redis), plain_chunks(database(redis))
    sealer = EncryptedChunks(chunks, DataKeys(world.db, KEYS, SITE_KEYS))
    for number, size in product((1, 7), (sealing.OVERHEAD - 1, sealing.OVERHEAD, 500)):
        value = (sealing.MAGIC + number.to_bytes(4, "big")).ljust(size, b"x")
        assert chunks.put("ff", size + number, value, 2**45)
        sealer.sealed("makes a data key", b"")
        assert sealer.get("ff", size + number) == value
        assert sealer.convert("ff", size + number)
        assert sealer.get("ff", size + number) == value


def test_no_nonce_and_no_key_comes_twice(redis: Any) -> None:
    world = World.over(redis)
    sealers = [EncryptedChunks(plain_chunks(world.db), DataKeys(world.db, KEYS, SITE_KEYS)) for _ in range(2)]
    sealed = [bytes(one.sealed(f"file {n % 50}", b"the same")) for one in sealers for n in range(2_000)]
    assert len({one[sealing._HEAD : sealing._BODY] for one in sealed}) == 4_000
    assert len({one[: sealing._HEAD] for one in sealed}) == 100
    assert len({one[sealing._BODY :] for one in sealed}) == 4_000


def test_a_stream_goes_on_in_its_tail(world: World) -> None:
    upload = world.service.create_stream(ALICE, size=len(WHOLE))
    for start, stop in ((0, 300), (300, 1700), (1700, len(WHOLE))):
        world.service.append(ALICE, upload.id, start, reader(WHOLE[start:stop]))
        world.assert_sound()
    file = world.service.complete(ALICE, upload.id, FileSpec("whole.txt"), total_size=len(WHOLE))
    assert world.read(ALICE, file.id) == WHOLE
    assert CANARY[:12] not in all_that_is_stored(world)
