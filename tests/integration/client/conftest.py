"""A whole site with small chunks, somebody with a token on it, a network to cut, and a site that answers by script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_site import Person, small_chunks, somebody
from tests.support.fault_proxy import Relay, relay
from tests.support.scripted_site import Other, serving


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """One for all files: everybody who is somebody here is somebody new."""
    data = tmp_path_factory.mktemp("client") / "var"
    with small_chunks(data) as url:
        yield url, data


@pytest.fixture
def ann(
    site: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Person]:
    with somebody(*site, tmp_path, monkeypatch, capsys) as found:
        yield found


@pytest.fixture
def net(site: tuple[str, Path]) -> Iterator[Relay]:
    with relay(site[0]) as found:
        yield found


@pytest.fixture
def other() -> Iterator[Other]:
    with serving() as found:
        yield found
