"""What unit tests share: the services of people on the imitation, and an admin site for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from backoffice.domain.access import Actor
from tests.support.admin_views import Desk, desk
from tests.support.people import People


@pytest.fixture
def people(fake: Redis) -> People:
    return People(fake)


@pytest.fixture
def admin(people: People) -> Actor:
    return people.actor(people.user("rosa", "admin"))


@pytest.fixture(scope="module")
def whole() -> Iterator[Desk]:
    with desk() as made:
        yield made
