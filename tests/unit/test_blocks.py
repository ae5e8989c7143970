"""Whom failed sign-ins keep waiting: seen with why and until when, and let go on (A5)."""

from __future__ import annotations

import pytest
from redis import Redis

from backoffice.domain.access import granted_by
from backoffice.domain.actions import Actions
from backoffice.domain.blocked import Blocked, BlockedKind
from backoffice.domain.paging import Query
from backoffice.domain.throttling import Bucket
from backoffice.errors import BadCredentials, NotAllowed, NotFound, TooMany
from backoffice.services.sign_in.throttle import ACCOUNT, NETWORK
from tests.support.people import PASSWORD, ROOT, People, anybody


@pytest.fixture
def people(fake: Redis) -> People:
    return People(fake)


def fail(people: People, name: str = "ada", ip: str = "192.0.2.1") -> None:
    with pytest.raises((BadCredentials, TooMany)):
        people.sessions.sign_in(people.visitor(ip), name, "not the password")


def blocked(people: People) -> list[Blocked]:
    return list(people.blocks.page(ROOT, Query()).items)


def block(people: People, name: str = "ada") -> None:
    for _ in range(ACCOUNT.free + 1):
        fail(people, name)


def test_a_name_that_has_to_wait_is_listed_with_whose_it_is_and_until_when(people: People) -> None:
    user = people.user("ada")
    for _ in range(ACCOUNT.free):
        fail(people)
    assert blocked(people) == []
    fail(people)
    [one] = blocked(people)
    assert (one.kind, one.user, one.username, one.failures) == (BlockedKind.NAME, user.id, "ada", ACCOUNT.free + 1)
    assert one.until == people.clock() + ACCOUNT.first_ms


def test_a_name_of_nobody_is_not_spelled_out(people: People) -> None:
    block(people, "my secret password")
    [one] = blocked(people)
    assert (one.user, one.username) == ("", "")
    assert "secret" not in repr(one)


def test_what_is_lifted_may_try_again_at_once_and_is_in_the_log(people: People) -> None:
    people.user("ada")
    for _ in range(8):
        block(people)
        people.clock.pass_(seconds=20)
    fail(people)
    [one] = blocked(people)
    assert one.until > people.clock()
    people.blocks.lift(ROOT, one.id)
    assert blocked(people) == []
    people.sessions.sign_in(people.visitor("192.0.2.7"), "ada", PASSWORD)
    [entry] = people.entries(Actions.BLOCK_LIFT)
    assert entry.event["object"] == {"type": "block", "id": one.id, "name": "ada"}
    with pytest.raises(NotFound):
        people.blocks.lift(ROOT, one.id)


def test_addresses_are_listed_and_those_of_ipv6_too(people: People) -> None:
    for network in ("192.0.2.9", "2001:db8::"):
        for _ in range(NETWORK.free + 1):
            people.throttle.attempt((Bucket(f"network:{network}", NETWORK, keeps=True),))
    assert {one.id for one in blocked(people)} == {"address:192.0.2.9", "address:2001:db8::"}
    people.blocks.lift(ROOT, "address:2001:db8::")
    assert [one.who for one in blocked(people)] == ["192.0.2.9"]


def test_who_may_see_users_sees_them_and_who_may_change_users_lifts_them(people: People) -> None:
    block(people)
    [one] = blocked(people)
    auditor = anybody(*granted_by("auditor"))
    assert people.blocks.page(auditor, Query()).total == 1
    with pytest.raises(NotAllowed):
        people.blocks.lift(auditor, one.id)
    with pytest.raises(NotAllowed):
        people.blocks.page(anybody(*granted_by("user")), Query())
