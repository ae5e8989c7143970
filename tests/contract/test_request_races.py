"""A request that takes so many files, or bytes, and many guests who deliver at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from redis import Redis

from backoffice.domain.files import FileState
from backoffice.domain.paging import Query
from backoffice.errors import BackofficeError, Conflict, NotFound, RequestFull, TooMany, Unavailable
from backoffice.stores import deliveries
from backoffice.stores.records.commit import Commit
from tests.support.requests import BODY, Requesting
from tests.support.website import make_whole_site

pytestmark = pytest.mark.real_only
CLIENTS = 64
LATE = (RequestFull, TooMany, NotFound)


def at_once(act: Callable[[int], object], refused: tuple[type[BackofficeError], ...] = LATE) -> int:
    """How many of them were not refused."""
    together = Barrier(CLIENTS)

    def one(number: int) -> bool:
        together.wait()
        try:
            act(number)
        except refused:
            return False
        return True

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(one, range(CLIENTS)))


@pytest.mark.parametrize("review", [0, 1])
@pytest.mark.parametrize(
    ("terms", "most"),
    [({"max_files": 1}, 1), ({"max_files": 7}, 7), ({"max_files": 64, "max_bytes": 5 * len(BODY) + 3}, 5)],
)
def test_of_64_at_once_exactly_so_many_come_in_one_body(
    redis: Redis, terms: dict[str, int], most: int, review: int
) -> None:
    on = Requesting(make_whole_site(redis))
    link, token = on.request(terms={**terms, "review": review})
    guests, before = [on.guest(token) for _ in range(CLIENTS)], on.used()
    came = at_once(lambda number: on.deliver(token, guests[number]))
    now = on.now(link)
    assert (came, now.delivered, now.delivered_bytes) == (most, most, most * len(BODY))
    assert on.site.services.deliveries.page(on.owner(), link.id, Query()).total == most
    assert on.used() == before + most * len(BODY)
    assert now.version == link.version
    on.sound()


def test_of_64_at_once_exactly_so_many_come_by_chunks(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_REQUEST_UPLOADS", CLIENTS)
    monkeypatch.setattr(deliveries, "MAX_NETWORK_UPLOADS", CLIENTS)
    on = Requesting(make_whole_site(redis, max_open_uploads=500))
    link, token = on.request(terms={"max_files": 7})
    sending = [on.sending(token, on.guest(token)) for _ in range(CLIENTS)]
    uploads = [
        one.put_chunk(upload_id=None, index=0, total_chunks=1, data=BODY, name=f"{number}.txt").upload.id
        for number, one in enumerate(sending)
    ]

    def complete(number: int) -> None:
        spec = sending[number].spec(f"{number}.txt")
        sending[number].complete(uploads[number], spec, total_size=len(BODY))

    assert at_once(complete) == 7
    assert on.now(link).delivered == 7
    usage = on.site.services.files.usage(on.owner())
    assert usage.reserved == 0, "what did not come in is freed"
    on.sound()


def test_one_is_accepted_refused_and_withdrawn_once(redis: Redis) -> None:
    on = Requesting(make_whole_site(redis))
    link, token = on.request()
    guest, has, before = on.guest(token), on.site.services, on.used()
    given = on.deliver(token, guest)
    acts = (
        lambda: has.deliveries.accept(on.owner(), given.id),
        lambda: has.deliveries.refuse(on.owner(), given.id),
        lambda: on.sending(token, guest).withdraw(given.id),
    )
    done = at_once(lambda number: acts[number % 3](), (Conflict, NotFound, Unavailable))
    assert done == 1
    file = has.files.files.get(given.id)
    accepted = file is not None and file.state is FileState.READY
    assert (on.now(link).delivered, on.used() - before) == ((1, len(BODY)) if accepted else (0, 0))
    assert len([one for act in ("accept", "refuse", "withdraw") for one in on.entries(f"file.{act}")]) == 1
    on.sound()


def test_bounds_that_change_while_a_file_comes_are_the_ones_that_count(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = Requesting(make_whole_site(redis))
    link, token = on.request(terms={"max_files": 2})
    guest, taken = on.guest(token), Commit.run
    on.deliver(token, guest)

    def change_first(commit: Commit, *args: Any, **options: Any) -> str:
        monkeypatch.setattr(Commit, "run", taken)
        on.site.services.requests.update(on.owner(), link.id, max_files=1)
        return taken(commit, *args, **options)

    monkeypatch.setattr(Commit, "run", change_first)
    with pytest.raises(RequestFull):
        on.deliver(token, guest, "b.txt")
    assert on.now(link).delivered == 1
    on.sound()
