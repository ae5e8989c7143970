"""How fast somebody may fail to sign in: by name, by known browser, by network and altogether."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from backoffice.domain.networks import network, site
from backoffice.domain.text import fold
from backoffice.domain.throttling import Bucket, Limit
from backoffice.errors import TooMany
from backoffice.measures import count
from backoffice.services.ports import Throttle

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
DAY_S: Final = 24 * 3600
DAY_MS: Final = DAY_S * 1000

ACCOUNT: Final = Limit(5, SECOND_MS, 5 * MINUTE_MS, DAY_S)
"""For a name, whoever tries it. Somebody who fails on purpose keeps it waiting; its owner gets in all the same: in a
browser that signed in before (`DEVICE`), or as a newcomer (`FIRST_TRY`)."""
DEVICE: Final = ACCOUNT
"""For a name in a browser that signed in with it before."""
NETWORK: Final = Limit(20, SECOND_MS, 5 * MINUTE_MS, 3600)
"""For an IPv4 address or an IPv6 /64, whatever names are tried; only failures count in the end."""
SITE: Final = Limit(200, SECOND_MS, MINUTE_MS, 3600)
"""For an IPv6 /48, which has 65,536 networks."""
EVERYBODY: Final = Limit(200, 100, 2_000, 120)
"""For all unknown browsers together, anew every minute: slows a spray from many networks."""

GUESTS: Final = Limit(1_000, SECOND_MS, MINUTE_MS, DAY_S)
"""For what guests of requests begin to send from an IPv4 address or an IPv6 /48, by one link and by all: so no stranger
uses up alone what an owner's guests may do in a day."""

FIRST_TRY: Final = Limit(0, DAY_MS, DAY_MS, DAY_S)
"""What a site that has not failed as a newcomer for a day may do while the name or everybody has to wait: so an owner
gets a try from wherever nobody attacks, and who attacks gets one more guess for each network that is at hand."""
LATER_TRIES: Final = Limit(1, DAY_MS, DAY_MS, DAY_S)
"""Two more for somebody who mistyped the first one."""
FIRST_TRIES_OF_ALL: Final = Limit(9, SECOND_MS, SECOND_MS, 10)
"""Ten in each second: what hashing them takes must leave the machine to others."""
LATER_TRIES_OF_ALL: Final = Limit(1, SECOND_MS, SECOND_MS, 10)
"""Two in each second, apart from the first ones: those who fail on purpose take no place from who comes anew."""

Way: TypeAlias = tuple[Bucket, ...]
"""Buckets that all have to let an attempt through."""


def password_ways(user_id: str) -> tuple[Way, ...]:
    """For somebody who is signed in and gives the password once more."""
    return ((Bucket(f"password:{user_id}", ACCOUNT),),)


def link_ways(link_id: str, ip: str) -> tuple[Way, ...]:
    """For the password of a share link, whoever has its address."""
    return ((Bucket(f"link_network:{network(ip)}", NETWORK, keeps=True), Bucket(f"link:{link_id}", ACCOUNT)),)


def address_ways(ip: str) -> tuple[Way, ...]:
    """For addresses of share links that lead nowhere (any more)."""
    return ((Bucket(f"link_network:{network(ip)}", NETWORK, keeps=True),),)


def guest_ways(link_id: str, ip: str) -> tuple[Way, ...]:
    """For a file that a guest begins to send by a request. Each counts, whatever becomes of it."""
    customer = site(ip)
    return ((Bucket(f"guest_network:{customer}", GUESTS), Bucket(f"guest_link:{link_id} {customer}", GUESTS)),)


def naming_ways(user_id: str) -> tuple[Way, ...]:
    """For somebody who names users that are not there, to share something with them."""
    return ((Bucket(f"naming:{user_id}", NETWORK, keeps=True),),)


def sign_in_ways(login: str, device: str, ip: str, now: int) -> tuple[Way, ...]:
    """For a sign-in, the usual way first. `device` "" = not known for this user.

    A login is counted under the hash of what was typed (it is a user's text), whoever has it: one that nobody has looks
    like one that somebody has, and nothing tells that a name and an address are of one account."""
    name = typed(login)
    if device:
        return ((Bucket(f"device:{name}:{device}", DEVICE),),)
    place = site(ip)
    here = [Bucket(f"network:{network(ip)}", NETWORK, keeps=True)]
    if place != network(ip):
        here.append(Bucket(f"site:{place}", SITE, keeps=True))
    second = now // SECOND_MS
    return (
        (*here, Bucket(f"everybody:{now // MINUTE_MS}", EVERYBODY, keeps=True), Bucket(f"account:{name}", ACCOUNT)),
        (
            *here,
            Bucket(f"first_try:{place}", FIRST_TRY, keeps=True),
            Bucket(f"first_tries:{second}", FIRST_TRIES_OF_ALL, keeps=True),
        ),
        (
            *here,
            Bucket(f"later_try:{place}", LATER_TRIES, keeps=True),
            Bucket(f"later_tries:{second}", LATER_TRIES_OF_ALL, keeps=True),
        ),
    )


def typed(login: str) -> str:
    """How a name or address is called in what is counted: it is a user's text."""
    return hashlib.sha256(fold(login).encode(errors="replace")).hexdigest()[:32]


def consume(throttle: Throttle, ways: tuple[Way, ...]) -> Way:
    """Count an attempt on the first way that lets it through: that way. Raises TooMany where none does; an error of the
    store goes up."""
    waits = []
    for way in ways:
        wait = throttle.attempt(way)
        if not wait:
            return way
        waits.append(wait)
    count("throttled", ways[0][-1].name.partition(":")[0])
    raise TooMany(retry_after=-(-min(waits) // 1000))
