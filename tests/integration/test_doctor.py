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
from backoffice.domain.system import SCHEMA
from backoffice.embedded.append_only_log import remember
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import Running, announce
from backoffice.stores import durability
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from tests.support.commands import Run
from tests.support.servers import free_ports

Examine = Callable[[], dict[str, tuple[str, str]]]


@pytest.fixture
def examine(run: Run) -> Examine:
    """What `doctor` finds: by topic its verdict and text."""

    def examined() -> dict[str, tuple[str, str]]:
        status, out, _ = run("doctor")
        lines = [line for line in out.splitlines() if line[:8].strip() in set(Verdict)]
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
    wanted = {"settings", "signing key", "proxy", "store", "persistence", "eviction", "bytes", "encryption", "schema"}
    assert found.keys() >= wanted | {
        "durability",
        "replicas",
        "memory",
        "clock",
        "workers",
        "user names",
        "administrators",
    }
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
    info(connected_slaves=2, replicas_near=2)
    assert examine()["replicas"][0] == Verdict.GOOD
    info(connected_slaves=3, replicas_near=2)
    verdict, text = examine()["replicas"]
    assert verdict == Verdict.WARNING
    assert "1 connected, but silent" in text


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


def test_a_store_that_is_away_and_one_that_knows_another_password(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "another-one-than-the-store-has")
    verdict, text = examine()["store"]
    assert verdict == Verdict.BAD
    assert "another-one" not in text
    [nobody] = free_ports(1)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{nobody}/0")
    found = examine()
    assert found["store"][0] == Verdict.BAD
    assert "memory" not in found


def test_a_store_that_a_later_version_has_changed(examine: Examine, real: Redis) -> None:
    assert examine()["schema"] == (Verdict.GOOD, f"form {SCHEMA}")
    real.hset(Keys().install, "schema", SCHEMA + 1)
    verdict, text = examine()["schema"]
    assert verdict == Verdict.BAD
    assert "run the newer version" in text


def test_a_store_that_is_being_restored(examine: Examine, real: Redis) -> None:
    assert "restore" not in examine()
    real.set(Keys().restoring, "archive")
    assert examine()["restore"][0] == Verdict.BAD


def test_user_names_of_before_that_look_alike(examine: Examine, real: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, text = examine()["user names"]
    assert (verdict, "A worker sees to that" in text) == (Verdict.WARNING, True)
    monkeypatch.setattr(doctor, "looks_are_known", lambda _db, _keys: True)
    assert examine()["user names"] == (Verdict.GOOD, "no two look alike")
    monkeypatch.setattr(doctor, "lookalikes", lambda _db, _keys: 2)
    assert examine()["user names"][0] == Verdict.WARNING


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


def test_a_site_that_does_not_answer(examine: Examine, tmp_path: Path) -> None:
    assert "site" not in examine()
    layout = Layout.at(tmp_path / "data")
    layout.prepare()
    [nobody] = free_ports(1)
    announce(layout, Running(1, f"http://127.0.0.1:{nobody}", ""))
    verdict, text = examine()["site"]
    assert verdict == Verdict.BAD
    assert "Look at what `up` says" in text


def test_nothing_runs_and_what_the_store_wrote_is_gone(
    examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REDIS_URL")
    found = examine()
    assert (found["store"][0], "manage.py up" in found["store"][1], "data" in found) == (Verdict.BAD, True, False)
    layout = Layout.at(tmp_path / "data")
    layout.prepare()
    remember(layout)  # it has run here, and nothing of it is left
    assert examine()["data"][0] == Verdict.BAD
