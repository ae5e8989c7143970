"""What strangers may store and begin by a request for files, whatever they do."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
from redis import Redis

from backoffice.domain.limits import MAX_GUEST_UPLOADS, MAX_REQUEST_UPLOADS
from backoffice.errors import RequestFull, TooLarge, TooMany
from backoffice.services.guest_sending import GuestSending
from tests.support.requests import Requesting
from tests.support.uploads import reader
from tests.support.website import Site, make_whole_site


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"), decode_responses=False) as client:
        yield make_whole_site(client), client


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Requesting]:
    site, client = shared
    client.flushall()
    services = site.services
    yield Requesting(site)
    site.swap(links=services.links, guests=services.guests)


def test_what_is_under_way_counts_in_the_bytes_that_a_request_takes(on: Requesting) -> None:
    link, token = on.request(terms={"max_bytes": 10})
    one, two = (on.sending(token, on.guest(token)) for _ in range(2))
    first = one.put_chunk(upload_id=None, index=0, total_chunks=3, data=b"1234", name="a.bin").upload.id
    second = two.put_chunk(upload_id=None, index=0, total_chunks=3, data=b"1234", name="b.bin").upload.id
    with pytest.raises(TooLarge):
        one.put_chunk(upload_id=first, index=1, total_chunks=3, data=b"567")
    two.put_chunk(upload_id=second, index=1, total_chunks=3, data=b"56")
    with pytest.raises(RequestFull):
        one.put_chunk(upload_id=None, index=0, total_chunks=1, data=b"1", name="c.bin")
    with pytest.raises(RequestFull):
        on.deliver(token, on.guest(token), "c.txt", b"1")
    assert on.site.services.files.usage(on.owner()).reserved == 10
    one.cancel(first)
    on.deliver(token, on.guest(token), "c.txt", b"1")
    with pytest.raises(TooLarge):
        two.put_chunk(upload_id=second, index=2, total_chunks=3, data=b"7890")
    assert on.now(link).delivered_bytes == 1
    on.sound()


def test_a_body_that_comes_in_order_grows_to_what_is_left_as_others_leave_it(on: Requesting) -> None:
    piece = on.site.services.uploads.limits.chunk_size
    _, token = on.request(terms={"max_bytes": 3 * piece})
    one, two = (on.sending(token, on.guest(token)) for _ in range(2))

    def send() -> None:
        with one.open_stream(one.spec("a.bin")) as new:
            new.read_from(reader(bytes(2 * piece)))
            two.put_chunk(upload_id=None, index=0, total_chunks=3, data=bytes(piece), name="b.bin")
            new.read_from(reader(bytes(piece)))
            one.finish_stream(new, one.spec("a.bin"))

    with pytest.raises(TooLarge):
        send()
    assert on.site.services.files.usage(on.owner()).reserved == piece


def test_few_uploads_are_open_by_one_link_and_fewer_of_one_guest(on: Requesting) -> None:
    _, token = on.request()
    _, other = on.request(name="Others")

    def begin(sending: GuestSending) -> str:
        return sending.put_chunk(upload_id=None, index=0, total_chunks=2, data=b"1", name="a.bin").upload.id

    sending = on.sending(token, on.guest(token))
    mine = [begin(sending) for _ in range(MAX_GUEST_UPLOADS)]
    with pytest.raises(TooMany):
        begin(sending)
    for _ in range(MAX_REQUEST_UPLOADS - MAX_GUEST_UPLOADS):
        begin(on.sending(token, on.guest(token)))
    with pytest.raises(TooMany):
        begin(on.sending(token, on.guest(token)))
    begin(on.sending(other, on.guest(other)))
    sending.cancel(mine[0])
    begin(on.sending(token, on.guest(token)))
    on.sound()
