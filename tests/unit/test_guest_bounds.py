"""What strangers may store and begin by a request for files, whatever they do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.limits import (
    GUEST_PACE,
    GUEST_PATIENCE_SECONDS,
    MAX_GUEST_UPLOADS,
    MAX_NETWORK_UPLOADS,
    MAX_REQUEST_UPLOADS,
)
from backoffice.domain.links import Link
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.errors import NotFound, QuotaExceeded, RequestFull, TooLarge, TooMany, UnsupportedBody
from backoffice.services.guest_sending import GuestSending
from backoffice.services.sign_in import throttle
from backoffice.services.sign_in.throttle import SECOND_MS, guest_ways
from backoffice.services.uploads.cleanup import WORKER
from backoffice.services.uploads.guest_places import BECAUSE
from backoffice.stores import deliveries
from tests.support.requests import Requesting, fresh, requesting_site
from tests.support.uploads import reader
from tests.support.website import Site


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with requesting_site() as made:
        yield made


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Requesting]:
    with fresh(shared) as found:
        yield found


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


def begin(sending: GuestSending, data: bytes = b"1") -> str:
    return sending.put_chunk(upload_id=None, index=0, total_chunks=2, data=data, name="a.bin").upload.id


def somebody(on: Requesting, token: str, ip: str, later: int = 0) -> GuestSending:
    """A new guest who comes from there, so many seconds later."""
    found = on.site.services.guests.sending(replace(on.visitor(), ip=ip), token, on.guest(token))
    return at(found, later)


def at(sending: GuestSending, later: int) -> GuestSending:
    return replace(sending, all_uploads=replace(sending.all_uploads, now=lambda: now_ms() + later * 1000))


def open_uploads(on: Requesting, link: Link) -> set[str]:
    found = on.site.services.uploads.uploads.page(Query(filters=(("request", link.id),)))
    return {one.id for one in found.items}


def test_few_uploads_are_open_by_one_link_and_fewer_of_one_guest(on: Requesting) -> None:
    _, token = on.request()
    _, other = on.request(name="Others")
    sending = on.sending(token, on.guest(token))
    mine = [begin(sending) for _ in range(MAX_GUEST_UPLOADS)]
    with pytest.raises(TooMany):
        begin(sending)
    for number in range(MAX_REQUEST_UPLOADS - MAX_GUEST_UPLOADS):
        begin(somebody(on, token, f"198.51.100.{number}"))
    with pytest.raises(TooMany):
        begin(somebody(on, token, "203.0.113.7"))
    begin(on.sending(other, on.guest(other)))
    sending.cancel(mine[0])
    begin(somebody(on, token, "203.0.113.7"))
    on.sound()


@pytest.mark.parametrize("address", ["192.0.2.5", "2001:db8:1:{}::7"])
def test_from_one_network_not_all_places_of_a_request_are_taken(on: Requesting, address: str) -> None:
    link, token = on.request()
    for number in range(MAX_NETWORK_UPLOADS):
        begin(somebody(on, token, address.format(number)))
    with pytest.raises(TooMany):
        begin(somebody(on, token, address.format(99)))
    begin(somebody(on, token, "2001:db8:2::7"))
    _, other = on.request(name="Others")
    begin(somebody(on, other, address.format(99)))
    assert len(open_uploads(on, link)) == MAX_NETWORK_UPLOADS + 1
    on.sound()


def full(on: Requesting, data: bytes = b"1") -> tuple[Link, str, list[GuestSending], list[str]]:
    """A request of which every place is taken, each by a guest from elsewhere."""
    link, token = on.request()
    guests = [somebody(on, token, f"198.51.100.{number}") for number in range(MAX_REQUEST_UPLOADS)]
    return link, token, guests, [begin(one, data) for one in guests]


def test_places_that_nobody_uses_give_way_to_who_needs_one(on: Requesting) -> None:
    link, token, guests, held = full(on)
    soon = GUEST_PATIENCE_SECONDS - 10
    with pytest.raises(TooMany):
        begin(somebody(on, token, "203.0.113.7", soon))
    new = begin(somebody(on, token, "203.0.113.7", soon + 20))
    assert open_uploads(on, link) == {*held[1:], new}, "the one that has waited the longest"
    with pytest.raises(NotFound):
        guests[0].put_chunk(upload_id=held[0], index=1, total_chunks=2, data=b"2")
    [entry] = on.entries("upload.expire")
    assert (entry.event["object"]["id"], entry.event["data"]["because"]) == (held[0], BECAUSE)
    assert entry.event["actor"]["id"] == WORKER.id
    on.sound()


def test_while_no_place_is_needed_nothing_gives_way(on: Requesting) -> None:
    link, token, guests, held = full(on)
    guests[0].cancel(held[0])
    begin(somebody(on, token, "203.0.113.7", 2 * GUEST_PATIENCE_SECONDS))
    assert open_uploads(on, link) > set(held[1:])


def test_who_sends_keeps_the_place_and_who_sends_for_show_does_not(on: Requesting) -> None:
    patience = GUEST_PATIENCE_SECONDS + 10
    enough = bytes(GUEST_PACE * (GUEST_PATIENCE_SECONDS + 20) // 2)
    link, token, guests, held = full(on, enough)
    for guest, one in zip(guests, held, strict=True):
        at(guest, patience - 60).put_chunk(upload_id=one, index=1, total_chunks=2, data=enough)
    with pytest.raises(TooMany):
        begin(somebody(on, token, "203.0.113.7", patience))
    assert open_uploads(on, link) == set(held)
    slow = 3 * GUEST_PATIENCE_SECONDS
    for guest, one in zip(guests, held, strict=True):
        guest.cancel(one)
    held = [begin(guest) for guest in guests]
    for guest, one in zip(guests, held, strict=True):
        at(guest, slow - 60).put_chunk(upload_id=one, index=1, total_chunks=2, data=b"still here")
    new = begin(somebody(on, token, "203.0.113.7", slow))
    assert new in open_uploads(on, link)
    assert len(open_uploads(on, link) & set(held)) == MAX_REQUEST_UPLOADS - 1


def test_a_guest_whose_own_places_wait_gets_one_of_these(on: Requesting) -> None:
    link, token = on.request()
    other = begin(somebody(on, token, "198.51.100.7"))
    mine = on.sending(token, on.guest(token))
    held = [begin(mine) for _ in range(MAX_GUEST_UPLOADS)]
    new = begin(at(mine, GUEST_PATIENCE_SECONDS + 10))
    assert open_uploads(on, link) == {other, *held[1:], new}


def begin_and_give_up(on: Requesting, token: str, ip: str = "192.0.2.1") -> None:
    guest = on.guest(token)
    sending = on.site.services.guests.sending(replace(on.visitor(), ip=ip), token, guest)
    sending.cancel(sending.put_chunk(upload_id=None, index=0, total_chunks=2, data=b"1", name="a.bin").upload.id)


def test_what_guests_begin_in_a_day_is_counted_for_the_owner(on: Requesting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MAX_GUEST_STARTS", 3)
    tokens = [on.request(name=name)[1] for name in ("one", "two")]
    for token in (*tokens, tokens[0]):
        begin_and_give_up(on, token)
    for token in tokens:
        with pytest.raises(TooMany):
            begin_and_give_up(on, token)
    bob = on.owner(on.site.add_user("bob"))
    on.site.services.uploads.start(on.owner(), total_chunks=2)
    on.site.services.uploads.start(bob, total_chunks=2)


def test_one_network_is_slowed_down_before_the_budget_of_all_is_used_up(
    on: Requesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "GUESTS", replace(throttle.GUESTS, free=2))
    [[network, link]] = guest_ways("l", "2001:db8:1:2::3")
    assert (network.name, link.name) == ("guest_network:2001:db8:1::", "guest_link:l 2001:db8:1::")
    _, token = on.request()
    for _ in range(3):
        begin_and_give_up(on, token)
    with pytest.raises(TooMany) as refused:
        begin_and_give_up(on, token)
    assert refused.value.details["retry_after"] == SECOND_MS // 1000
    with pytest.raises(TooMany):
        on.deliver(token, on.guest(token))
    begin_and_give_up(on, token, "198.51.100.7")


def test_who_delivers_and_takes_back_by_one_link_shuts_no_other(
    on: Requesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MAX_LINK_DELIVERIES", 2)
    monkeypatch.setattr(deliveries, "MAX_DELIVERIES", 3)
    (link, token), (_, other) = on.request(), on.request(name="Others")
    guest = on.guest(token)
    for _ in range(2):
        on.sending(token, guest).withdraw(on.deliver(token, guest).id)
    for _ in range(5):
        with pytest.raises(TooMany):
            on.deliver(token, guest)
    assert on.now(link).delivered == 0
    on.deliver(other, on.guest(other))
    with pytest.raises(TooMany):
        on.deliver(other, on.guest(other))


def test_what_waits_is_sent_in_every_way_while_its_owner_may_have_no_more_files(
    on: Requesting, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = [on.site.services.uploads.uploads._files, on.site.services.deliveries.files]  # type: ignore[attr-defined]
    for store in stores:
        monkeypatch.setattr(store, "bounds", replace(store.bounds, files=1))
    link, token = on.request()
    guest, long = on.guest(token), bytes(2 * on.site.services.uploads.limits.chunk_size)
    on.deliver(token, guest, "small.bin")
    on.deliver(token, guest, "long.bin", long)
    sending = on.sending(token, guest)
    sent = sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=b"1", name="a.bin").upload.id
    sending.complete(sent, sending.spec("a.bin"), total_size=1)
    assert len(on.waiting(link)) == 3
    with pytest.raises(QuotaExceeded):
        on.site.services.deliveries.accept(on.owner(), sent)
    _, at_once = on.request(name="At once", terms={"review": 0})
    with pytest.raises(TooLarge):
        on.deliver(at_once, on.guest(at_once), "now.bin", long)
    on.sound()


def test_a_type_that_the_name_does_not_tell_is_judged_at_the_end(on: Requesting) -> None:
    _, token = on.request(terms={"types": ("image/*", ".pdf")})
    guest, name = on.guest(token), "photo.unheard-of"
    sending = on.sending(token, guest)
    with pytest.raises(UnsupportedBody):
        sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=b"1", name="a.txt")
    with pytest.raises(UnsupportedBody):
        on.deliver(token, guest, name)
    sent = sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=b"1", name=name).upload.id
    for said in ("", "text/plain"):
        with pytest.raises(UnsupportedBody):
            sending.spec(name, said)
    assert sending.complete(sent, sending.spec(name, "image/webp"), total_size=1).name == name
    _, strict = on.request(name="By name", terms={"types": (".pdf",)})
    with pytest.raises(UnsupportedBody):
        on.sending(strict, guest).check(name)
