"""A backup that is made while people work is the store as of one moment: what the log says up to there, and nothing
that it does not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from redis import Redis
from redis.cluster import ClusterNode, RedisCluster

from backoffice.domain.access import Actor
from backoffice.domain.files import FileState
from backoffice.errors import Conflict, NotFound
from backoffice.stores.backup import snapshot
from backoffice.stores.backup.tracked import Tracked
from backoffice.stores.client import Client, connect
from backoffice.stores.files import RedisFiles
from backoffice.stores.log.audit import entries_of
from backoffice.stores.scan import scan
from tests.support.backup_life import Life
from tests.support.backups import KEYS, SHELL, Site, actor, emptied, person, site_over
from tests.support.servers import Store

pytestmark = pytest.mark.real_only
WRITERS = 3


@pytest.fixture
def store(redis: Any, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client as the product has it, for several threads."""
    if isinstance(redis, RedisCluster):
        nodes = request.getfixturevalue("cluster_nodes")
        with RedisCluster(startup_nodes=[ClusterNode(*node) for node in nodes], socket_timeout=10) as client:
            yield client
        return
    server: Store = request.getfixturevalue("store_server")
    client = connect(server.url, server.password)
    yield client
    client.close()


@contextmanager
def people_work(site: Site, people: list[Actor]) -> Iterator[list[Life]]:
    stop, failures = Event(), list[Exception]()
    lives = [Life(site, who, seed) for seed, who in enumerate(people)]

    def live(life: Life) -> None:
        while not stop.is_set():
            try:
                life.act()
            except (Conflict, NotFound):
                continue  # a name is taken, or another worker has collected it
            except Exception as error:  # noqa: BLE001 - told by the test
                failures.append(error)
                return

    threads = [Thread(target=live, args=(life,)) for life in lives]
    for thread in threads:
        thread.start()
    try:
        yield lives
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures


def said_by_the_log(site: Site) -> dict[str, tuple[str, FileState]]:
    """Name and state of each file, by the events in the log and nothing else."""
    found: dict[str, tuple[str, FileState]] = {}
    for entry in entries_of(site.db.call("XRANGE", KEYS.audit, "-", "+")):
        event = entry.event
        file_id, action, data = event.get("object", {}).get("id", ""), event["action"], event.get("data", {})
        if action == "file.create":
            found[file_id] = (event["object"]["name"], FileState.READY)
        elif action == "file.rename":
            found[file_id] = (event["changes"]["name"][1], found[file_id][1])
        elif action == "file.trash":
            found[file_id] = (found[file_id][0], FileState.TRASHED)
        elif action == "file.purge":
            found[file_id] = (found[file_id][0], FileState.GONE)
        assert data is not None
    return found


def in_the_records(site: Site) -> dict[str, tuple[str, FileState]]:
    files, prefix = RedisFiles(site.db, KEYS), KEYS.record("files", "")
    ids = [key[len(prefix) :].decode() for batch in scan(site.db, prefix + b"*") for key in batch]
    found = [files.get(one) for one in set(ids) if ":" not in one]
    return {one.id: (one.name, one.state) for one in found if one is not None and not one.version_of}


@pytest.mark.cluster
def test_it_is_the_store_of_one_moment(store: Client, second_store: Redis, tmp_path: Path) -> None:
    site, target = site_over(store), emptied(site_over(second_store))
    site.services.system.install("1")
    people = [actor(person(site, f"p{number}")) for number in range(WRITERS)]
    with people_work(site, people) as lives:
        while sum(life.acts for life in lives) < 150:
            pass
        before = sum(life.acts for life in lives)
        made = site.back_up(tmp_path / "a.backup")
        meanwhile = sum(life.acts for life in lives) - before
    assert meanwhile > 5, "nobody did anything meanwhile"
    # Raises where `fsck` finds an index, a quota, a chunk or an entry that is not as it should be.
    restored = target.restore(tmp_path / "a.backup")
    assert restored.sound, restored
    assert made.damaged == {}
    assert target.differences(tmp_path / "a.backup") == []
    log, records = said_by_the_log(target), in_the_records(target)
    # Of what was purged the record goes when its bytes are free, which is no act.
    gone = {one for one, (_, state) in log.items() if state is FileState.GONE}
    assert {one: told for one, told in records.items() if one not in gone} == {
        one: told for one, told in log.items() if one not in gone
    }
    for one in records.keys() - gone:
        owner = RedisFiles(target.db, KEYS).get(one)
        assert owner is not None
        if owner.state is FileState.READY:
            b"".join(target.services.files.open(Actor(owner.owner, "", roles=SHELL.roles), one).read())


@pytest.mark.cluster
def test_changes_in_each_step_are_in_it_or_after_it(
    store: Client, second_store: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One act between any two steps of a backup: so each step is met by a change of what was read before it."""
    monkeypatch.setattr(snapshot, "KEYS", 5)
    monkeypatch.setattr(snapshot, "SCAN", 5)
    monkeypatch.setattr(snapshot, "FEW", 3)
    monkeypatch.setattr(snapshot, "ROUNDS", 5)
    site, target = site_over(store), emptied(site_over(second_store))
    site.services.system.install("1")
    life = Life(site, actor(person(site, "pat")), 7)
    for _ in range(40):
        life.act()
    asked = Tracked.at_one_moment

    def later(tracked: Tracked, commands: Any) -> Any:
        """What has changed after it was decided what to read at one moment."""
        if len(done) < 3:
            done.append(life.acts)
            life.act()
        return asked(tracked, commands)

    done: list[int] = []
    monkeypatch.setattr(Tracked, "at_one_moment", later)
    steps = site.services.backups.make(SHELL, tmp_path / "a.backup")
    for _ in steps:
        life.act()
    assert target.restore(tmp_path / "a.backup").sound
    log, records = said_by_the_log(target), in_the_records(target)
    gone = {one for one, (_, state) in log.items() if state is FileState.GONE}
    assert {one: told for one, told in records.items() if one not in gone} == {
        one: told for one, told in log.items() if one not in gone
    }
