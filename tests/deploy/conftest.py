"""Sites behind the real programs, one of each kind for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.proxied_site import Front, front
from tests.support.web_proxies import KINDS


@pytest.fixture(scope="session", params=KINDS)
def top(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture(scope="session", params=KINDS)
def below(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front(request.param, tmp_path_factory.mktemp(request.param), "/files") as found:
        yield found
