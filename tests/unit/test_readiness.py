"""`/readyz?verbose` and what *Admin → System* shows, check by check: each is shown what it looks for."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.diagnosis import Verdict
from backoffice.domain.encryption import DirectoryKey, Encryption
from backoffice.domain.system import SCHEMA
from backoffice.errors import KeyMissing
from backoffice.stores import durability
from backoffice.stores.durability import RedisHealth
from backoffice.stores.keys import Keys
from tests.support.website import SHELL, Site, make_whole_site

SOUND: dict[str, Any] = {
    "maxmemory_policy": "noeviction",
    "used_memory": 10,
    "maxmemory": 100,
    "aof_enabled": 1,
    "role": "master",
}
Asked = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_whole_site(fake)


@pytest.fixture
def asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What is found, by check, of a store that says this of itself."""
    site.add_user("otto", "operator")
    headers = {"Authorization": f"Bearer {site.token('otto', 'system:read')}"}

    def ask(**facts: Any) -> dict[str, tuple[str, str]]:
        monkeypatch.setattr(durability, "server_info", lambda _db: SOUND | facts)
        answer = site.app.test_client().get("/readyz?verbose", headers=headers)
        assert answer.status_code == 200
        found = {one["check"]: (one["verdict"], one["text"]) for one in answer.json["checks"]}
        assert len(found) == len(answer.json["checks"])
        return found

    return ask


def test_of_a_sound_site_only_a_worker_is_missing_here(asked: Asked, site: Site) -> None:
    site.services.system.heartbeats.beat("here")
    found = asked()
    assert {check: one for check, one in found.items() if one[0] == Verdict.BAD} == {}
    assert set(found) == {
        *("eviction", "durability", "persistence", "replication"),
        *("memory", "room", "schema", "encryption", "workers"),
    }
    assert found["workers"][0] == Verdict.GOOD


@pytest.mark.parametrize(
    ("check", "facts", "verdict"),
    [
        ("eviction", {"maxmemory_policy": "allkeys-lru"}, Verdict.BAD),
        ("persistence", {"aof_last_write_status": "err"}, Verdict.BAD),
        ("persistence", {"rdb_last_bgsave_status": "err"}, Verdict.BAD),
        ("replication", {"role": "slave", "master_link_status": "down"}, Verdict.BAD),
        ("replication", {"role": "slave", "master_link_status": "up"}, Verdict.WARNING),
        ("memory", {"used_memory": 86}, Verdict.BAD),
        ("memory", {"maxmemory": 0}, Verdict.WARNING),
        ("durability", {}, Verdict.WARNING),  # the imitation has no append-only file
        ("workers", {}, Verdict.WARNING),
    ],
)
def test_what_the_store_says_of_itself(asked: Asked, check: str, facts: dict[str, Any], verdict: Verdict) -> None:
    assert asked(**facts)[check][0] == verdict


def test_no_room(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked()["room"][0] == Verdict.GOOD
    monkeypatch.setattr(RedisHealth, "room", lambda _self: False)
    assert asked()["room"][0] == Verdict.BAD


def test_records_of_a_later_version(asked: Asked, site: Site, fake: Redis) -> None:
    site.services.system.install("0.1.0")
    assert asked()["schema"] == (Verdict.GOOD, f"form {SCHEMA}")
    fake.hset(Keys().install, "schema", SCHEMA + 1)
    verdict, text = asked()["schema"]
    assert (verdict, "run the newer version" in text) == (Verdict.BAD, True)


def test_bytes_that_are_encrypted_by_a_key_that_is_not_here(asked: Asked, fake: Redis) -> None:
    assert asked()["encryption"] == (Verdict.GOOD, "off")
    wrapped = {"by": "0123456789abcdef", "key": b64encode(os.urandom(60)).decode(), "made_at": 1}
    fake.hset(Keys().data_keys, "1", json.dumps(wrapped))
    verdict, text = asked()["encryption"]
    assert (verdict, "0123456789abcdef" in text) == (Verdict.BAD, True)


def test_the_key_of_the_data_directory_is_told_of_beside_them(site: Site) -> None:
    def damaged() -> Encryption:
        raise KeyMissing("directory.key is damaged")

    known = Encryption(("0123456789abcdef",), (), DirectoryKey("0123456789abcdef", 1))
    for state, verdict, text in (
        (lambda: known, Verdict.GOOD, "one key; names and records by the file system"),
        (lambda: replace(known, site_keys=("another",)), Verdict.BAD, "The settings lack the key 0123456789abcdef"),
        (damaged, Verdict.BAD, "directory.key is damaged"),
    ):
        [found] = [
            one for one in replace(site.services.system, encryption=state).readable(SHELL) if one.topic == "encryption"
        ]
        assert found.verdict == verdict
        assert found.text.startswith(text)


def test_the_page_and_the_job_say_the_same(asked: Asked, site: Site, fake: Redis) -> None:
    asked()
    wrapped = {"by": "0123456789abcdef", "key": b64encode(os.urandom(60)).decode(), "made_at": 1}
    fake.hset(Keys().data_keys, "1", json.dumps(wrapped))
    page = site.signed_in("ada", "admin").get("/admin/system/").text
    assert "The settings lack the key 0123456789abcdef" in page
    [progress] = site.services.jobs.checks.kind("doctor").steps(SHELL)
    assert "encryption" in {one.topic for one in progress.report.findings if one.verdict == Verdict.BAD}
