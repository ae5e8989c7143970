"""Whoever guesses, from wherever: the owner gets a try, and the guesses stay few."""

from __future__ import annotations

import pytest
from redis import Redis

from tests.support.database import database
from tests.support.guessing import attack

pytestmark = pytest.mark.real_only
HOUR = 3600


@pytest.mark.parametrize(
    ("who", "networks", "most"),
    [
        # For each of two names: six, nine until the wait is five minutes long, twelve an hour; three as newcomers.
        ("one address", 1, 2 * (6 + 9 + 12) + 3),
        ("a /48", 65_536, 2 * (6 + 9 + 12) + 3),
        ("10,000 networks", 200, 2 * (6 + 9 + 12) + 200 * 3),
    ],
)
def test_A5_an_owner_gets_in_and_guesses_stay_few_whoever_attacks(
    redis: Redis, who: str, networks: int, most: int
) -> None:
    """An hour of the simulation of which `docs/security.md` tells a day."""
    hour = attack(database(redis), who, pace=9, networks=networks)
    hour.run(HOUR, 60)
    assert hour.owner == [True] * 60
    assert most * 0.5 < hour.guesses <= most


def test_A5_many_networks_that_begin_at_once_take_the_places_of_newcomers_for_as_long_as_they_last(
    redis: Redis,
) -> None:
    """Ten a second: a thousand of them last less than two minutes."""
    flood = attack(database(redis), "10,000 networks", pace=1_000, networks=1_000)
    flood.run(300, 10)
    assert flood.owner[11:] == [True] * 19
    assert not all(flood.owner[:11])
