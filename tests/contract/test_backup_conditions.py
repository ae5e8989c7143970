"""Backups under conditions: a full store, a log that is trimmed meanwhile, a broken connection, a cluster, a later
version."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.cluster import ClusterNode, RedisCluster

from backoffice.errors import BackofficeError, Conflict, StoreFull, Unavailable
from backoffice.stores.backup import snapshot
from backoffice.stores.backup.collect import ATTEMPTS
from backoffice.stores.backup.output import Output
from backoffice.stores.backup.tar import Part
from backoffice.stores.backup.tracked import Tracked
from backoffice.stores.client import Db, connect
from backoffice.stores.cluster import primaries
from backoffice.stores.log import archive
from tests.support.backups import (
    KEYS,
    SHELL,
    Site,
    actor,
    all_of,
    assert_readable,
    assert_same,
    emptied,
    furnish,
    person,
    site_over,
    store_file,
)
from tests.support.log_archive import Log
from tests.support.sentinel import run_sentinel

pytestmark = pytest.mark.real_only


def test_a_full_store_is_backed_up(redis: Any, site: Site, target: Site, tmp_path: Path) -> None:
    bytes_of = furnish(site)
    servers = primaries(redis) if isinstance(redis, RedisCluster) else [redis]
    before = [one.config_get("maxmemory")["maxmemory"] for one in servers]
    for one in servers:
        one.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreFull):
            site.db.call("SET", "x", "y")
        made = site.back_up(tmp_path / "a.backup")
        assert site.services.backups.store.lease("a", 1000)
        assert not site.services.backups.store.lease("b", 1000)
        site.services.backups.store.release("b")
        assert site.services.backups.store.lease("a", 1000)
        site.services.backups.store.release("a")
        assert site.services.backups.store.lease("b", 1000)
    finally:
        for one, most in zip(servers, before, strict=True):
            one.config_set("maxmemory", most)
    assert made.damaged == {}
    target.restore(tmp_path / "a.backup")
    assert_readable(target, bytes_of)


def _value(found: Any) -> bytes:
    return next(iter(found.values())) if isinstance(found, dict) else found[1]


def test_a_target_that_is_too_small_is_empty_again(site: Site, target: Site, tmp_path: Path) -> None:
    furnish(site)
    site.back_up(tmp_path / "a.backup")
    before = target.db.call("CONFIG", "GET", "maxmemory")
    used = int(dict(target.client.info("memory"))["used_memory"])
    target.db.call("CONFIG", "SET", "maxmemory", used + 300_000)
    try:
        with pytest.raises(StoreFull):
            target.restore(tmp_path / "a.backup")
    finally:
        target.db.call("CONFIG", "SET", "maxmemory", _value(before))
    assert target.is_empty()
    target.restore(tmp_path / "a.backup")


def test_a_log_that_is_trimmed_meanwhile_begins_where_it_begins_then(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ENTRIES", 20)
    monkeypatch.setattr(archive, "READ", 20)
    log = Log.over(site.db, KEYS)
    site.services.system.install("1")
    log.fill(200)
    lines = log.sealed()
    log.fill(30)
    log.sealed()
    turns = 0
    for step in site.services.backups.make(SHELL, tmp_path / "a.backup"):
        if step.what == "records":
            turns += 1
        if turns == 4:
            log.archive.trim(SHELL, lines)
            turns += 1
    assert turns > 6
    restored = target.restore(tmp_path / "a.backup")
    assert restored.sound
    there = Log.over(target.db, KEYS)
    assert there.store.state().pending == ""
    assert there.archive.verify_seals(SHELL) == 2
    assert len(there.ids()) < len(lines)


def test_a_trim_that_was_stopped_is_done_by_the_restore(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log.over(site.db, KEYS)
    site.services.system.install("1")
    log.fill(100)
    lines = log.sealed()
    monkeypatch.setattr(archive.RedisArchive, "finish_trim", lambda *_: None)
    log.archive.trim(SHELL, lines)
    monkeypatch.undo()
    assert log.store.state().pending
    site.back_up(tmp_path / "a.backup")
    assert target.restore(tmp_path / "a.backup").sound
    there = Log.over(target.db, KEYS)
    assert not set(there.ids()) & {line.split(b'"')[3].decode() for line in lines}
    assert there.store.state().pending == ""


def test_records_begin_again_where_the_connection_breaks(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_of = furnish(site)
    who, gone = actor(person(site, "pat")), list[str]()
    gone.append(store_file(site, who, "gone.txt", b"x" * 10).id)
    asked, turns = Tracked.at_one_moment, list[int]()

    def broken(tracked: Tracked, commands: Any) -> Any:
        turns.append(1)
        if len(turns) < 3:
            # What is deleted while nobody is told must not come back.
            for one in gone:
                site.services.files.trash(who, one)
                site.services.files.purge(who, one)
                site.services.files.collect()
            gone.clear()
            tracked.close()
        return asked(tracked, commands)

    monkeypatch.setattr(Tracked, "at_one_moment", broken)
    site.back_up(tmp_path / "a.backup")
    assert len(turns) > 2
    before = site.dump()
    target.restore(tmp_path / "a.backup")
    assert_readable(target, bytes_of)
    assert target.differences(tmp_path / "a.backup") == []
    after = target.dump()
    files = [key for key in before.keys() | after.keys() if KEYS.split(key)[:1] == ("files",)]
    assert {key for key in files if before.get(key) != after.get(key)} == set()


def test_it_ends_where_the_connection_breaks_again_and_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(site)
    tried = list[int]()

    def broken(*_: Any) -> Any:
        tried.append(1)
        raise Unavailable

    monkeypatch.setattr(Tracked, "call", broken)
    with pytest.raises(Unavailable):
        site.back_up(tmp_path / "a.backup")
    assert len(tried) == ATTEMPTS
    monkeypatch.undo()
    site.back_up(tmp_path / "a.backup")


def test_a_server_goes_into_a_cluster_and_back(
    site: Site, target: Site, tmp_path: Path, cluster_nodes: list[tuple[str, int]]
) -> None:
    bytes_of = furnish(site)
    before = site.dump()
    site.back_up(tmp_path / "a.backup")
    with RedisCluster(startup_nodes=[ClusterNode(*node) for node in cluster_nodes], socket_timeout=10) as client:
        wide = emptied(site_over(client))
        wide.restore(tmp_path / "a.backup")
        assert_same(before, wide.dump())
        wide.back_up(tmp_path / "b.backup")
        assert_readable(wide, bytes_of)
    target.restore(tmp_path / "b.backup")
    assert_same(before, target.dump())
    assert_readable(target, bytes_of)


def test_the_primary_behind_sentinel_is_backed_up(target: Site, tmp_path: Path) -> None:
    (tmp_path / "servers").mkdir()
    with run_sentinel(tmp_path / "servers") as (url, _), closing(connect(url)) as client:
        site = site_over(client)
        bytes_of = furnish(site)
        site.back_up(tmp_path / "a.backup")
    target.restore(tmp_path / "a.backup")
    assert_readable(target, bytes_of)


@pytest.mark.parametrize(("field", "value"), [("format", 2), ("schema", 99)])
def test_one_of_a_later_version_is_refused(
    site: Site, target: Site, tmp_path: Path, field: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(site)
    added = Output.add

    def later(output: Output, part: Part, pieces: Any) -> None:
        if part is Part.HEADER:
            pieces = [json.dumps(json.loads(b"".join(pieces)) | {field: value, "further": "unknown"}).encode()]
        added(output, part, pieces)

    monkeypatch.setattr(Output, "add", later)
    site.back_up(tmp_path / "a.backup")
    with pytest.raises(Conflict, match="later version"):
        target.restore(tmp_path / "a.backup")
    assert target.is_empty()


def test_a_damaged_base_is_not_stood_on(site: Site, tmp_path: Path) -> None:
    furnish(site)
    site.back_up(tmp_path / "1.backup")
    whole = (tmp_path / "1.backup").read_bytes()
    (tmp_path / "1.backup").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackofficeError, match="not whole"):
        site.back_up(tmp_path / "2.backup", base=tmp_path / "1.backup")


def test_contents_that_are_purged_while_they_are_read_are_no_damage(
    site: Site, target: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether they go before they are read, or after the moment whose records name them."""
    bytes_of = furnish(site)
    who = actor(person(site, "pat"))
    ids = [store_file(site, who, f"{n}.txt", b"x" * 100).id for n in range(6)]
    asked, late = Tracked.at_one_moment, list[str]()

    def then(tracked: Tracked, commands: Any) -> Any:
        if not late:
            late.append(store_file(site, who, "late.txt", b"y" * 100).id)
            return asked(tracked, commands)
        found = asked(tracked, commands)
        if len(late) == 1:
            late.append("purged")
            site.services.files.trash(who, late[0])
            site.services.files.purge(who, late[0])
            site.services.files.collect()
        return found

    monkeypatch.setattr(Tracked, "at_one_moment", then)
    steps = site.services.backups.make(SHELL, tmp_path / "a.backup")
    next(steps)
    for one in ids[:3]:
        site.services.files.trash(who, one)
        site.services.files.purge(who, one)
    site.services.files.collect()
    made = all_of(steps)
    assert made.damaged == {}
    assert late[1:] == ["purged"]
    assert target.restore(tmp_path / "a.backup").sound
    assert_readable(target, bytes_of)


def test_a_key_prefix_is_no_part_of_an_archive(site: Site, second_store: Redis, tmp_path: Path) -> None:
    bytes_of = furnish(site)
    site.back_up(tmp_path / "a.backup")
    other = emptied(site_over(second_store, key_prefix="other"))
    other.restore(tmp_path / "a.backup")
    assert_readable(other, bytes_of)
    assert isinstance(other.db, Db)
