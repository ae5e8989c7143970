"""A whole site on an imitated store that has room: the imitation does not say how much memory it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import fakeredis
from redis import Redis

from tests.support.website import Site, make_whole_site


class Roomy:
    """What the store would say of its memory."""

    def room(self) -> bool:
        return True


@contextmanager
def roomy_site() -> Iterator[tuple[Site, Redis]]:
    """Making a site takes longer than most tests: one for all of them, emptied for each."""
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        made = make_whole_site(client, chunk_size=64 * 1024, max_chunk_size=1024 * 1024, max_file_size=8 * 1024 * 1024)
        shared = made.services.shared
        made.swap(shared=replace(shared, all_uploads=replace(shared.all_uploads, health=Roomy())))
        yield made, client
