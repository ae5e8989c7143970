"""Signing in and out; named after the items of the security checklist that they prove."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from backoffice.domain.access import ANONYMOUS, Permission
from backoffice.domain.audit import Action
from backoffice.domain.ids import new_secret, secret_hash
from backoffice.errors import BackofficeError, BadCredentials, NotAllowed, NotFound, NotSignedIn, TooMany, Unavailable
from backoffice.services.devices import Devices
from backoffice.services.limits import network
from backoffice.services.passwords import Passwords
from tests.people import PASSWORD, ROOT, People

STRONGER = Passwords(memory_kib=16, passes=1)


@pytest.fixture
def people(fake: Redis) -> People:
    return People(fake)


def outcome(people: People, name: str, password: str, ip: str = "192.0.2.1", device: str = "") -> str:
    try:
        people.sessions.sign_in(people.visitor(ip), name, password, device)
    except BackofficeError as error:
        return error.code
    return "ok"


def test_sign_in_and_resume(people: People) -> None:
    user = people.user("Ada")
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    found = people.resume(signed.secret)
    assert found.user.id == user.id
    assert found.session == signed.session
    assert found.actor.permissions >= {Permission.FILES_READ, Permission.TOKENS_OWN}
    assert (found.actor.name, found.actor.via, found.actor.request_id) == ("Ada", "web", "r2")
    assert people.user_store.get(user.id).last_login_at == people.clock()  # type: ignore[union-attr]
    entry = people.entries(Action.SESSION_START)[-1]
    assert entry.event["actor"]["id"] == user.id
    assert entry.event["actor"]["ip"] == "192.0.2.1"


# -- S: sessions


def test_S2_the_secret_has_256_bits_and_only_its_hash_is_stored(people: People, fake: Redis) -> None:
    people.user("ada")
    secrets = {people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret for _ in range(5)}
    assert len(secrets) == 5
    assert all(len(secret) == 43 for secret in secrets)
    dump = b"".join(key + (fake.dump(key) or b"") for key in fake.keys())  # noqa: SIM118 - a command, not a dict
    for secret in secrets:
        assert secret.encode() not in dump
        assert secret_hash(secret).encode() in dump


def test_S3_every_sign_in_and_every_proof_has_a_new_id(people: People) -> None:
    people.user("ada")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    two = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert one.session.id != two.session.id
    people.clock.pass_(minutes=11)
    resumed = people.resume(one.secret)
    assert not people.sessions.recent(resumed.session)
    new, secret = people.sessions.reauth(resumed.actor, resumed.session, PASSWORD)
    assert people.resume(one.secret) is None
    assert people.resume(secret).session == new
    assert people.sessions.recent(new)
    assert new.ends_at == one.session.ends_at
    with pytest.raises(BadCredentials):
        people.sessions.reauth(resumed.actor, new, "wrong")


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, new_secret(), "é" * 43, "x" * 10_000, "\0" * 43, "\ud800" * 43])
def test_S4_an_invented_id_is_nobody(people: People, secret: str) -> None:
    people.user("ada")
    assert people.resume(secret) is None


def test_S4_the_stored_hash_is_no_secret(people: People) -> None:
    people.user("ada")
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert people.resume(signed.session.id) is None


def test_S5_a_session_ends_after_thirty_idle_minutes(people: People) -> None:
    people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    for _ in range(3):
        people.clock.pass_(minutes=29)
        assert people.resume(secret) is not None
    people.clock.pass_(minutes=30)
    assert people.resume(secret) is None


def test_S5_a_session_ends_after_twelve_hours_of_use(people: People) -> None:
    people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    alive = 0
    while people.resume(secret) is not None:
        people.clock.pass_(minutes=20)
        alive += 20
    assert alive == 12 * 60


@pytest.mark.parametrize("how", ["password", "own-password", "roles", "disable", "delete", "end_all", "invite-used"])
def test_S6_Z9_sessions_and_tokens_die_at_the_next_request(people: People, how: str) -> None:
    people.user("root", "admin")
    user = people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    _, text = people.tokens.create(people.actor(user), name="t")
    link = people.users.invite(ROOT, user.id)
    assert people.resume(secret) is not None
    acts: dict[str, Any] = {
        "password": lambda: people.users.set_password(ROOT, user.id, "another long phrase"),
        "own-password": lambda: people.users.change_password(people.actor(user), PASSWORD, "another long phrase"),
        "roles": lambda: people.users.update(ROOT, user.id, roles=["auditor"]),
        "disable": lambda: people.users.disable(ROOT, user.id),
        "delete": lambda: people.users.delete(ROOT, user.id),
        "end_all": lambda: people.sessions.end_all(people.actor(user), user.id),
        "invite-used": lambda: people.users.accept_invite(people.visitor(), link, "another long phrase"),
    }
    acts[how]()
    assert people.resume(secret) is None
    assert people.tokens.resume(text, ip="", agent="", request_id="") is None


def test_S6_a_changed_role_holds_from_the_next_request(people: People) -> None:
    people.roles.create(ROOT, name="desk", permissions=["users:read"])
    people.user("ada", "desk")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    assert people.resume(secret).actor.permissions == {Permission.USERS_READ}
    people.roles.update(ROOT, "desk", permissions=["files:read"])
    assert people.resume(secret).actor.permissions == {Permission.FILES_READ}


def test_S6_signing_out_ends_this_session_alone(people: People) -> None:
    people.user("ada")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    two = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    found = people.resume(one.secret)
    people.sessions.sign_out(found.actor, found.session)
    people.sessions.sign_out(found.actor, found.session)
    assert people.resume(one.secret) is None
    assert people.resume(two.secret) is not None
    assert len(people.entries(Action.SESSION_END)) == 1


def test_S7_people_see_and_end_their_own_sessions(people: People) -> None:
    ada, eve = people.user("ada"), people.user("eve")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    people.clock.pass_(seconds=1)
    two = people.sessions.sign_in(people.visitor("2001:db8::1"), "ada", PASSWORD)
    mine = people.sessions.mine(people.actor(ada))
    assert [session.id for session in mine] == [two.session.id, one.session.id]
    assert mine[0].ip == "2001:db8::1"
    with pytest.raises(NotFound):
        people.sessions.end(people.actor(eve), one.session.id)
    for unknown in ("", "x", "0" * 64):
        with pytest.raises(NotFound):
            people.sessions.end(people.actor(ada), unknown)
    people.sessions.end(people.actor(ada), one.session.id)
    assert people.resume(one.secret) is None
    assert people.sessions.mine(people.actor(eve)) == []


def test_S7_holders_of_the_right_end_anybodys(people: People) -> None:
    ada, operator, root = people.user("ada"), people.user("op", "operator"), people.user("root", "admin")
    one = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    admins = people.sessions.sign_in(people.visitor(), "root", PASSWORD)
    assert [session.id for session in people.sessions.of_user(people.actor(operator), ada.id)] == [one.session.id]
    people.sessions.end(people.actor(operator), one.session.id)
    assert people.resume(one.secret) is None
    with pytest.raises(NotAllowed):
        people.sessions.end(people.actor(operator), admins.session.id)
    with pytest.raises(NotAllowed):
        people.sessions.of_user(people.actor(ada), root.id)
    with pytest.raises(NotAllowed):
        people.sessions.end_all(people.actor(ada), root.id)
    assert people.resume(admins.secret) is not None


def test_Z8_a_token_does_not_look_after_sessions(people: People) -> None:
    ada = people.user("ada")
    signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    token = replace(people.actor(ada), credential="token:x", scopes=frozenset({Permission.FILES_READ}))
    for act in (
        lambda: people.sessions.mine(token),
        lambda: people.sessions.end(token, signed.session.id),
        lambda: people.sessions.end_all(token, ada.id),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotSignedIn):
        people.sessions.mine(ANONYMOUS)


def test_a_request_takes_two_trips_and_a_third_once_a_minute(people: People) -> None:
    people.user("ada")
    secret = people.sessions.sign_in(people.visitor(), "ada", PASSWORD).secret
    people.resume(secret)
    trips = []
    for _ in range(4):
        before = people.db.trips
        people.resume(secret)
        trips.append(people.db.trips - before)
        people.clock.pass_(seconds=30)
    assert trips[0] == trips[1] == 2
    assert sum(trips) <= 10


# -- A: signing in


def test_A3_A4_every_failure_is_the_same_answer_after_the_same_work(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    people.user("root", "admin")
    people.user("ada")
    people.users.create(ROOT, username="invited")
    people.users.disable(ROOT, people.user("off").id)
    work: list[str] = []
    hasher = people.passwords._hasher
    verify = type(hasher).verify
    monkeypatch.setattr(
        type(hasher), "verify", lambda self, stored, text: (work.append(stored.rpartition("p=")[0]), verify(self, stored, text))[1]
    )
    outcome(people, "ada", "wrong")  # the scripts are known from now on
    work.clear()
    answers = []
    for number, (name, password) in enumerate(
        [("ada", "wrong"), ("nobody", PASSWORD), ("invited", PASSWORD), ("invited", ""), ("off", PASSWORD), ("off", "wrong"),
         ("", ""), ("ada", ""), ("x" * 10_000, "y"), ("ada", "y" * 10_000), ("\ud800", "\ud800"), ("ada\0", PASSWORD)]
    ):  # fmt: skip
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
    for other in (eves, device[:-1] + ("0" if device[-1] != "0" else "1"), device.partition(".")[0], "x.y", "é", "." * 999):
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
    old, new = Devices((b"old",)), Devices((b"new", b"old"))
    cookie = old.remember("", "u1")
    assert new.known(cookie, "u1")
    assert not Devices((b"new",)).known(cookie, "u1")
    assert Devices((b"new",)).known(new.remember(cookie, "u1"), "u1")
    assert Devices(()).remember(cookie, "u1") == ""


def test_A5_spraying_many_names_from_one_network_gets_slow(people: People) -> None:
    """CVE-2026-69193, GHSA-2967-6mrp-gg3p: 300 names with one password; addresses in one /64 are one."""
    for make, names in ((lambda n: "192.0.2.7", 300), (lambda n: f"2001:db8:1:2:{n:x}::1", 40), (lambda n: "::ffff:198.51.100.1", 40)):
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

    monkeypatch.setattr(type(people.db), "script", lambda self, *args, **options: broken(*args, **options))
    with pytest.raises(Unavailable):
        people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
    assert people.entries(Action.SESSION_START) == []


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
    assert len(people.entries(Action.USER_UPDATE)) == 1


def test_refusals_are_recorded_without_what_was_typed(people: People) -> None:
    ada = people.user("ada")
    outcome(people, "ada", "hunter2 typed here")
    outcome(people, "my password by mistake", "x")
    known, unknown = people.entries(Action.SESSION_REFUSE)
    assert known.event["object"]["id"] == ada.id
    assert known.event["outcome"] == "denied"
    assert "object" not in unknown.event
    assert b"mistake" not in unknown.raw
    assert b"hunter2" not in known.raw


def test_a_flood_does_not_fill_the_log(people: People) -> None:
    people.user("ada")
    for n in range(100):
        outcome(people, "ada", "wrong", f"198.51.100.{n}")
    assert len(people.entries(Action.SESSION_REFUSE)) < 110
    for _ in range(100):
        outcome(people, "ada", "wrong", "192.0.2.1")
    assert len(people.entries(Action.SESSION_REFUSE)) < 130


def test_start_for_wants_an_active_user(people: People) -> None:
    user, _ = people.users.create(ROOT, username="ada")
    with pytest.raises(BadCredentials):
        people.sessions.start_for(people.visitor(), user)
    active = people.users.set_password(ROOT, user.id, PASSWORD)
    assert people.resume(people.sessions.start_for(people.visitor(), active).secret).user.id == user.id
