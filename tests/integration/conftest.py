"""The API over a real store: one site for all tests of a file, each of which has somebody new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.support.api_site import Person, Site, make_site
from tests.support.commands import Run, runner
from tests.support.servers import Store


@pytest.fixture(scope="module")
def site(store_server: Store) -> Iterator[Site]:
    with store_server.client() as client:
        client.flushall()
        yield make_site(client)


@pytest.fixture
def store(site: Site, store_server: Store) -> Iterator[Redis]:
    """The store as it stands: other sites of these tests use it beside the first."""
    with store_server.client() as client:
        yield client


@pytest.fixture
def ann(site: Site) -> Person:
    return site.somebody()


@pytest.fixture
def run(
    real: Redis,
    store_server: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Commands in an empty directory, on an empty store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", store_server.url)
    monkeypatch.setenv("REDIS_PASSWORD", store_server.password)
    monkeypatch.setenv("BACKOFFICE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("APP_SECRET_KEY", "3f1d9c5b7a2e4f6081b3d5c7e9fa0b2c4d6e8f10")
    return runner(monkeypatch, capsys)
