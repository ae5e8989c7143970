"""What two people do at the same moment, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pytest
from redis import Redis

from backoffice.domain.actions import Actions
from backoffice.domain.users import User
from backoffice.errors import BackofficeError, InUse, Invalid, LastAdmin, NameTaken
from tests.support.people import CHEAP, PASSWORD, ROOT, People

T = TypeVar("T")


@pytest.fixture
def people(real: Redis) -> People:
    return People(real)


def at_once(acts: list[Callable[[], T]]) -> list[T | BackofficeError]:
    """What each gave or raised, all begun at the same moment."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T | BackofficeError:
        gate.wait(20)
        try:
            return act()
        except BackofficeError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def raised(results: list[object]) -> list[type]:
    return [type(one) for one in results if isinstance(one, BackofficeError)]


@pytest.mark.parametrize(
    "paths", [("demote", "demote"), ("disable", "delete"), ("delete", "demote"), ("disable", "disable")]
)
def test_Z5_last_admin_is_kept_under_parallel_demotions(people: People, real: Redis, paths: tuple[str, str]) -> None:
    def ends(path: str, user: User) -> Callable[[], object]:
        return {
            "demote": lambda: people.users.update(ROOT, user.id, roles=["user"]),
            "disable": lambda: people.users.disable(ROOT, user.id),
            "delete": lambda: people.users.delete(ROOT, user.id),
        }[path]

    for turn in range(15):
        real.flushall()
        pair = [people.user(f"admin{turn}-{n}", "admin") for n in range(2)]
        results = at_once([ends(path, user) for path, user in zip(paths, pair, strict=True)])
        assert raised(results) == [LastAdmin]
        assert people.user_store.count_admins() == 1
        stored = people.user_store.get_many([user.id for user in pair])
        assert sum(user is not None and user.active and "admin" in user.roles for user in stored) == 1


def test_of_32_parallel_creates_one_gets_the_name(people: People) -> None:
    names = ["Ada", "ada", "ADA", "\uff21da"] * 8
    results = at_once([lambda name=name: people.users.create(ROOT, username=name, password=PASSWORD) for name in names])
    assert raised(results) == [NameTaken] * 31
    assert len(people.entries(Actions.USER_CREATE)) == 1
    assert people.users.find(ROOT, "ada").password


def test_a_name_and_an_address_do_not_meet(people: People) -> None:
    for turn in range(10):
        text = f"ada{turn}@example.org"
        results = at_once(
            [
                lambda text=text: people.users.create(ROOT, username=text),
                lambda text=text, turn=turn: people.users.create(ROOT, username=f"bob{turn}", email=text),
            ]
        )
        assert raised(results) == [NameTaken]


def test_a_link_is_accepted_once(people: People) -> None:
    user, link = people.users.create(ROOT, username="ada")
    phrases = [f"phrase number {n} of many" for n in range(16)]
    results = at_once(
        [lambda phrase=phrase: people.users.accept_invite(people.visitor(), link, phrase) for phrase in phrases]
    )
    assert len(raised(results)) == 15
    stored = people.user_store.get(user.id)
    assert stored is not None
    assert sum(CHEAP.verify(stored.password, phrase) for phrase in phrases) == 1
    assert stored.epoch == user.epoch + 1


def test_a_role_is_not_deleted_while_somebody_gets_it(people: People) -> None:
    for turn in range(15):
        name = f"role{turn}"
        people.roles.create(ROOT, name=name, permissions=["files:read"])
        results = at_once(
            [
                lambda name=name: people.roles.delete(ROOT, name),
                lambda name=name, turn=turn: people.users.create(ROOT, username=f"u{turn}", roles=[name]),
            ]
        )
        assert len(raised(results)) == 1
        assert raised(results)[0] in {InUse, Invalid}
        given = people.user_store.find(f"u{turn}") is not None
        assert (name in people.role_store.all()) == given


def test_A5_guesses_sent_at_the_same_moment_are_counted_one_by_one(people: People) -> None:
    people.user("ada")
    results = at_once(
        [lambda n=n: people.sessions.sign_in(people.visitor(f"198.51.100.{n}"), "ada", f"guess {n}") for n in range(24)]
    )
    codes = [one.code for one in results if isinstance(one, BackofficeError)]
    # Six for the name, and in one second ten that come anew and two that come again.
    assert sorted(codes) == ["bad_credentials"] * 18 + ["too_many_attempts"] * 6


def test_two_changes_of_one_record_one_wins(people: People) -> None:
    user = people.user("ada")
    results = at_once(
        [lambda n=n: people.users.update(ROOT, user.id, quota_bytes=n, version=user.version) for n in range(1, 17)]
    )
    assert len(raised(results)) == 15
    assert len(people.entries(Actions.USER_UPDATE)) == 1


def test_the_first_admin_is_made_once_by_many_processes(people: People, real: Redis) -> None:
    results = at_once([lambda: People(real).users.ensure_first_admin(["admin"], PASSWORD) for _ in range(8)])
    assert people.user_store.count_admins() == 1
    assert len(people.entries(Actions.USER_CREATE)) == 1
    assert sum(one is None for one in results) >= 1


def test_a_session_used_while_it_ends_stays_ended(people: People) -> None:
    people.user("ada")
    for _ in range(15):
        signed = people.sessions.sign_in(people.visitor(), "ada", PASSWORD)
        actor = people.authenticate(signed.secret).actor
        people.clock.pass_(minutes=2)
        at_once(
            [
                lambda signed=signed: people.authenticate(signed.secret),
                lambda signed=signed, actor=actor: people.sessions.sign_out(actor, signed.session),
            ]
        )
        assert people.authenticate(signed.secret) is None
        assert people.session_store.get(signed.session.id) is None
    assert people.session_store.of_user(actor.id) == []
