"""Signing in: guesses, throttling and what failures tell; named after the items of the security checklist."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from backoffice.domain.actions import Actions
from backoffice.domain.networks import network, site
from backoffice.domain.users import User
from backoffice.errors import BackofficeError, BadCredentials, TooMany, Unavailable
from backoffice.services.sign_in.passwords import Passwords
from backoffice.services.sign_in.trusted_devices import TrustedDevices
from tests.support.people import PASSWORD, ROOT, People, sign_in_outcome


def with_address(people: People) -> User:
    """ada, who is ada@example.org, too."""
    return people.users.create(ROOT, username="ada", email="ada@example.org", password=PASSWORD, roles=("user",))[0]


def heat(people: People, name: str, networks: int = 3) -> int:
    """Guess until there is no place any more for somebody who failed already; how many were guessed."""
    answers = [
        sign_in_outcome(people, name, "wrong", f"198.51.{network}.1") for _ in range(12) for network in range(networks)
    ]
    return answers.count("bad_credentials")


WRONG = [
    ("ada", "wrong"),
    ("ada@example.org", "wrong"),
    ("nobody", PASSWORD),
    ("invited", PASSWORD),
    ("invited", ""),
    ("off", PASSWORD),
    ("off", "wrong"),
    ("", ""),
    ("ada", ""),
    ("x" * 10_000, "y"),
    ("ada", "y" * 10_000),
    ("\ud800", "\ud800"),
    ("ada\0", PASSWORD),
]


def test_A3_A4_every_failure_is_the_same_answer_after_the_same_work(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.user("rosa", "admin")
    with_address(people)
    people.users.create(ROOT, username="invited")
    people.users.disable(ROOT, people.user("off").id)
    work: list[str] = []
    hasher = people.passwords._hasher
    verify = type(hasher).verify
    monkeypatch.setattr(
        type(hasher),
        "verify",
        lambda self, stored, text: (work.append(stored.rpartition("p=")[0]), verify(self, stored, text))[1],
    )
    sign_in_outcome(people, "ada", "wrong")  # the scripts are known from now on
    work.clear()
    answers = []
    for number, (name, password) in enumerate(WRONG):
        before = people.db.trips
        with pytest.raises(BadCredentials) as caught:
            people.sessions.sign_in(people.visitor(f"198.51.100.{number}"), name, password)
        answers.append((str(caught.value), caught.value.code, str(caught.value.details)))
        if number not in {9, 11, 12}:  # what no name can be is not asked for
            assert people.db.trips - before == 4
    assert len(set(answers)) == 1
    assert len(work) == 13
    assert len(set(work)) == 1


def test_A4_the_time_does_not_tell_who_exists(fake: Redis) -> None:
    people = People(fake, Passwords(memory_kib=8 * 1024, passes=1))
    people.user("ada")
    times: dict[str, list[float]] = {"ada": [], "nobody": []}
    for number in range(30):
        for name, found in times.items():
            people.clock.pass_(hours=25)
            visitor = people.visitor(f"2001:db8:{number}:{len(name)}::1")
            start = time.process_time()
            with pytest.raises(BackofficeError):
                people.sessions.sign_in(visitor, name, "wrong")
            found.append(time.process_time() - start)
    known, unknown = (statistics.median(found) for found in times.values())
    assert abs(known - unknown) < 0.25 * max(known, unknown)


def test_A5_guessing_one_account_gets_slow(people: People) -> None:
    people.user("ada")
    for name, ip in (("ada", "203.0.113.9"), ("nobody", "203.0.113.10")):
        answers = [sign_in_outcome(people, name, "wrong", ip) for _ in range(15)]
        # Six for the name, one as a newcomer and two more in this second.
        assert answers == ["bad_credentials"] * 9 + ["too_many_attempts"] * 6
        people.clock.pass_(seconds=1)
    assert sign_in_outcome(people, "nobody", "wrong", "203.0.113.10") == "bad_credentials"
    for _ in range(2):
        sign_in_outcome(people, "ada", "wrong", "203.0.113.9")
    with pytest.raises(TooMany) as caught:
        people.sessions.sign_in(people.visitor("203.0.113.9"), "ada", PASSWORD)
    assert caught.value.retry_after == 2
    people.clock.pass_(seconds=2)
    assert sign_in_outcome(people, "ada", PASSWORD, "203.0.113.9") == "ok"
    assert sign_in_outcome(people, "ada", "wrong", "203.0.113.9") == "bad_credentials"


def test_A5_a_network_has_three_tries_a_day_at_names_that_wait(people: People) -> None:
    people.user("ada")
    assert heat(people, "ada", networks=1) == 6 + 3
    for _ in range(40):
        people.clock.pass_(seconds=150)
        sign_in_outcome(people, "ada", "wrong", "198.51.99.1")  # somebody who takes each place that comes free
    answers = [sign_in_outcome(people, "ada", PASSWORD, f"198.51.{ip}.1") for ip in ("0", "99", "100")]
    assert answers == ["too_many_attempts", "too_many_attempts", "ok"]


def test_A5_an_owner_gets_in_from_a_new_browser_while_others_guess(people: People) -> None:
    """Whoever tried each second took every place of the name: none of 236 tries of its owner reached the password."""
    people.user("ada")
    for minute in range(6):
        people.clock.pass_(seconds=30)
        heat(people, "ada", networks=1)
        assert sign_in_outcome(people, "ada", PASSWORD, f"203.0.113.{minute}") == "ok"
        people.clock.pass_(seconds=30)
        heat(people, "ada", networks=1)
        people.clock.pass_(seconds=1)
        # Also one who mistypes it twice.
        guesses = [sign_in_outcome(people, "ada", one, f"192.0.2.{minute}") for one in ("wrong", "wrong", PASSWORD)]
        assert guesses == ["bad_credentials", "bad_credentials", "ok"]


def test_A4_nothing_tells_that_a_name_and_an_address_are_of_one_account(people: People) -> None:
    """Six failures for one made the other wait at once."""
    with_address(people)
    known, unknown = ("ada", "ada@example.org"), ("ghost", "ghost@example.org")
    answers = []
    for number, (name, address) in enumerate((known, unknown)):
        ip = f"203.0.113.{number}"
        people.clock.pass_(seconds=10)
        answers.append([sign_in_outcome(people, one, "wrong", ip) for one in [name] * 12 + [address] * 12])
    assert answers[0] == answers[1]
    assert answers[0][12:] == ["bad_credentials"] * 6 + ["too_many_attempts"] * 6


def test_A5_the_owner_gets_in_from_a_known_browser_all_the_same(people: People) -> None:
    people.user("ada")
    device = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).device
    heat(people, "ada")
    for _ in range(12):  # in the same network, too
        sign_in_outcome(people, "ada", "wrong")
    assert sign_in_outcome(people, "ada", PASSWORD) == "too_many_attempts"
    assert sign_in_outcome(people, "ada", PASSWORD, device=device) == "ok"
    # A browser that somebody else's sign-in made known is not known for this user; nor is a made-up one.
    people.user("eve")
    eves = people.sessions.sign_in(people.visitor("203.0.113.77"), "eve", PASSWORD).device
    for other in (
        eves,
        device[:-1] + ("0" if device[-1] != "0" else "1"),
        device.partition(".")[0],
        "x.y",
        "é",
        "." * 999,
    ):
        assert sign_in_outcome(people, "ada", PASSWORD, device=other) == "too_many_attempts"
    # A stolen device cookie gives no more guesses than the account has.
    guesses = [sign_in_outcome(people, "ada", "wrong", device=device) for _ in range(10)]
    assert guesses == ["bad_credentials"] * 6 + ["too_many_attempts"] * 4


def test_A5_one_browser_is_known_for_several_people(people: People) -> None:
    device = ""
    users = [people.user(f"user{n}") for n in range(6)]
    for n in range(6):
        device = people.sessions.sign_in(people.visitor(f"203.0.113.{n}"), f"user{n}", PASSWORD, device).device
    known = [bool(people.sessions.devices.known(device, user.id)) for user in users]
    assert known == [False, True, True, True, True, True]


def test_A5_keys_of_known_browsers_rotate() -> None:
    old, new = TrustedDevices((b"old",)), TrustedDevices((b"new", b"old"))
    cookie = old.remember("", "u1")
    assert new.known(cookie, "u1")
    assert not TrustedDevices((b"new",)).known(cookie, "u1")
    assert TrustedDevices((b"new",)).known(new.remember(cookie, "u1"), "u1")
    assert TrustedDevices(()).remember(cookie, "u1") == ""


def test_A5_spraying_many_names_from_one_network_gets_slow(people: People) -> None:
    """CVE-2026-69193, GHSA-2967-6mrp-gg3p: 300 names with one password; addresses in one /64 are one."""
    for make, names in (
        (lambda n: "192.0.2.7", 300),
        (lambda n: f"2001:db8:1:2:{n:x}::1", 40),
        (lambda n: "::ffff:198.51.100.1", 40),
    ):
        answers = [sign_in_outcome(people, f"name{n}{make(0)}", "wrong", make(n)) for n in range(names)]
        assert answers.count("bad_credentials") == 21
        assert answers[-1] == "too_many_attempts"


def test_A5_a_spray_from_many_networks_is_slowed(people: People) -> None:
    answers = [sign_in_outcome(people, f"name{n}", "wrong", f"203.{n // 200}.{n % 200}.1") for n in range(260)]
    # Ten newcomers a second, and two of those who come again.
    assert answers.count("bad_credentials") == 201 + 10 + 2
    people.clock.pass_(minutes=1)
    assert sign_in_outcome(people, "another", "wrong") == "bad_credentials"


def test_A5_a_spray_stops_no_newcomer(people: People) -> None:
    """Of 24 honest first-time browsers four were let through, and the refusals made their own networks wait."""
    people.user("ada")
    people.clock.pass_(ms=60_000 - people.clock() % 60_000)  # everybody's places come anew with the minute
    for second in range(36):
        people.clock.pass_(ms=700)
        for n in range(15):  # from 60 networks
            sign_in_outcome(people, f"name{second}{n}", "wrong", f"198.0.{(second * 15 + n) % 60}.1")
        if second > 30:
            assert sign_in_outcome(people, "ada", PASSWORD, f"203.0.113.{second}") == "ok"


def test_A5_who_is_refused_wears_out_nothing(people: People) -> None:
    people.user("ada")
    assert heat(people, "ada") == 6 + 3 + 2
    for _ in range(60):
        assert sign_in_outcome(people, "ada", "wrong", "198.51.0.1") == "too_many_attempts"
    # The network has all but what it guessed.
    answers = [sign_in_outcome(people, f"name{n}", "wrong", "198.51.0.1") for n in range(60)]
    assert answers.count("bad_credentials") >= 21 - 9


def test_A5_many_people_behind_one_address_sign_in_at_nine(people: People) -> None:
    for n in range(40):
        people.user(f"user{n}")
    assert {sign_in_outcome(people, f"user{n}", PASSWORD) for n in range(40)} == {"ok"}


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("evil\r\n", "unknown"),
    ],
)
def test_A5_networks(ip: str, expected: str) -> None:
    assert network(ip) == expected


def test_A5_65536_networks_of_one_site_are_one_newcomer() -> None:
    assert site("2001:db8:1:2:3:4:5:6") == site("2001:db8:1:ffff::") == "2001:db8:1::"
    assert site("192.0.2.1") == network("192.0.2.1") == "192.0.2.1"


def test_A6_no_sign_in_without_the_limiter(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2021-41177: what cannot be counted is not let in, though the rest of the store would answer."""
    people.user("ada")
    script = people.db.script

    def broken(name: str, *args: Any, **options: Any) -> Any:
        if name == "throttle":
            raise Unavailable from RedisConnectionError("gone")
        return script(name, *args, **options)

    device = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).device
    monkeypatch.setattr(type(people.db), "script", lambda self, *args, **options: broken(*args, **options))
    # A wrong password is not even compared: who cannot be counted learns nothing.
    for name, password, known in (
        ("ada", PASSWORD, ""),
        ("ada", "wrong", ""),
        ("ada", "wrong", device),
        ("x", "y", ""),
    ):
        with pytest.raises(Unavailable):
            people.sessions.sign_in(people.visitor(), name, password, known)
    assert len(people.entries(Actions.SESSION_START)) == 1  # that of before
