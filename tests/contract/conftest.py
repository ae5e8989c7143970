"""What the stores are tried through, on each kind of server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fsck import Scene
from tests.support.people import CountedDb
from tests.support.uploads import World


@pytest.fixture
def db(redis: Any) -> CountedDb:
    return CountedDb(redis)


@pytest.fixture
def world(redis: Any) -> World:
    return World.over(redis)


@pytest.fixture
def scene(redis: Any) -> Scene:
    return Scene.over(redis)
