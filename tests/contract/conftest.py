"""What the stores are tried through, on each kind of server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from redis import Redis

from backoffice.stores.client import Client, connect
from backoffice.stores.log import archive
from tests.support.backups import Site, another_store, emptied, site_over
from tests.support.fsck import Scene
from tests.support.jobs import Workers
from tests.support.people import CountedDb
from tests.support.uploads import World


@pytest.fixture
def db(redis: Any) -> CountedDb:
    return CountedDb(redis)


@pytest.fixture
def anew(request: pytest.FixtureRequest) -> Callable[[], Client]:
    """Makes another client of the servers that the test runs on, for a process of its own."""
    kind = request.node.callspec.params["redis"]
    if kind == "cluster":
        nodes = request.getfixturevalue("cluster_nodes")
        return partial(connect, "redis+cluster://" + ",".join(f"{host}:{port}" for host, port in nodes))
    if kind == "sentinel":
        return partial(connect, request.getfixturevalue("sentinel_url"))
    store = request.getfixturevalue("store_server")
    return partial(connect, store.url, store.password)


@pytest.fixture
def world(redis: Any) -> World:
    return World.over(redis)


@pytest.fixture
def scene(redis: Any) -> Scene:
    return Scene.over(redis)


@pytest.fixture(scope="session")
def second_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server beside the one that all tests share, for what is restored."""
    with another_store(tmp_path_factory.mktemp("second") / "store") as client:
        yield client


@pytest.fixture
def site(redis: Any) -> Site:
    """A site over the store of the test, for what is backed up."""
    return site_over(redis)


@pytest.fixture
def target(second_store: Redis) -> Site:
    """A site over it, without anything."""
    return emptied(site_over(second_store))


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of step is taken several times in a log of some hundred entries."""
    for name, value in (("READ", 20), ("INDEXES", 5), ("SHORT", 80), ("TOGETHER", 2), ("TRIM", 200)):
        monkeypatch.setattr(archive, name, value)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers.program_runs() as workers:
        yield workers
