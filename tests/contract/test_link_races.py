"""A share link for so many downloads, and many who begin one at the same moment."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from redis import Redis

from backoffice.domain.audit import AuditEvent
from backoffice.domain.links import Link
from backoffice.errors import BadCredentials, NotFound, TooMany, VersionMismatch
from backoffice.stores.links import RedisLinks
from tests.support.links import Sharing
from tests.support.website import PASSWORD, make_whole_site

pytestmark = pytest.mark.real_only
CLIENTS = 64


def begun(on: Sharing, token: str, files: Sequence[str]) -> int:
    """How many of 64 clients begin a download at the same moment, each of the next of the files."""
    together, visitor = Barrier(CLIENTS), on.visitor()

    def begin(number: int) -> bool:
        together.wait()
        try:
            on.links.begin(visitor, token, file=files[number % len(files)])
        except (NotFound, TooMany):
            return False
        return True

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(begin, range(CLIENTS)))


@pytest.mark.parametrize("most", [1, 7])
def test_of_64_clients_at_once_exactly_so_many_begin_a_download(redis: Redis, most: int) -> None:
    on = Sharing(make_whole_site(redis))
    link, path = on.share(max_downloads=most)
    found = begun(on, path.removeprefix("/s/"), [""])
    assert (found, on.now(link).downloads, len(on.entries("link.download"))) == (most, most, most)


@pytest.mark.parametrize("most", [1, 7])
def test_of_64_clients_of_a_folder_exactly_so_many_begin_one_of_its_files_or_the_archive(
    redis: Redis, most: int
) -> None:
    on = Sharing(make_whole_site(redis))
    folder = on.folder("plans")
    files = [on.store(f"{number}.txt", folder).id for number in range(3)]
    link, path = on.share(folder=folder.id, max_downloads=most)
    found = begun(on, path.removeprefix("/s/"), ["", *files])
    assert (found, on.now(link).downloads, len(on.entries("link.download"))) == (most, most, most)


def test_a_link_that_is_changed_between_is_read_anew(redis: Redis) -> None:
    on = Sharing(make_whole_site(redis))
    link, path = on.share(max_downloads=1)
    read = on.links._open(on.visitor(), path.removeprefix("/s/"))
    on.links.update(on.owner(), link.id, max_downloads=2)
    on.links.begin(on.visitor(), path.removeprefix("/s/"))
    assert on.now(link).downloads == 1
    on.links.revoke(on.owner(), link.id)
    with pytest.raises(VersionMismatch):
        on.links._use(on.visitor(), path.removeprefix("/s/"), read, "")


def test_a_password_that_is_set_at_this_moment_is_asked_for(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    on = Sharing(make_whole_site(redis))
    link, path = on.share()
    use = RedisLinks.use

    def late(store: RedisLinks, found: Link, event: AuditEvent) -> None:
        monkeypatch.setattr(RedisLinks, "use", use)
        on.links.update(on.owner(), link.id, password=PASSWORD)
        use(store, found, event)

    monkeypatch.setattr(RedisLinks, "use", late)
    with pytest.raises(BadCredentials):
        on.links.begin(on.visitor(), path.removeprefix("/s/"))
    assert on.now(link).downloads == 0
