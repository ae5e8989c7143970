"""Requests for files: the doors that stay shut to guests, and when all of them are shut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.files import FileSpec, FileState
from backoffice.domain.paging import Query
from backoffice.domain.times import now_ms
from backoffice.errors import (
    BadCredentials,
    NotAllowed,
    NotFound,
    TooLarge,
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


DOORS: dict[str, Callable[[Requesting, str], object]] = {
    "see": lambda on, file: on.site.services.files.get(on.owner(), file),
    "read": lambda on, file: on.site.services.files.open(on.owner(), file),
    "read whole": lambda on, file: on.site.services.files.open(on.owner(), file, whole=True),
    "read unsent": lambda on, file: next(on.site.services.files.read_unsent(on.owner(), file, file)),
    "rename": lambda on, file: on.site.services.files.rename(on.owner(), file, "b.txt"),
    "tag": lambda on, file: on.site.services.files.tag(on.owner(), file, ["x"]),
    "amend": lambda on, file: on.site.services.files.amend(on.owner(), file, name="b.txt"),
    "trash": lambda on, file: on.site.services.files.trash(on.owner(), file),
    "restore": lambda on, file: on.site.services.files.restore(on.owner(), file),
    "purge": lambda on, file: on.site.services.files.purge(on.owner(), file),
    "hand over": lambda on, file: on.site.services.files.transfer(SHELL, file, on.site.add_user("bob")),
    "chunks": lambda on, file: on.site.services.inspection.chunks_of(on.owner(), file),
    "verify": lambda on, file: on.site.services.inspection.verify(on.owner(), file),
    "share": lambda on, file: on.links.create(on.owner(), file=file),
    "who reaches it": lambda on, file: on.site.services.access.who_reaches_file(SHELL, file),
    "complete again": lambda on, file: on.site.services.uploads.complete(
        on.owner(), file, FileSpec("a.txt"), total_size=len(BODY)
    ),
    "find by tus": lambda on, file: on.site.services.resumable.state(on.owner(), file),
}


@pytest.mark.parametrize("door", DOORS)
def test_what_waits_is_no_file_by_any_other_door(on: Requesting, door: str) -> None:
    _, token = on.request()
    given = on.deliver(token, on.guest(token))
    with pytest.raises(NotFound):
        DOORS[door](on, given.id)
    assert on.site.services.deliveries.get(on.owner(), given.id).state is FileState.WAITING


def test_uploads_of_others_are_out_of_reach(on: Requesting) -> None:
    _, token = on.request()
    guest, other = on.guest(token), on.guest(token)
    theirs = on.sending(token, other).put_chunk(upload_id=None, index=0, total_chunks=2, data=b"x", name="b.txt")
    anns = on.site.services.uploads.start(on.owner(), total_chunks=2)
    sending = on.sending(token, guest)
    for upload in (theirs.upload.id, anns.id):
        with pytest.raises(NotFound):
            sending.put_chunk(upload_id=upload, index=1, total_chunks=2, data=b"y")
        with pytest.raises(NotFound):
            sending.state(upload)
        with pytest.raises(NotFound):
            sending.cancel(upload)
    assert on.sending(token, other).state(theirs.upload.id).upload.received == 1


BARS: dict[str, Callable[[Requesting, str], object]] = {
    "owner disabled": lambda on, _: on.site.services.users.disable(SHELL, on.ann),
    "owner expired": lambda on, _: on.site.services.users.update(SHELL, on.ann, expires_at=NOW - DAY_MS),
    "owner demoted": lambda on, _: on.site.services.users.update(SHELL, on.ann, roles=["auditor"]),
    "owner without roles": lambda on, _: on.site.services.users.update(SHELL, on.ann, roles=[]),
    "folder trashed": lambda on, link: on.site.services.folders.trash(SHELL, on.links.store.get(link).folder),  # type: ignore[union-attr]
    "link ended": lambda on, link: on.site.services.requests.end(on.owner(), link),
    "link revoked": lambda on, link: on.links.revoke(on.owner(), link),
}


@pytest.mark.parametrize("bar", BARS)
def test_a_dead_request_takes_nothing_also_of_what_is_under_way(on: Requesting, bar: str) -> None:
    link, token = on.request()
    guest = on.guest(token)
    sending = on.sending(token, guest)
    under_way = sending.put_chunk(upload_id=None, index=0, total_chunks=2, data=BODY, name="a.txt")
    whole = sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=BODY, name="b.txt")
    BARS[bar](on, link.id)
    for act in (
        lambda: on.site.services.guests.look(on.visitor(), token),
        lambda: on.guest(token),
        lambda: on.sending(token, guest),
        # What was allowed before the bar came, and acts after it.
        lambda: sending.put_chunk(upload_id=under_way.upload.id, index=1, total_chunks=2, data=BODY),
        lambda: sending.complete(whole.upload.id, sending.spec("b.txt"), total_size=len(BODY)),
    ):
        with pytest.raises((NotFound, NotAllowed)):
            act()
    assert not on.site.services.deliveries.all_waiting(replace(on.owner(), roles=SHELL.roles), Query()).items


def test_what_barred_it_once_opens_it_not_again_by_going_away(on: Requesting) -> None:
    _, token = on.request()
    has = on.site.services
    has.roles.create(SHELL, name="other", permissions=["files:read"])
    has.users.update(SHELL, on.ann, roles=["other"])
    has.users.update(SHELL, on.ann, roles=["user"])
    with pytest.raises(NotFound):
        has.guests.look(on.visitor(), token)


def test_a_role_that_may_no_longer_request_shuts_requests_and_leaves_share_links(on: Requesting) -> None:
    has = on.site.services
    has.roles.create(SHELL, name="sharer", permissions=["files:read", "files:write", "files:share", "files:request"])
    has.users.update(SHELL, on.ann, roles=["sharer"])
    _, token = on.request()
    _, path = on.share()
    has.roles.update(SHELL, "sharer", permissions=["files:read", "files:write", "files:share"])
    with pytest.raises(NotFound):
        has.guests.look(on.visitor(), token)
    assert on.links.look(on.visitor(), path.removeprefix("/s/")).link.file == on.file.id
    with pytest.raises(NotAllowed):
        on.request()


def test_a_request_that_ended_is_opened_again_by_its_owner(on: Requesting) -> None:
    link, token = on.request()
    on.site.services.requests.end(on.owner(), link.id)
    with pytest.raises(NotFound):
        on.guest(token)
    on.site.services.requests.update(on.owner(), link.id, days=5)
    assert on.deliver(token, on.guest(token)).name == "a.txt"


def test_a_password_is_asked_once_and_again_when_it_is_another(on: Requesting) -> None:
    link, token = on.request(password="violet harbour 93")
    has = on.site.services
    assert has.guests.look(on.visitor(), token)[1] is False
    for password in ("", "wrong"):
        with pytest.raises(BadCredentials):
            on.guest(token, password)
    guest = on.guest(token, "violet harbour 93")
    on.deliver(token, guest)
    has.requests.update(on.owner(), link.id, password="another harbour 94")
    with pytest.raises(BadCredentials):
        on.sending(token, guest)
    again = has.guests.enter(on.visitor(), token, "another harbour 94", "", guest)[1]
    assert len(on.sending(token, again).delivered()) == 1


def test_a_receipt_code_is_who_one_was_by_this_link_alone(on: Requesting) -> None:
    link, token = on.request()
    guest, has = on.guest(token), on.site.services
    on.deliver(token, guest)
    code = has.guests.receipt_code(link, guest)
    for typed in (code, code.lower(), code.replace("-", " ").replace("0", "o").replace("1", "l")):
        assert has.guests.enter(on.visitor(), token, "", typed, None)[1] == guest
    other, other_token = on.request(name="Others")
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    for link_token, bad in ((other_token, code), (token, wrong), (token, "x"), (token, "😀" * 50)):
        with pytest.raises(BadCredentials):
            has.guests.enter(on.visitor(), link_token, "", bad, None)
    assert other.id != link.id


def test_other_kinds_of_links_are_no_requests_and_requests_no_other_kind(on: Requesting) -> None:
    _, path = on.share()
    link, token = on.request()
    with pytest.raises(NotFound):
        on.guest(path.removeprefix("/s/"))
    for act in (on.links.look, on.links.begin, on.links.open):
        with pytest.raises(NotFound):
            act(on.visitor(), token)
    with pytest.raises(NotFound):
        on.links.update(on.owner(), link.id, max_downloads=3)
    assert on.now(link).downloads == 0


def test_looking_changes_nothing(on: Requesting) -> None:
    link, token = on.request()
    for _ in range(50):
        on.site.services.guests.look(on.visitor(), token)
    assert on.now(link) == link
    assert len(on.entries("link.open")) == 1


def test_guests_are_not_told_how_much_room_their_host_has(on: Requesting) -> None:
    _, token = on.request()
    guest = on.guest(token)
    on.site.services.users.update(SHELL, on.ann, quota_bytes=on.used() + 5)
    sending = on.sending(token, guest)
    whole = sending.put_chunk(upload_id=None, index=0, total_chunks=2, data=b"x", name="a.txt").upload.id
    for act in (
        lambda: on.deliver(token, guest),
        lambda: sending.put_chunk(upload_id=None, index=0, total_chunks=1, data=BODY, name="b.txt"),
        lambda: sending.put_chunk(upload_id=whole, index=1, total_chunks=2, data=BODY),
    ):
        with pytest.raises(TooLarge) as refused:
            act()
        assert type(refused.value) is TooLarge
        assert (refused.value.details, "5" in str(refused.value)) == ({}, False)
    on.sound()
