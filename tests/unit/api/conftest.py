"""The API over the imitation: one site for all tests of a file, emptied for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backoffice.domain.nouns import all_permissions
from tests.support.api_site import Person, Site, imitated_site


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    with imitated_site() as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Site:
    return shared.clear()


@pytest.fixture
def ann(site: Site) -> Person:
    return site.person("ann")


@pytest.fixture
def root(site: Site) -> Person:
    # Only a token that names the right to it gives roles.
    return site.person("rosa", "admin", scopes=all_permissions())
