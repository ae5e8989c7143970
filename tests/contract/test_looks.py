"""User names that an earlier version gave are looked at once, by the worker: after that no new one looks like them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from backoffice.domain.access import system_actor
from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.domain.usernames import look
from backoffice.domain.users import User
from backoffice.errors import NameTaken
from backoffice.stores.fsck import looks
from backoffice.stores.fsck.repair import Repairer
from tests.support.people import ROOT, People

WORKER = system_actor("worker", "worker")


@pytest.fixture
def people(redis: Any) -> People:
    return People(redis)


def steps(people: People, most: int = 1000) -> int:
    """What the worker does, until there is nothing left; how many steps that were."""
    cursor = ""
    for number in range(most):
        cursor = looks.LookIndex(Repairer(people.db, people.keys, WORKER, lambda *_: None)).step(cursor)
        if not cursor:
            return number + 1
    return most


def forget_looks(people: People) -> None:
    """As an earlier version left the store."""
    people.db.call("DEL", people.keys.unique("users", "look"))
    people.db.call("HDEL", people.keys.install, "looks")
    reserved = people.keys.unique("users", "reserved")
    names = people.db.call("HGETALL", reserved)
    for name in names if isinstance(names, dict) else names[::2]:
        if look(name.decode()) == name.decode() and b"1" not in name:
            people.db.call("HDEL", reserved, name)


def refused(people: People, name: str) -> bool:
    try:
        people.users.create(ROOT, username=name)
    except NameTaken:
        return True
    return False


def test_names_of_an_earlier_version_have_no_doubles_any_more(people: People) -> None:
    for name in ("alina", "b0b", "go1d"):
        people.user(name)
    people.users.delete(ROOT, people.user("o1af").id)
    forget_looks(people)
    assert not refused(people, "a1ina"), "which is what there was to mend"
    people.users.delete(ROOT, people.users.find(ROOT, "a1ina").id)
    forget_looks(people)
    steps(people)
    for name in ("al1na", "bob", "gold", "olaf"):
        assert refused(people, name), name
    assert not refused(people, "carol")
    events = [one.event for one in people.entries(Actions.SYSTEM_REPAIR)]
    assert {one["actor"]["name"] for one in events} == {"worker"}
    assert len(events) == 2, "one for those who are there, one for those who are not"


def test_it_is_done_once_and_in_steps(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "TOGETHER", 2)
    for name in ("ada", "bert", "cora", "dora", "emil"):
        people.user(name)
    forget_looks(people)
    assert not looks.looks_are_known(people.db, people.keys)
    assert steps(people, 2) == 2, "stopped there"
    assert not looks.looks_are_known(people.db, people.keys)
    assert steps(people) == 3
    assert looks.looks_are_known(people.db, people.keys)
    assert looks.lookalikes(people.db, people.keys) == 0
    assert len(people.entries(Actions.SYSTEM_REPAIR)) == 3
    assert steps(people) == 1


def test_a_new_store_has_nothing_to_be_done(people: People) -> None:
    people.user("ada")
    assert steps(people) == 1
    assert looks.looks_are_known(people.db, people.keys)
    assert not people.entries(Actions.SYSTEM_REPAIR)


def two_that_look_alike(people: People) -> tuple[User, User]:
    """As a version that did not look at looks could leave them, the older one first; known by now."""
    first = people.user("alina")
    people.clock.pass_(seconds=1)
    people.db.call("DEL", people.keys.unique("users", "look"))
    second = people.user("a1ina")
    forget_looks(people)
    steps(people)
    return first, second


def test_two_that_looked_alike_before_keep_their_names(people: People) -> None:
    first, second = two_that_look_alike(people)
    assert people.db.call("HGET", people.keys.unique("users", "look"), look("alina")) == first.id.encode()
    assert looks.lookalikes(people.db, people.keys) == 1
    people.users.update(ROOT, second.id, username="berta")
    assert looks.lookalikes(people.db, people.keys) == 0
    assert refused(people, "AL1NA"), "the first one's look stays taken when the second one gives it up"


def test_the_second_of_two_has_the_look_when_the_first_gives_it_up(people: People) -> None:
    first, second = two_that_look_alike(people)
    people.users.update(ROOT, first.id, username="berta")
    steps(people)
    assert people.db.call("HGET", people.keys.unique("users", "look"), look("alina")) == second.id.encode()
    assert refused(people, "AL1NA")


@pytest.mark.real_only
def test_several_workers_and_people_who_are_renamed_meanwhile(
    redis: Any, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "TOGETHER", 3)
    users = [people.user(f"person{number}x") for number in range(30)]
    forget_looks(people)
    others = [People(redis) for _ in range(3)]
    threads = [threading.Thread(target=steps, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for number, user in enumerate(users[::3]):
        people.users.update(ROOT, user.id, username=f"other{number}x")
    for thread in threads:
        thread.join()
    held = {name.decode(): one.decode() for name, one in redis.hgetall(people.keys.unique("users", "look")).items()}
    found = people.user_store.get_many([user.id for user in users])
    wanted = {look(user.username): user.id for user in found if user is not None}
    assert wanted.items() <= held.items()
    assert looks.lookalikes(people.db, people.keys) == 0


def test_a_name_that_is_given_while_it_is_done_is_kept(people: People) -> None:
    """Somebody takes the look between the question and the commit."""
    now = people.clock()
    index = looks.LookIndex(Repairer(people.db, people.keys, WORKER, lambda *_: None))
    people.user("alina")
    forget_looks(people)
    ids = [one.id for one in people.user_store.get_many([people.users.find(ROOT, "alina").id]) if one is not None]
    fault = index._unknown(ids)
    assert fault is not None
    newer = User("0" * 22, "a1ina", now, now)
    people.user_store.insert(newer, AuditEvent(Actions.USER_CREATE, ROOT))
    found = iter([fault, None])
    index._repairer.verify_and_repair(lambda: next(found))
    assert people.db.call("HGET", people.keys.unique("users", "look"), look("alina")) == newer.id.encode()
