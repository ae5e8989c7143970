"""Requests for files: what guests deliver, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from backoffice.domain.deliveries import RequestTerms, clean_message, clean_types
from backoffice.domain.files import FileState
from backoffice.domain.links import LinkState
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.errors import (
    Conflict,
    Invalid,
    NotFound,
    RequestFull,
    TooLarge,
    UnsupportedBody,
)
from tests.support.links import SHELL
from tests.support.requests import BODY, Requesting, fresh, requesting_site
from tests.support.website import Site

DAY_MS = 24 * 3600 * 1000
NOW = now_ms()


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Site, Redis]]:
    with requesting_site() as made:
        yield made


@pytest.fixture
def on(shared: tuple[Site, Redis]) -> Iterator[Requesting]:
    with fresh(shared) as found:
        yield found


def test_what_is_delivered_waits_in_no_list_and_is_a_file_when_it_is_accepted(on: Requesting) -> None:
    link, token = on.request()
    has, guest, before = on.site.services, on.guest(token, name="Bob"), on.used()
    given = on.deliver(token, guest)
    assert (given.name, given.size, given.waiting) == ("a.txt", len(BODY), True)
    [waiting] = on.waiting(link)
    assert (waiting.id, waiting.state, waiting.owner, waiting.sent_by) == (given.id, FileState.WAITING, on.ann, "Bob")
    assert on.used() == before + len(BODY), "it is the owner's quota that pays"
    everything = has.files.page(on.owner(), Query()).items + has.files.page(SHELL, Query(), everybody=True).items
    assert given.id not in {one.id for one in everything}
    assert not has.files.page(on.owner(), Query(search="a.txt")).items
    assert not has.files.page_in(on.owner(), link.folder, Query()).items
    assert not has.files.trash_page(on.owner(), Query()).items
    on.sound()
    accepted = has.deliveries.accept(on.owner(), given.id)
    assert (accepted.state, accepted.folder, accepted.name) == (FileState.READY, link.folder, "a.txt")
    assert [one.id for one in has.files.page_in(on.owner(), link.folder, Query()).items] == [given.id]
    assert b"".join(has.files.open(on.owner(), given.id).read()) == BODY
    assert on.waiting(link) == []
    on.sound()


def test_without_review_it_is_in_the_folder_at_once_under_a_free_name(on: Requesting) -> None:
    link, token = on.request(terms={"review": 0})
    guest = on.guest(token)
    names = [on.deliver(token, guest).name for _ in range(2)]
    assert names == ["a.txt", "a.txt"], "what a guest is told says nothing of other names"
    there = on.site.services.files.page_in(on.owner(), link.folder, Query(sort="name")).items
    assert [one.name for one in there] == ["a (2).txt", "a.txt"]
    with pytest.raises(Conflict):
        on.sending(token, guest).withdraw(there[0].id)
    on.sound()


def test_the_log_names_the_guest_and_whose_files_were_meant(on: Requesting) -> None:
    link, token = on.request()
    guest = on.guest(token, name="admin")
    given = on.deliver(token, guest)
    entry = on.entries("file.create")[-1].event
    assert entry["actor"]["id"] == link.id
    assert (entry["actor"]["name"], entry["actor"]["credential"]) == ("a guest", f"link:{link.id}.{guest.id}")
    assert (entry["data"]["on_behalf_of"], entry["data"]["sent_by"], entry["data"]["state"]) == (
        on.ann,
        "admin",
        "waiting",
    )
    on.site.services.deliveries.accept(on.owner(), given.id)
    [accepted] = on.entries("file.accept")
    assert (accepted.event["actor"]["id"], accepted.event["data"]["link"]) == (on.ann, link.id)


def test_a_guest_sees_and_withdraws_their_own_and_nothing_else(on: Requesting) -> None:
    link, token = on.request()
    one, two, before = on.guest(token), on.guest(token), on.used()
    mine, theirs = on.deliver(token, one), on.deliver(token, two, "b.txt")
    assert [each.id for each in on.sending(token, one).delivered()] == [mine.id]
    for file in (theirs.id, on.file.id, "0" * 22, "../x"):
        with pytest.raises(NotFound):
            on.sending(token, one).withdraw(file)
    on.sending(token, one).withdraw(mine.id)
    assert on.sending(token, one).delivered() == ()
    assert [each.id for each in on.waiting(link)] == [theirs.id]
    assert (on.used(), on.now(link).delivered) == (before + len(BODY), 1)
    with pytest.raises(NotFound):
        on.sending(token, one).withdraw(mine.id)
    assert len(on.entries("file.withdraw")) == 1
    _, other = on.request(name="Others")
    with pytest.raises(NotFound):  # the same guest by another link
        on.sending(other, one).withdraw(theirs.id)
    assert on.sending(other, one).delivered() == ()
    on.sound()


def test_what_its_owner_did_with_it_since_is_not_told(on: Requesting) -> None:
    _, token = on.request()
    guest, has = on.guest(token), on.site.services
    given = on.deliver(token, guest, "mine.txt")
    has.deliveries.accept(on.owner(), given.id)
    has.files.rename(on.owner(), given.id, "the secret project.txt")
    [seen] = on.sending(token, guest).delivered()
    assert (seen.name, seen.waiting, seen.sha256) == ("mine.txt", False, given.sha256)
    with pytest.raises(Conflict):
        on.sending(token, guest).withdraw(given.id)
    has.files.transfer(SHELL, given.id, on.site.add_user("bob"))
    assert on.sending(token, guest).delivered() == (), "it is of another owner now"


def test_what_is_refused_is_gone_and_makes_room(on: Requesting) -> None:
    link, token = on.request(terms={"max_files": 1})
    guest, before = on.guest(token), on.used()
    given = on.deliver(token, guest)
    with pytest.raises(RequestFull):
        on.deliver(token, guest, "b.txt")
    assert on.site.services.links.held_one(on.owner(), link.id).state is LinkState.USED_UP
    on.site.services.deliveries.refuse(on.owner(), given.id)
    assert (on.used(), on.now(link).delivered, on.now(link).delivered_bytes) == (before, 0, 0)
    assert on.deliver(token, guest, "b.txt").name == "b.txt"
    on.sound()


def test_all_that_waits_is_accepted_together_also_of_a_request_that_was_revoked(on: Requesting) -> None:
    link, token = on.request()
    guest, has = on.guest(token), on.site.services
    for _ in range(3):
        on.deliver(token, guest)
    has.links.revoke(on.owner(), link.id)
    assert [one.sent_name for one in on.waiting(link)] == ["a.txt"] * 3
    assert has.deliveries.all_waiting(on.owner(), Query()).total == 3
    first = on.waiting(link)[0]
    has.deliveries.refuse(on.owner(), first.id)
    assert has.deliveries.accept_all(on.owner(), link.id) == (2, 0)
    names = {one.name for one in has.files.page(on.owner(), Query(filters=())).items}
    assert {"a.txt", "a (2).txt"} <= names
    on.sound()


def test_another_person_does_nothing_with_it_and_operators_refuse_only(on: Requesting) -> None:
    link, token = on.request()
    given, has = on.deliver(token, on.guest(token)), on.site.services
    bob, oscar = on.owner(on.site.add_user("bob")), on.owner(on.site.add_user("oscar", "operator"))
    for act in (has.deliveries.get, has.deliveries.open, has.deliveries.accept, has.deliveries.refuse):
        with pytest.raises(NotFound):
            act(bob, given.id)
    with pytest.raises(NotFound):
        has.deliveries.page(bob, link.id, Query())
    with pytest.raises(NotFound):
        has.deliveries.accept(oscar, given.id)
    assert has.deliveries.page(oscar, link.id, Query()).total == 1
    has.deliveries.refuse(oscar, given.id)
    assert on.waiting(link) == []


def test_a_completion_is_repeated_by_the_guest_whose_it_is(on: Requesting) -> None:
    _, token = on.request()
    guest, other = on.guest(token), on.guest(token)
    sending = on.sending(token, guest)
    status = sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=BODY, name="a.txt", size=len(BODY))
    spec = sending.spec("a.txt")
    first = sending.complete(status.upload.id, spec, total_size=len(BODY))
    assert sending.complete(status.upload.id, spec, total_size=len(BODY)) == first
    with pytest.raises(NotFound):
        on.sending(token, other).complete(status.upload.id, spec, total_size=len(BODY))
    assert len(sending.delivered()) == 1


@pytest.mark.parametrize(
    ("terms", "name", "body", "error"),
    [
        ({"types": (".pdf",)}, "a.txt", BODY, UnsupportedBody),
        ({"types": ("image/*",)}, "a.txt", BODY, UnsupportedBody),
        ({"max_file_size": 5}, "a.txt", BODY, TooLarge),
        ({"max_bytes": 5}, "a.txt", BODY, TooLarge),
        ({}, "a/b.txt", BODY, Invalid),
        ({}, "", BODY, Invalid),
    ],
)
def test_what_a_request_does_not_take_is_refused_and_leaves_nothing(
    on: Requesting, terms: dict[str, object], name: str, body: bytes, error: type[Exception]
) -> None:
    link, token = on.request(terms=terms)
    before = on.used()
    with pytest.raises(error):
        on.deliver(token, on.guest(token), name, body)
    assert (on.used(), on.now(link).delivered, on.waiting(link)) == (before, 0, [])
    on.sound()


def test_what_turns_out_too_much_at_the_end_is_freed(on: Requesting) -> None:
    link, token = on.request(terms={"max_files": 1})
    guest = on.guest(token)
    sending = on.sending(token, guest)
    late = sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=BODY, name="late.txt")
    on.deliver(token, guest)
    with pytest.raises(RequestFull):
        sending.complete(late.upload.id, sending.spec("late.txt"), total_size=len(BODY))
    with pytest.raises(NotFound):
        sending.state(late.upload.id)
    assert (on.now(link).delivered, on.site.services.files.usage(on.owner()).reserved) == (1, 0)
    on.sound()


def test_strangers_hold_no_more_of_a_quota_than_they_have_sent_and_half_the_places(on: Requesting) -> None:
    _, token = on.request()
    guest = on.guest(token)
    sending = on.sending(token, guest)
    sending.put_chunk(upload_id=None, index=0, total_chunks=2, data=b"x", size=2**30, name="a.bin")
    assert on.site.services.files.usage(on.owner()).reserved == 1
    assert sending.uploads.limits.max_open == on.site.services.uploads.limits.max_open // 2


def test_bounds_are_changed_and_checked(on: Requesting) -> None:
    link, token = on.request()
    has, guest = on.site.services, on.guest(token)
    on.deliver(token, guest)
    has.requests.update(on.owner(), link.id, max_files=1, types=["PDF"], name="Other", message="Please\r\nsend it")
    now = on.now(link)
    assert (now.max_files, now.types, now.name, now.message) == (1, (".pdf",), "Other", "Please\nsend it")
    with pytest.raises(UnsupportedBody):
        on.deliver(token, guest)
    for bad in (
        {"max_files": 0},
        {"max_files": 10_001},
        {"review": 2},
        {"types": ["a b"]},
        {"name": ""},
        {"max_bytes": -1},
    ):
        with pytest.raises(Invalid):
            has.requests.update(on.owner(), link.id, **bad)
    assert on.now(link) == now


def test_a_folder_is_ones_own_or_is_made(on: Requesting) -> None:
    has, bob = on.site.services, on.owner(on.site.add_user("bob"))
    theirs = has.folders.create(bob, name="theirs")
    with pytest.raises(Invalid):
        on.request(folder=theirs.id)
    made = [has.folders.get(on.owner(), on.request(name=name)[0].folder).name for name in ("a/b", "a/b", "..", "x.")]
    assert made == ["a-b", "a-b (2)", "Request", "x"]


def test_types_and_messages_are_made_plain() -> None:
    assert clean_types(["pdf", "*.PDF", ".tar.gz", "image/*", " "]) == (".pdf", ".tar.gz", "image/*")
    for bad in (["<b>"], ["a/b/c"], ["."], ["x" * 20], [f".{number}" for number in range(40)]):
        with pytest.raises(Invalid):
            clean_types(bad)
    assert clean_message(" a \r\n\r\n<b>  ") == " a\n\n<b>"
    for bad_text in ("a\x00b", "a\u202eb", "x" * 2001):
        with pytest.raises(Invalid):
            clean_message(bad_text)
    terms = RequestTerms(types=("image/*", ".PDF".lower()))
    terms.check("A.PDF", "application/pdf", 1)
    terms.check("a.png", "image/png", None)
