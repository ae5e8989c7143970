"""`doctor`, check by check: each is shown what it looks for."""

from __future__ import annotations

import json
import secrets
import shutil
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backoffice.commands import doctor
from backoffice.domain import diagnosis
from backoffice.domain.diagnosis import Verdict
from backoffice.stores import durability
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from tests.support.commands import Run

Examine = Callable[[], dict[str, tuple[str, str]]]


@pytest.fixture
def examine(run: Run) -> Examine:
    """What `doctor` finds: by topic its verdict and text."""

    def examined() -> dict[str, tuple[str, str]]:
        status, out, _ = run("doctor")
        lines = [line for line in out.splitlines() if line]
        found = {line[8:].split(": ", 1)[0]: (line[:8].strip(), line[8:].split(": ", 1)[1]) for line in lines}
        assert status == int(any(verdict == Verdict.BAD for verdict, _ in found.values()))
        return found

    return examined


@contextmanager
def setting(real: Redis, **values: str) -> Iterator[None]:
    """The store with other settings for a while."""
    before = {name: real.config_get(name)[name] for name in values}
    for name, value in values.items():
        real.config_set(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            real.config_set(name, old)


@pytest.fixture
def info(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The store says something else of itself."""
    true = durability.server_info

    def says(**facts: Any) -> None:
        for module in (durability, doctor):
            monkeypatch.setattr(module, "server_info", lambda db: true(db) | facts)

    return says


def test_all_that_is_examined_is_sound(examine: Examine) -> None:
    found = examine()
    wanted = {"settings", "signing key", "proxy", "store", "persistence", "eviction", "bytes", "encryption"}
    assert found.keys() >= wanted | {"durability", "replicas", "memory", "clock", "workers", "user names"}
    bad = {topic: one for topic, one in found.items() if one[0] == Verdict.BAD}
    assert bad == {}


# --- configuration


def test_settings_that_are_wrong(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKOFFICE_CHUNK_SIZE", "many")
    verdict, text = examine()["settings"]
    assert verdict == Verdict.BAD
    assert "BACKOFFICE_CHUNK_SIZE" in text


def test_no_key_to_sign_with(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APP_SECRET_KEY")
    assert examine()["signing key"][0] == Verdict.BAD


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"BACKOFFICE_PUBLIC_URL": "https://files.example.org"}, "no proxy is trusted"),
        ({"BACKOFFICE_TRUSTED_PROXIES": "1"}, "BACKOFFICE_PUBLIC_URL is empty"),
        ({"BACKOFFICE_HOST": "192.0.2.1"}, "without TLS"),
    ],
)
def test_a_proxy_that_is_not_declared(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], said: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    verdict, text = examine()["proxy"]
    assert verdict == Verdict.WARNING
    assert said in text


# --- store


def test_a_store_that_evicts(examine: Examine, real: Redis) -> None:
    with setting(real, **{"maxmemory-policy": "allkeys-lru"}):
        verdict, text = examine()["eviction"]
    assert verdict == Verdict.BAD
    assert "noeviction" in text


@pytest.mark.parametrize(
    ("appendonly", "appendfsync", "verdict", "said"),
    [
        ("no", "always", Verdict.WARNING, "Turn appendonly on"),
        ("yes", "everysec", Verdict.WARNING, "appendfsync always"),
        ("yes", "always", Verdict.GOOD, "disk"),
    ],
)
def test_what_survives(
    examine: Examine, real: Redis, appendonly: str, appendfsync: str, verdict: Verdict, said: str
) -> None:
    with setting(real, appendonly=appendonly, appendfsync=appendfsync):
        found = examine()["durability"]
    assert found[0] == verdict
    assert said in found[1]


def test_memory_without_a_limit_and_memory_that_is_full(examine: Examine, real: Redis) -> None:
    with setting(real, maxmemory="0"):
        assert examine()["memory"][0] == Verdict.WARNING
    used = real.info("memory")["used_memory"]
    with setting(real, maxmemory=str(int(used * 1.1))):
        assert examine()["memory"][0] == Verdict.BAD


def test_a_server_that_is_too_old(examine: Examine, info: Callable[..., None]) -> None:
    info(server_name="redis", valkey_version=None, redis_version="6.2.14")
    verdict, text = examine()["store"]
    assert verdict == Verdict.BAD
    assert "redis 6.2.14 is too old" in text
    info(server_name="redis", valkey_version=None, redis_version="7.2.0")
    assert examine()["store"][0] == Verdict.GOOD


@pytest.mark.parametrize("fact", ["aof_last_write_status", "rdb_last_bgsave_status"])
def test_a_server_that_could_not_write(examine: Examine, info: Callable[..., None], fact: str) -> None:
    info(**{fact: "err"})
    assert examine()["persistence"][0] == Verdict.BAD


def test_replicas_that_are_missing(
    examine: Examine, info: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKOFFICE_REPLICAS", "2")
    verdict, text = examine()["replicas"]
    assert verdict == Verdict.BAD
    assert text.startswith("0 of 2")
    info(connected_slaves=2)
    assert examine()["replicas"][0] == Verdict.GOOD


def test_the_stores_clock(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Db.call

    def late(db: Db, *command: Any) -> Any:
        answer = call(db, *command)
        return (answer[0] - 60, answer[1]) if command == ("TIME",) else answer

    monkeypatch.setattr(Db, "call", late)
    verdict, text = examine()["clock"]
    assert verdict == Verdict.BAD
    assert "60 s away" in text


def test_a_clock_may_be_a_little_off() -> None:
    assert diagnosis.clock(-1.9).verdict is Verdict.GOOD
    assert diagnosis.clock(-2.1).verdict is Verdict.BAD


def key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


def test_keys_that_cannot_open_what_is_stored(examine: Examine, real: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examine()["encryption"] == (Verdict.GOOD, "off")
    monkeypatch.setenv("BACKOFFICE_ENCRYPTION_KEYS", key())
    assert examine()["encryption"] == (Verdict.GOOD, "one key")
    wrapped = {"by": "0123456789abcdef", "key": "AAAA", "made_at": 1}
    real.hset(Keys().data_keys, "1", json.dumps(wrapped))
    verdict, text = examine()["encryption"]
    assert verdict == Verdict.BAD
    assert "Bring the key back" in text


# --- disks


def test_a_disk_that_is_short(examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    usage = shutil.disk_usage(tmp_path)
    assert examine()["disk"][0] == Verdict.GOOD or usage.free < 2 * 1024**3
    monkeypatch.setattr(doctor, "free_bytes", lambda _root: 1024**3)
    assert examine()["disk"][0] == Verdict.WARNING
    monkeypatch.setattr(doctor, "shortage", lambda _root: "There is no room.")
    assert examine()["disk"][0] == Verdict.BAD


def test_bytes_that_are_elsewhere(examine: Examine, real: Redis) -> None:
    real.hset(Keys().install, "chunks", "file:somewhere")
    real.zadd(Keys().index("files", "created"), {"a": 1})
    assert examine()["bytes"][0] == Verdict.BAD


def test_without_a_worker(examine: Examine) -> None:
    assert examine()["workers"][0] == Verdict.WARNING
