"""What a site knows of itself: its workers, and how it was set up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from backoffice import __version__
from backoffice.commands import doctor
from backoffice.domain.actions import Actions
from backoffice.domain.permissions import Permissions
from backoffice.domain.system import SCHEMA, Installation
from backoffice.errors import Conflict, NotAllowed, WeakPassword
from backoffice.secret import Secret
from backoffice.services.system import System
from backoffice.settings import Settings
from backoffice.start import first_admin_notice, prepare_store
from backoffice.stores import heartbeat
from backoffice.stores.client import Db, connect
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.heartbeat import RedisHeartbeats
from backoffice.stores.installation import RedisInstallation
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.numbers import RedisNumbers
from tests.support.database import database
from tests.support.people import ROOT, anybody, event, everything_but
from tests.support.servers import Store
from tests.support.uploads import chunk_store
from tests.support.website import settings

KEYS = Keys("t")


def system(client: Any) -> System:
    db = database(client)
    return System(
        RedisHealth(db),
        RedisDurability(db, KEYS),
        chunk_store(db),
        RedisAudit(db, KEYS),
        RedisHeartbeats(db, KEYS),
        RedisInstallation(db, KEYS),
        RedisNumbers(db, KEYS),
        db.together,
    )


def installs(client: Any, keys: Keys = KEYS) -> list[Any]:
    log = RedisAudit(database(client), keys)
    return [entry.event for entry in log.page((("action", Actions.SYSTEM_INSTALL),), "", 100).items]


# --- workers


@pytest.mark.cluster
def test_the_workers_that_live_are_known_by_their_hosts(redis: Any) -> None:
    site = system(redis)
    assert site.workers(ROOT) == []
    for host in ("web-2", "web-1", "web-2"):
        site.heartbeats.beat(host)
    found = site.workers(ROOT)
    assert [one.host for one in found] == ["web-1", "web-2"]
    assert all(0 <= one.age_ms < 5_000 for one in found)
    redis.pexpire(KEYS.worker("web-1"), 18_000)  # as if its last word were twelve seconds ago
    [silent, _] = site.workers(ROOT)
    assert 12_000 <= silent.age_ms < 17_000
    redis.delete(KEYS.worker("web-2"))
    assert [one.host for one in site.workers(ROOT)] == ["web-1"]


def test_a_heartbeat_lasts_half_a_minute(redis: Any) -> None:
    RedisHeartbeats(database(redis), KEYS).beat("web-1")
    assert 0 < redis.ttl(KEYS.worker("web-1")) <= 30


def test_a_worker_that_is_silent_for_a_day_is_no_longer_asked_about(redis: Any) -> None:
    hearts = RedisHeartbeats(database(redis), KEYS)
    hearts.beat("web-1")
    before = redis.zscore(KEYS.workers, "web-1")
    redis.zadd(KEYS.workers, {"gone": before - heartbeat.LISTED_SECONDS - 60, "silent": before - 3600})
    hearts.beat("web-1")
    assert redis.zrange(KEYS.workers, 0, -1) == [b"silent", b"web-1"]


@pytest.mark.real_only
def test_a_worker_lives_also_when_memory_is_full(redis: Redis) -> None:
    hearts = RedisHeartbeats(database(redis), KEYS)
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] // 2)
    try:
        hearts.beat("web-1")
        assert [one.host for one in hearts.alive()] == ["web-1"]
    finally:
        redis.config_set("maxmemory", before)


def test_who_may_not_see_the_system_does_not_see_its_workers(fake: Redis) -> None:
    site = system(fake)
    assert site.workers(anybody(Permissions.SYSTEM_READ)) == []
    with pytest.raises(NotAllowed):
        site.workers(everything_but(Permissions.SYSTEM_READ))


def test_doctor_says_which_workers_live_and_warns_when_none_does(real: Redis) -> None:
    db, chosen = Db(real), settings(key_prefix="t")
    none = doctor._workers(db, chosen)
    assert none.verdict is doctor.Verdict.WARNING
    assert "`worker`" in none.text
    RedisHeartbeats(db, KEYS).beat("web-1")
    some = doctor._workers(db, chosen)
    assert (some.verdict, some.text) == (doctor.Verdict.GOOD, "web-1 (0 s ago)")
    assert doctor._workers(db, settings(key_prefix="other")).verdict is doctor.Verdict.WARNING


# --- installation


def test_the_note_of_the_installation_and_its_event_are_one_commit(redis: Any) -> None:
    site = system(redis)
    site.install("1.2.3")
    found = site.installation.get()
    assert found is not None
    assert (found.version, found.schema) == ("1.2.3", SCHEMA)
    assert redis.hgetall(KEYS.install) == {
        b"created_at": str(found.created_at).encode(),
        b"version": b"1.2.3",
        b"schema": b"1",
    }
    [noted] = installs(redis)
    assert noted["data"] == {"version": "1.2.3", "schema": 1}
    assert noted["actor"] == {"id": "system-setup", "name": "setup", "via": "system"}


def test_the_note_is_written_once_whatever_starts_later(redis: Any) -> None:
    site = system(redis)
    site.install("1.0")
    first = site.installation.get()
    site.install("2.0")
    assert site.installation.get() == first
    assert len(installs(redis)) == 1
    with pytest.raises(Conflict):
        site.installation.insert(Installation(1, "3.0"), event(Actions.SYSTEM_INSTALL))
    assert site.installation.get() == first
    assert len(installs(redis)) == 1


def test_a_store_whose_hash_has_a_field_of_the_barrier_alone_gets_the_note(redis: Any) -> None:
    redis.hset(KEYS.install, "barrier", 1)
    site = system(redis)
    assert site.installation.get() is None
    site.install("1.0")
    assert redis.hkeys(KEYS.install) == [b"barrier", b"created_at", b"version", b"schema"]
    assert len(installs(redis)) == 1


@pytest.mark.one_server
@pytest.mark.real_only
def test_many_processes_that_start_at_once_write_one_note(redis: Redis, store_server: Store) -> None:
    many = 12
    barrier = threading.Barrier(many)

    def start(number: int) -> None:
        with connect(store_server.url, store_server.password) as client:
            site = system(client)
            assert site.installation.get() is None
            barrier.wait(30)
            site.install(f"1.{number}")

    with ThreadPoolExecutor(many) as pool:
        list(pool.map(start, range(many)))
    [noted] = installs(redis)
    found = RedisInstallation(Db(redis), KEYS).get()
    assert found is not None
    assert noted["data"]["version"] == found.version


def chosen_for(server: Store, **more: Any) -> Settings:
    return settings(redis_url=server.url, redis_password=Secret(server.password), **more)


@pytest.mark.real_only
def test_a_start_notes_the_installation_before_anything_else(redis: Redis, store_server: Store) -> None:
    chosen = chosen_for(store_server, admin_users=("root",))
    first_admin_notice(chosen)
    first_admin_notice(chosen)
    prepare_store(chosen, redis)
    log = RedisAudit(Db(redis), Keys())
    assert log.page((), "", 100).items[-1].event["action"] == Actions.SYSTEM_INSTALL
    [noted] = installs(redis, Keys())
    assert noted["data"]["version"] == __version__


@pytest.mark.real_only
@pytest.mark.usefixtures("redis")
def test_a_start_says_which_setting_has_a_weak_password(store_server: Store) -> None:
    with pytest.raises(WeakPassword, match="BACKOFFICE_ADMIN_PASSWORD: This password"):
        first_admin_notice(chosen_for(store_server, admin_password=Secret("Summer2026")))


@pytest.mark.one_server
@pytest.mark.real_only
def test_a_store_that_is_full_can_be_started_all_the_same(redis: Redis, store_server: Store) -> None:
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] // 2)
    try:
        prepare_store(chosen_for(store_server), redis)
    finally:
        redis.config_set("maxmemory", before)
    assert installs(redis, Keys()) == []
    prepare_store(chosen_for(store_server), redis)
    assert len(installs(redis, Keys())) == 1
