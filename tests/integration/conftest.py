"""The API over a real store: one site for all tests of a file, each of which has somebody new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.support.api_site import Person, Site, make_site
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
