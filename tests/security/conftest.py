"""Security tests reach the application directly: no network, an imitated store."""

from __future__ import annotations

import pytest
from redis import Redis

from tests.support.website import Site, make_site


@pytest.fixture
def site(fake: Redis) -> Site:
    return make_site(fake)
