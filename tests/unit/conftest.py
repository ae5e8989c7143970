"""What unit tests share: the services of people on the imitation, and an admin site for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
from redis import Redis

from backoffice.domain.access import Actor
from tests.support.admin_views import Desk, desk
from tests.support.people import People
from tests.support.website import Site, make_whole_site


@pytest.fixture
def people(fake: Redis) -> People:
    return People(fake)


@pytest.fixture
def admin(people: People) -> Actor:
    return people.actor(people.user("rosa", "admin"))


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    """The whole site over a store of its own, for all tests of a file; which has another one where it says so."""
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        yield make_whole_site(client), client


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        yield made
