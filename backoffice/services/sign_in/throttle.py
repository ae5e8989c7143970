"""How fast somebody may fail to sign in: by account, by known browser, by network and altogether."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass

from backoffice.domain.text import fold
from backoffice.errors import TooMany
from backoffice.services.ports import Throttle

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Limit:
    """Free failures, then a wait that doubles from the first to the longest; all forgotten after a while."""

    free: int
    first_ms: int
    longest_ms: int
    forget_s: int


ACCOUNT = Limit(5, 1_000, 5 * MINUTE_MS, 24 * 3600)
"""For a name, whoever tries it. Somebody who fails on purpose delays its owner by five minutes at most, and not at all
in a browser that the owner has signed in with before (`DEVICE`)."""
DEVICE = ACCOUNT
"""For a name in a browser that signed in with it before."""
NETWORK = Limit(20, 1_000, 5 * MINUTE_MS, 3600)
"""For an IPv4 address or an IPv6 /64, whatever names are tried; only failures count in the end."""
GLOBAL = Limit(200, 100, 2_000, 120)
"""For all unknown browsers together, anew every minute: slows a spray from many networks, and others only slightly."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted together. `keeps`: a success takes back its own attempt, not the failures of others."""

    name: str
    limit: Limit
    keeps: bool = False


def password_buckets(user_id: str) -> tuple[Bucket, ...]:
    """For somebody who is signed in and gives the password once more."""
    return (Bucket(f"password:{user_id}", ACCOUNT),)


def sign_in_buckets(login: str, user_id: str, device: str, ip: str, now: int) -> tuple[Bucket, ...]:
    """For a sign-in; the widest first, so that a flood does not wear out an account's attempts. `user_id` "" = nobody
    has this login; `device` "" = not known for this user."""
    if user_id and device:
        return (Bucket(f"device:{user_id}:{device}", DEVICE),)
    # A login that nobody has is counted like one that somebody has, under its hash: it is a user's text.
    account = user_id or "login:" + hashlib.sha256(fold(login).encode(errors="replace")).hexdigest()[:32]
    return (
        Bucket(f"network:{network(ip)}", NETWORK, keeps=True),
        Bucket(f"everybody:{now // MINUTE_MS}", GLOBAL, keeps=True),
        Bucket(f"account:{account}", ACCOUNT),
    )


def consume(throttle: Throttle, buckets: tuple[Bucket, ...]) -> None:
    """Count an attempt in each. Raises TooMany at the first that says wait; an error of the store goes up."""
    for bucket in buckets:
        limit = bucket.limit
        wait = throttle.attempt(bucket.name, limit.free, limit.first_ms, limit.longest_ms, limit.forget_s)
        if wait:
            raise TooMany(retry_after=-(-wait // 1000))


def reset(throttle: Throttle, buckets: tuple[Bucket, ...]) -> None:
    """The attempt was a success."""
    for bucket in buckets:
        limit = bucket.limit
        if bucket.keeps:
            throttle.forgive(bucket.name, limit.free, limit.first_ms, limit.longest_ms, limit.forget_s)
        else:
            throttle.clear(bucket.name)


def network(ip: str) -> str:
    """The part of an address that one customer has: IPv4 whole (also mapped into IPv6), IPv6 the first 64 bits."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False).network_address)
        address = address.ipv4_mapped
    return str(address)
