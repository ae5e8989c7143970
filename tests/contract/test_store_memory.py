"""What people and strangers can make the store keep, measured by the store itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backoffice.domain.limits import MAX_REFUSAL_ENTRIES
from backoffice.errors import BadCredentials, NotFound, TooMany
from backoffice.stores.throttle import RedisThrottle
from tests.support.memory import store_bytes
from tests.support.people import People

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
        throttle.attempt(f"network:{address(number)}", 20, 1_000, 300_000, 3_600)
    before = store_bytes(redis, "{t}:throttle*")
    for number in range(1_200, 3_000):
        throttle.attempt(f"network:{address(number)}", 20, 1_000, 300_000, 3_600)
    assert store_bytes(redis, "{t}:throttle*") < before * 1.2 < 300 * 1_000
