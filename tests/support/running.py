"""A site that is up, for the tests of a file that leave it as they found it."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.embedded.data_dir import Layout
from tests.support.servers import Site


@dataclass(frozen=True, slots=True)
class Running:
    """A site with its address and its data directory."""

    site: Site
    url: str
    layout: Layout
