"""A store remembers where the bytes of its files lie, and nobody looks for them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backoffice import app as composition
from backoffice.app import create_app
from backoffice.errors import Unavailable
from backoffice.secret import Secret
from backoffice.settings import ChunkPlace, Settings, SettingsError
from backoffice.start import check_store
from backoffice.stores.chunks.in_use import FIELD, wrong_place_reason
from tests.support.servers import Store
from tests.support.uploads import ALICE, KEYS, World
from tests.support.website import settings

PARTS = [b"a" * 1000]


def reason(world: World, directory: Path | None) -> str:
    return wrong_place_reason(world.db, KEYS, directory)


def recorded(world: World) -> bytes | None:
    return world.db.call("HGET", KEYS.install, FIELD)  # type: ignore[no-any-return]


def test_a_new_store_takes_what_it_is_given_and_keeps_to_it(world: World, tmp_path: Path) -> None:
    first = tmp_path / "deep" / "first"
    for _ in range(2):
        assert reason(world, first) == ""
    assert recorded(world) == b"file:" + (first / "id").read_bytes()
    assert sorted(one.name for one in first.iterdir()) == ["held", "id", "kept", "tmp"]
    assert (first.stat().st_mode & 0o777, (first / "id").stat().st_mode & 0o777) == (0o700, 0o600)
    assert list((first / "tmp").iterdir()) == []


def test_a_store_from_before_there_was_a_choice_has_its_bytes_in_redis(world: World, tmp_path: Path) -> None:
    world.partly(ALICE, PARTS, 1)
    assert "in Redis" in reason(world, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert recorded(world) is None
    assert reason(world, None) == ""
    assert recorded(world) == b"redis"


@pytest.mark.parametrize("end", ["ready", "trashed", "coming"])
def test_with_files_the_place_stays(world: World, tmp_path: Path, end: str) -> None:
    assert reason(world, tmp_path / "one") == ""
    if end == "coming":
        world.partly(ALICE, PARTS, 1)
    else:
        file = world.stored(ALICE, PARTS)
    if end == "trashed":
        world.library.trash(ALICE, file.id)
    identity = (tmp_path / "one" / "id").read_text()
    for other in (None, tmp_path / "two"):
        told = reason(world, other)
        assert told.startswith("BACKOFFICE_CHUNKS is ")
        assert identity in told
    (tmp_path / "one").rename(tmp_path / "moved")
    assert reason(world, tmp_path / "moved") == ""


def test_without_files_it_may_change(world: World, tmp_path: Path) -> None:
    assert reason(world, tmp_path / "one") == ""
    file = world.stored(ALICE, PARTS)
    assert reason(world, None)
    world.library.purge(ALICE, file.id)
    assert reason(world, None) == ""
    assert reason(world, tmp_path / "two") == ""


def test_a_directory_that_cannot_be_used_is_one_clear_line(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    told = reason(world, tmp_path / "file" / "below")
    assert (told.count("\n"), "cannot be used" in told) == (0, True)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "id").write_text("../../etc")
    assert "not one of ours" in reason(world, tmp_path / "odd")


@pytest.mark.one_server
@pytest.mark.real_only
def test_a_full_store_still_starts(redis: Redis) -> None:
    world = World.over(redis)
    before = redis.config_get("maxmemory")["maxmemory"]
    redis.config_set("maxmemory", 1)
    try:
        assert reason(world, None) == ""
    finally:
        redis.config_set("maxmemory", before)
    assert recorded(world) is None


def chosen(store_server: Store, directory: Path | None) -> Settings:
    return settings(
        redis_url=store_server.url,
        redis_password=Secret(store_server.password),
        key_prefix=KEYS.prefix,
        chunks=ChunkPlace(directory),
    )


def test_the_start_is_refused(real: Redis, store_server: Store, tmp_path: Path) -> None:
    check_store(chosen(store_server, tmp_path / "one"), real)
    World.over(real).stored(ALICE, PARTS)
    for start in (lambda it: check_store(it, real), create_app):
        with pytest.raises(SettingsError, match="is it mounted"):
            start(chosen(store_server, None))


def test_a_web_process_that_started_without_its_store_asks_when_that_is_back(
    real: Redis, store_server: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_store(chosen(store_server, tmp_path / "one"), real)
    World.over(real).stored(ALICE, PARTS)
    check, answers = check_store, list[Unavailable]()

    def away(*args: Any) -> None:
        if answers:
            raise answers.pop()
        check(*args)

    monkeypatch.setattr(composition, "check_store", away)
    for directory, then in ((None, 503), (tmp_path / "one", 200)):
        answers.append(Unavailable())
        client = create_app(chosen(store_server, directory)).test_client()
        assert client.get("/livez").status_code == 200
        answers.append(Unavailable())
        assert client.get("/login").status_code == 503
        assert [client.get(path).status_code for path in ("/login", "/login", "/readyz")] == [then] * 3
