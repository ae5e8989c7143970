"""Signing in: guesses, throttling and what failures tell; named after the items of the security checklist."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from backoffice.domain.actions import Actions
from backoffice.errors import BackofficeError, BadCredentials, TooMany, Unavailable
from backoffice.services.sign_in.passwords import Passwords
from backoffice.services.sign_in.throttle import network
from backoffice.services.sign_in.trusted_devices import TrustedDevices
from tests.support.people import PASSWORD, ROOT, People

STRONGER = Passwords(memory_kib=16, passes=1)


def outcome(people: People, name: str, password: str, ip: str = "192.0.2.1", device: str = "") -> str:
    try:
        people.sessions.sign_in(people.visitor(ip), name, password, device)
    except BackofficeError as error:
        return error.code
    return "ok"


WRONG = [
    ("ada", "wrong"),
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
    people.user("root", "admin")
    people.user("ada")
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
    outcome(people, "ada", "wrong")  # the scripts are known from now on
    work.clear()
    answers = []
    for number, (name, password) in enumerate(WRONG):
        before = people.db.trips
        with pytest.raises(BadCredentials) as caught:
            people.sessions.sign_in(people.visitor(f"198.51.100.{number}"), name, password)
        answers.append((str(caught.value), caught.value.code, str(caught.value.details)))
        if number not in {8, 10, 11}:  # what no name can be is not asked for
            assert people.db.trips - before == 6
    assert len(set(answers)) == 1
    assert len(work) == 12
    assert len(set(work)) == 1


def test_A4_the_time_does_not_tell_who_exists(fake: Redis) -> None:
    people = People(fake, Passwords(memory_kib=8 * 1024, passes=1))
    people.user("ada")
    times: dict[str, list[float]] = {"ada": [], "nobody": []}
    for number in range(30):
        for name, found in times.items():
            people.clock.pass_(hours=1)
            visitor = people.visitor(f"2001:db8:{number}:{len(name)}::1")
            people.throttle.clear("account:" + ((people.user_store.find(name) or ROOT).id))
            start = time.perf_counter()
            with pytest.raises(BackofficeError):
                people.sessions.sign_in(visitor, name, "wrong")
            found.append(time.perf_counter() - start)
    known, unknown = (statistics.median(found) for found in times.values())
    assert abs(known - unknown) < 0.25 * max(known, unknown)


def test_A5_guessing_one_account_gets_slow(people: People) -> None:
    people.user("ada")
    for name in ("ada", "nobody"):
        answers = [outcome(people, name, "wrong", f"198.51.{len(name)}.{n}") for n in range(10)]
        assert answers == ["bad_credentials"] * 6 + ["too_many_attempts"] * 4
    with pytest.raises(TooMany) as caught:
        people.sessions.sign_in(people.visitor("203.0.113.9"), "ada", PASSWORD)
    assert caught.value.retry_after == 1
    people.clock.pass_(seconds=1)
    assert outcome(people, "ada", PASSWORD, "203.0.113.9") == "ok"
    assert outcome(people, "ada", "wrong", "203.0.113.9") == "bad_credentials"


def test_A5_the_owner_gets_in_from_a_known_browser_all_the_same(people: People) -> None:
    people.user("ada")
    device = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).device
    for n in range(60):
        outcome(people, "ada", "wrong", f"198.51.100.{n}")
        people.clock.pass_(seconds=20)
    assert outcome(people, "ada", PASSWORD) == "too_many_attempts"
    assert outcome(people, "ada", PASSWORD, device=device) == "ok"
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
        assert outcome(people, "ada", PASSWORD, device=other) == "too_many_attempts"
    # A stolen device cookie gives no more guesses than the account has.
    guesses = [outcome(people, "ada", "wrong", device=device) for _ in range(10)]
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
        answers = [outcome(people, f"name{n}{make(0)}", "wrong", make(n)) for n in range(names)]
        assert answers.count("bad_credentials") == 21
        assert answers[-1] == "too_many_attempts"


def test_A5_a_spray_from_many_networks_is_slowed(people: People) -> None:
    answers = [outcome(people, f"name{n}", "wrong", f"203.{n // 200}.{n % 200}.1") for n in range(230)]
    assert 200 < answers.count("bad_credentials") < 210
    people.clock.pass_(minutes=1)
    assert outcome(people, "another", "wrong") == "bad_credentials"


def test_A5_many_people_behind_one_address_sign_in_at_nine(people: People) -> None:
    for n in range(40):
        people.user(f"user{n}")
    assert {outcome(people, f"user{n}", PASSWORD) for n in range(40)} == {"ok"}


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


def test_A1_the_hash_is_made_anew_at_the_next_sign_in(people: People, fake: Redis) -> None:
    user = people.user("ada")
    stronger = People(fake, STRONGER)
    stronger.sessions.sign_in(stronger.visitor(), "ada", PASSWORD)
    stored = stronger.user_store.get(user.id)
    assert stored is not None
    assert "m=16," in stored.password
    assert stored.epoch == user.epoch
    assert not STRONGER.stale(stored.password)
    assert stronger.sessions.sign_in(stronger.visitor(), "ada", PASSWORD).user.id == user.id
    assert len(people.entries(Actions.USER_UPDATE)) == 1


def test_refusals_are_recorded_without_what_was_typed(people: People) -> None:
    ada = people.user("ada")
    outcome(people, "ada", "hunter2 typed here")
    outcome(people, "my password by mistake", "x")
    known, unknown = people.entries(Actions.SESSION_REFUSE)
    assert known.event["object"]["id"] == ada.id
    assert known.event["outcome"] == "denied"
    assert "object" not in unknown.event
    assert b"mistake" not in unknown.raw
    assert b"hunter2" not in known.raw


def test_a_flood_does_not_fill_the_log(people: People) -> None:
    people.user("ada")
    for n in range(100):
        outcome(people, "ada", "wrong", f"198.51.100.{n}")
    assert len(people.entries(Actions.SESSION_REFUSE)) < 110
    for _ in range(100):
        outcome(people, "ada", "wrong", "192.0.2.1")
    assert len(people.entries(Actions.SESSION_REFUSE)) < 130


def test_start_for_wants_an_active_user(people: People) -> None:
    user, _ = people.users.create(ROOT, username="ada")
    with pytest.raises(BadCredentials):
        people.sessions.start_for(people.visitor(), user)
    active = people.users.set_password(ROOT, user.id, PASSWORD)
    assert people.authenticate(people.sessions.start_for(people.visitor(), active).secret).user.id == user.id
