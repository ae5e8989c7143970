"""What every test gets: a clean environment, no network in unit tests, and servers on demand."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import fakeredis
import hypothesis
import pytest
import pytest_socket
from redis import Redis
from redis.cluster import RedisCluster

from backoffice import settings
from backoffice.domain.waits import end_waits
from backoffice.stores.client import connect
from backoffice.stores.last_commit import take_commit
from tests.support import quick_lua
from tests.support.chunks import PLACES, Place, unsynced
from tests.support.cluster import run_sentinels
from tests.support.servers import Store, run_cluster, run_store

UNIT = Path(__file__).parent / "unit"
IN_CI = bool(os.environ.get("CI"))

# How long an example takes depends on what else the machine does: timings are no tests.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For `--dist=loadfile`; whoever asks for another way to deal tests out gets it."""
    if config.getoption("dist") != "loadfile":
        return None
    return importlib.import_module("tests.support.spread").Spread(config, log)  # without xdist there is none


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Dealt out to several processes, what takes longest begins first."""
    if hasattr(config, "workerinput"):
        turn = importlib.import_module("tests.support.spread").turn
        items.sort(key=lambda item: turn(item.nodeid))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stores", default="", help="Kinds of server for tests that ask for one: fake, real, cluster, sentinel."
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Nothing becomes garbage while tests are collected; to look for it would take a sixth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """What was collected stays to the end: thousands of tests need not be looked at by each collection of garbage."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """The developer's own settings must not decide what a test sees."""
    for name, _, _ in settings.table():
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    quick_lua.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """In CI a skip is a failure: what is not tested there is tested nowhere."""
    report: Any = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {reason}"
    return report


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _no_request() -> None:
    """A test that left an answer unread has left its request open in this thread: its waits are not the next one's, and
    its last commit went to another store."""
    end_waits()
    take_commit()


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit tests reach nothing but Unix sockets; on a cluster, which has none, nothing but loopback."""
    if UNIT in request.path.parents:
        if request.node.get_closest_marker("cluster"):
            pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)
        else:
            pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
    pytest_socket._remove_restrictions()


# --- stores


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `redis` runs on each kind of server: what a store does must not depend on which one it is.
    One that asks for `place` runs with the bytes of chunks in Redis and in a directory."""
    kinds = ["real"] if metafunc.definition.get_closest_marker("real_only") else ["fake", "real"]
    if metafunc.config.getoption("stores"):
        kinds = metafunc.config.getoption("stores").split(",")
        if metafunc.definition.get_closest_marker("one_server"):
            kinds = [kind for kind in kinds if kind in {"fake", "real"}]
    elif metafunc.definition.get_closest_marker("cluster"):
        kinds.append("cluster")
    if "redis" not in metafunc.fixturenames:
        if "place" in metafunc.fixturenames:
            metafunc.parametrize("place", PLACES, indirect=True)
    elif "place" not in metafunc.fixturenames:
        metafunc.parametrize("redis", kinds, indirect=True)
    else:
        # With the bytes elsewhere, one kind of server shows as much as three.
        pairs = [*((kind, "redis") for kind in kinds), ("real", "file")]
        metafunc.parametrize(("redis", "place"), pairs, indirect=True)


@pytest.fixture
def redis(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def on_fake(request: pytest.FixtureRequest) -> bool:
    """Whether this test runs on the imitation, where a script takes some thirty times what it takes on a server: a test
    of many records takes fewer of them there."""
    return bool(request.node.callspec.params.get("redis") == "fake")


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Where the bytes of chunks lie."""
    monkeypatch.setattr(os, "fsync", unsynced)
    before = Place.current
    place = Place(tmp_path / "chunks" if request.param == "file" else None)
    place.enter()
    yield place
    before.enter()


@pytest.fixture
def in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The bytes of chunks lie in a directory."""
    monkeypatch.setattr(os, "fsync", unsynced)
    before = Place.current
    place = Place(tmp_path / "chunks")
    place.enter()
    yield place
    before.enter()


@pytest.fixture
def sealed() -> Iterator[Place]:
    """Chunks are encrypted, in Redis."""
    before = Place.current
    place = Place(sealed=True)
    place.enter()
    yield place
    before.enter()


@pytest.fixture
def fake() -> Iterator[Redis]:
    """An empty imitation, with Lua, in this process."""
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        yield client


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The bundled server, configured as the product does it; one for the whole run."""
    with run_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture
def real(store_server: Store) -> Iterator[Redis]:
    """A client of the bundled server, emptied."""
    with store_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def cluster_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, int]]]:
    with run_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_sentinels(tmp_path_factory.mktemp("sentinels")) as (url, _):
        yield url


@pytest.fixture
def sentinel(sentinel_url: str) -> Iterator[Redis]:
    """A client of the primary that sentinels name, emptied; asked for by `--stores sentinel` alone."""
    with closing(connect(sentinel_url)) as client:
        assert isinstance(client, Redis)
        client.flushall()
        yield client


@pytest.fixture
def cluster(cluster_nodes: list[tuple[str, int]]) -> Iterator[RedisCluster]:
    """A client of a cluster of three primaries, emptied."""
    with closing(connect("redis+cluster://" + ",".join(f"{host}:{port}" for host, port in cluster_nodes))) as client:
        assert isinstance(client, RedisCluster)
        client.flushall(target_nodes=RedisCluster.PRIMARIES)
        yield client
