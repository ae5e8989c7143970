"""Data keys: one for all processes, and who has one waits for nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from backoffice.errors import KeyMissing
from backoffice.site_keys import KMS, LocalKey, SiteKeys
from backoffice.stores.encryption import data_keys
from backoffice.stores.encryption.data_keys import LOOK_SECONDS, DataKeys, WrappedKey, stored_keys
from backoffice.stores.encryption.state import unreadable_reason
from tests.support.chunks import SITE_KEYS, Place
from tests.support.database import database
from tests.support.sealed import OTHER, care, sealed_world
from tests.support.uploads import ALICE, KEYS, OPERATOR, World


@pytest.fixture
def world(redis: Any, place: Place) -> Any:
    yield from sealed_world(redis, place)


@pytest.mark.real_only
def test_processes_that_begin_at_once_have_one_data_key(redis: Any) -> None:
    def begin(_: int) -> int:
        return DataKeys(database(redis), KEYS, SITE_KEYS).newest()[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(begin, range(8))) == {1}
    assert len(stored_keys(database(redis), KEYS)) == 1


def test_where_a_program_wraps_and_is_not_set_that_is_what_is_said(world: World) -> None:
    world.stored(ALICE, [b"a" * 50])
    service = LocalKey(bytes(range(2, 34)))
    service.name = KMS
    care(world, SiteKeys([service, SITE_KEYS.first])).rotate(OPERATOR)
    assert not unreadable_reason(world.db, KEYS, SiteKeys([service]))
    assert "BACKOFFICE_KMS_COMMAND" in unreadable_reason(world.db, KEYS, SITE_KEYS)


def test_where_a_newer_key_cannot_be_opened_writing_goes_on_and_looks_seldom(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, looks, now = DataKeys(world.db, KEYS, SITE_KEYS), list[int](), [1000.0]
    monkeypatch.setattr(data_keys.time, "monotonic", lambda: now[0])
    assert keys.newest()[0] == 1
    assert care(world, SiteKeys([OTHER, SITE_KEYS.first])).rotate(OPERATOR) == 2
    monkeypatch.setattr(keys, "stored", lambda: looks.append(1) or stored_keys(world.db, KEYS))
    now[0] += LOOK_SECONDS
    assert [keys.newest()[0] for _ in range(3)] == [1, 1, 1]
    assert len(looks) == 1
    with pytest.raises(KeyMissing):
        DataKeys(world.db, KEYS, SITE_KEYS).newest()


def test_who_knows_a_key_does_not_wait_for_a_service_that_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, asked, hangs = DataKeys(world.db, KEYS, SITE_KEYS), Event(), Event()
    keys.newest()
    care(world).rotate(OPERATOR)
    known = keys.unwrap

    def unwrap(one: WrappedKey) -> bytes:
        asked.set()
        assert hangs.wait(10)
        return known(one)

    monkeypatch.setattr(keys, "unwrap", unwrap)
    monkeypatch.setattr(data_keys, "LOOK_SECONDS", 0.0)
    with ThreadPoolExecutor(3) as pool:
        looks = pool.submit(keys.newest)
        assert asked.wait(10)
        try:
            assert pool.submit(lambda: keys.get(1) is not None).result(5)
            assert pool.submit(lambda: keys.newest()[0]).result(5) == 1
        finally:
            hangs.set()
        assert looks.result(10)[0] == 2
