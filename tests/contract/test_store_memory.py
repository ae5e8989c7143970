"""What people and strangers can make the store keep, measured by the store itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backoffice.domain.actions import Actions
from backoffice.domain.files import File, FileSpec, OnConflict
from backoffice.domain.limits import LEAST_CHUNK, MAX_REFUSAL_ENTRIES, MAX_SESSIONS, MAX_TAGS
from backoffice.domain.paging import Query
from backoffice.domain.throttling import Bucket
from backoffice.errors import BadCredentials, Invalid, NotFound, QuotaExceeded, TooMany
from backoffice.services.sign_in.throttle import NETWORK
from backoffice.stores import sessions as session_store
from backoffice.stores.bounds import Bounds
from backoffice.stores.files import RedisFiles
from backoffice.stores.throttle import RedisThrottle
from tests.support.memory import store_bytes
from tests.support.people import PASSWORD, People
from tests.support.uploads import ALICE, CHUNK, LIMITS, World
from tests.support.uploads import KEYS as UPLOAD_KEYS

pytestmark = pytest.mark.real_only


@pytest.fixture
def people(redis: Any) -> People:
    people = People(redis)
    people.user("ada")
    return people


def address(number: int) -> str:
    """One of another network each."""
    return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"


def sign_in(people: People, number: int) -> None:
    with pytest.raises((BadCredentials, TooMany)):
        people.sessions.sign_in(people.visitor(address(number)), ("ada", f"nobody{number}")[number % 2], "wrong")


def bearer(people: People, number: int) -> None:
    where = {"ip": address(number), "agent": "x", "request_id": "r"}
    assert people.tokens.authenticate(f"bo_{number:022d}_{'s' * 43}", **where) is None


def link(people: People, number: int) -> None:
    with pytest.raises(NotFound):
        people.users.open_invite(people.visitor(address(number)), f"{number:043d}")


@pytest.mark.parametrize("knock", [sign_in, bearer, link])
def test_a_stranger_from_any_number_of_networks_fills_nothing(
    redis: Any, people: People, knock: Callable[[People, int], None]
) -> None:
    """Sign-in, tokens and one-time links: each refusal was an event of 700 bytes and 160 bytes of failures."""
    people.throttle._remembered = 100
    for number in range(MAX_REFUSAL_ENTRIES + 100):
        knock(people, number)
    before = store_bytes(redis)
    for number in range(1_000, 1_600):
        knock(people, number)
        people.clock.pass_(seconds=1 - bool(number % 10))
    assert store_bytes(redis) - before < 6_000 < 600 * 160


def test_failures_are_remembered_in_bounded_memory(redis: Any, people: People) -> None:
    throttle = RedisThrottle(people.db, people.keys, people.clock, remembered=1_000)
    for number in range(1_200):
        throttle.attempt([Bucket(f"network:{address(number)}", NETWORK)])
    before = store_bytes(redis, "{t}:throttle*")
    for number in range(1_200, 3_000):
        throttle.attempt([Bucket(f"network:{address(number)}", NETWORK)])
    assert store_bytes(redis, "{t}:throttle*") < before * 1.2 < 300 * 1_000


# --- what somebody who is signed in can make it keep


def test_a_person_has_so_many_sessions_and_the_oldest_ends(redis: Any, people: People) -> None:
    """256 sign-ins in 13 seconds left 256 sessions; the account page had 240 kB."""
    first = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert people.authenticate(first.secret) is not None
    for _ in range(MAX_SESSIONS + 20):
        people.clock.pass_(seconds=1)
        last = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert people.authenticate(first.secret) is None
    assert people.authenticate(last.secret) is not None
    assert len(people.session_store.of_user(last.user.id)) <= MAX_SESSIONS
    assert store_bytes(redis, "{t}:sessions:*") < MAX_SESSIONS * 1_500
    ended = [one.event["data"] for one in people.entries(Actions.SESSION_END)]
    assert len(ended) >= 21
    assert {data["because"] for data in ended} == {"too many sessions"}


def test_sessions_that_ran_out_count_for_nobody(redis: Any, people: People) -> None:
    for _ in range(MAX_SESSIONS):
        entered = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
        redis.delete(people.keys.record("sessions", entered.session.id))
    assert people.authenticate(people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret) is not None
    assert not people.entries(Actions.SESSION_END)


def test_a_person_signs_in_so_often_in_a_day(redis: Any, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves an entry in the log; so does giving the password once more."""
    monkeypatch.setattr(session_store, "MAX_SIGN_INS", 2)
    entered = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    found = people.authenticate(entered.secret)
    assert found is not None
    actor = found.actor
    session, _ = people.sessions.reauth(actor, entered.session, PASSWORD)
    before = store_bytes(redis, "{t}:audit")
    for door in (
        lambda: people.sessions.sign_in(people.visitor(), "ada", PASSWORD),
        lambda: people.sessions.reauth(actor, session, PASSWORD),
    ):
        with pytest.raises(TooMany) as caught:
            door()
        assert 0 < caught.value.retry_after <= 24 * 3600
    assert store_bytes(redis, "{t}:audit") == before
    people.clock.pass_(hours=24)
    people.sessions.sign_in(people.visitor(), "ada", PASSWORD)


class Owner:
    """Makes files, as large in the store as files can be."""

    def __init__(self, redis: Any, most: int) -> None:
        self.world = World.over(redis)
        self.files = RedisFiles(self.world.db, UPLOAD_KEYS, Bounds(most))
        object.__setattr__(self.world.service.completion, "files", self.files)
        self.world.uploads._files = self.files
        self.made = 0

    def make(self, **options: Any) -> File:
        self.made += 1
        name = " ".join(f"w{self.made}x{word}" for word in range(12))
        spec = FileSpec(f"{name}.txt", tags=tuple(f"tag {self.made} {n}" for n in range(MAX_TAGS)), **options)
        return self.world.service.upload_stream(ALICE, spec, io.BytesIO(b"").readinto, 0)


def test_a_person_has_so_many_files_and_as_many_in_the_trash(redis: Any) -> None:
    owner = Owner(redis, 5)
    files = [owner.make() for _ in range(5)]
    for door in (owner.make, lambda: owner.world.service.start(ALICE, total_chunks=2, name="new.txt")):
        with pytest.raises(QuotaExceeded) as caught:
            door()
        assert caught.value.details == {"files": 5}
    spec = FileSpec(files[0].name, on_conflict=OnConflict.REPLACE)
    files.append(owner.world.service.upload_stream(ALICE, spec, io.BytesIO(b"").readinto, 0))
    for file in files[1:]:
        owner.world.library.trash(ALICE, file.id)
    with pytest.raises(QuotaExceeded):
        owner.make()
    for file in files[:2]:
        owner.world.library.purge(ALICE, file.id)
    owner.make()
    owner.world.assert_sound()


def test_at_the_bound_a_file_gets_other_content_of_any_length(redis: Any) -> None:
    owner = Owner(redis, 2)
    first, second = owner.make(), owner.make()
    uploads, long = owner.world.service, b"x" * (2 * CHUNK)
    assert uploads.replace_content(ALICE, first.id, io.BytesIO(long).readinto).number == 2
    spec = FileSpec(second.name, on_conflict=OnConflict.REPLACE)
    assert uploads.upload_stream(ALICE, spec, io.BytesIO(long).readinto, len(long)).id == second.id
    for spec in (FileSpec("new.txt"), FileSpec("new.txt", on_conflict=OnConflict.REPLACE)):
        with pytest.raises(QuotaExceeded):
            uploads.upload_stream(ALICE, spec, io.BytesIO(long).readinto)
    owner.world.assert_sound()


def by_chunks(owner: Owner, spec: FileSpec, *, named: bool = True) -> File:
    uploads, half = owner.world.service, b"x" * CHUNK
    begun = uploads.put_chunk(
        ALICE, upload_id=None, index=0, total_chunks=2, data=half, name=spec.name if named else ""
    ).upload.id
    uploads.put_chunk(ALICE, upload_id=begun, index=1, total_chunks=2, data=half)
    return uploads.complete(ALICE, begun, spec, total_size=2 * CHUNK)


@pytest.mark.parametrize("named", [True, False])
def test_at_the_bound_a_file_gets_other_content_by_chunks(redis: Any, named: bool) -> None:
    owner = Owner(redis, 3)
    first = owner.make()
    inner = owner.world.folders.create(ALICE, name="inner")
    second = owner.world.service.upload_stream(ALICE, FileSpec("two.txt", folder=inner.id), io.BytesIO(b"").readinto)
    owner.make()
    for file in (first, second):
        spec = FileSpec(file.name.upper(), on_conflict=OnConflict.REPLACE, folder=file.folder_id)
        assert by_chunks(owner, spec, named=named).id == file.id
    with pytest.raises(QuotaExceeded):
        by_chunks(owner, FileSpec(first.name), named=named)
    for name in ("tw", "two.txt2", "two.tx", "new.txt"):
        with pytest.raises(QuotaExceeded):
            owner.world.service.start(ALICE, total_chunks=2, name=name)
    owner.world.assert_sound()


def test_what_a_file_can_take_of_the_store(redis: Any) -> None:
    """With twelve words, and twenty tags that nobody has used. So the number of files bounds the memory."""
    owner = Owner(redis, 1_000)
    owner.make()
    before = store_bytes(redis)
    for _ in range(50):
        owner.make()
    assert (store_bytes(redis) - before) / 50 < 14_000


@pytest.mark.parametrize(
    ("total", "index", "size", "taken"), [(101, 0, 65_535, 0), (101, 0, 65_536, 1), (101, 100, 1, 1), (100, 0, 1, 1)]
)
def test_a_file_has_few_small_chunks(redis: Any, total: int, index: int, size: int, taken: int) -> None:
    limits = replace(LIMITS, max_chunk_size=100_000, max_file_size=10**7, quota=10**7, least_chunk=LEAST_CHUNK)
    world = World.over(redis, limits)

    def put() -> Any:
        return world.service.put_chunk(ALICE, upload_id=None, index=index, total_chunks=total, data=bytes(size))

    if taken:
        assert put().upload.received == 1
    else:
        with pytest.raises(Invalid) as caught:
            put()
        assert "65536" in str(caught.value)
        assert not world.uploads.page(Query()).items
