"""What is remembered of a token or session holds only where the store still says so, on every kind of server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.domain.versions import IdentityChanged
from backoffice.stores import identities as module
from backoffice.stores.client import Command, Db
from backoffice.stores.identities import RedisIdentities
from backoffice.stores.roles import RedisRoles
from backoffice.stores.watch import Version, Watch, watch, watched
from tests.support.database import database
from tests.support.other_process import identify, serve
from tests.support.people import PASSWORD, ROOT, People, event

pytestmark = pytest.mark.cluster


@pytest.fixture
def people(redis: Any) -> People:
    return People(redis)


@pytest.fixture
def ada(people: People) -> User:
    people.roles.create(ROOT, name="reader", permissions={"users:read"})
    return people.user("ada", "reader")


@pytest.fixture
def secret(people: People, ada: User) -> str:
    """A token that was used a moment ago, and so is remembered."""
    text = people.tokens.create(ROOT, name="t", user_id=ada.id)[1]
    assert serve(people, text) == {"users:read"}
    return text


def token_id(secret: str) -> str:
    return secret.split("_")[1]


def test_who_is_remembered_costs_no_trip_and_the_first_one_confirms(people: People, secret: str) -> None:
    trips = people.db.trips
    assert identify(people, secret, remembered=True) is not None
    assert people.db.trips == trips
    assert people.identities.unconfirmed
    assert people.user_store.get(token_id(secret)) is None  # any read
    assert people.db.trips == trips + 1
    assert not people.identities.unconfirmed
    people.identities.confirm()
    assert people.db.trips == trips + 1


def test_a_change_of_the_store_is_seen_by_the_first_read(people: People, secret: str) -> None:
    people.tokens.revoke(ROOT, token_id(secret))
    identify(people, secret, remembered=True)
    with pytest.raises(IdentityChanged):
        people.user_store.page(Query())
    assert not people.identities.unconfirmed  # nothing of this request is asked again
    assert identify(people, secret, remembered=True) is None


CHANGES: dict[str, Callable[[People, User, str], object]] = {
    "revoked": lambda people, _, secret: people.tokens.revoke(ROOT, token_id(secret)),
    "disabled": lambda people, ada, _: people.users.disable(ROOT, ada.id),
    "another password": lambda people, ada, _: people.users.set_password(ROOT, ada.id, "another " + PASSWORD),
    "without the role": lambda people, ada, _: people.users.update(ROOT, ada.id, roles=["user"]),
    "another role": lambda people, *_: people.roles.update(ROOT, "reader", permissions={"roles:read"}),
    "deleted": lambda people, ada, _: people.users.delete(ROOT, ada.id),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_script_does_nothing_on_the_strength_of_what_has_changed(
    people: People, ada: User, secret: str, change: str
) -> None:
    CHANGES[change](people, ada, secret)
    other = people.user("other") if change != "deleted" else None
    before = people.log.page((), "", 1).total
    actor = identify(people, secret, remembered=True)
    assert actor is not None  # as it was
    with pytest.raises(IdentityChanged):
        people.roles.create(ROOT, name="made", permissions={"users:read"})
    assert people.role_store.get("made") is None
    assert people.log.page((), "", 1).total == before
    assert other is None or people.user_store.get(other.id) == other


def test_a_write_without_a_script_waits_for_the_answer(people: People, secret: str) -> None:
    people.tokens.revoke(ROOT, token_id(secret))
    identify(people, secret, remembered=True)
    with pytest.raises(IdentityChanged):
        people.db.call("SET", people.keys.seen("x"), "1")
    assert people.db.call("GET", people.keys.seen("x")) is None
    identify(people, people.tokens.create(ROOT, name="u", user_id=people.user("eve").id)[1], remembered=True)
    people.db.many([("SET", people.keys.seen("x"), "1"), ("GET", people.keys.seen("y"))])
    assert people.db.call("GET", people.keys.seen("x")) == b"1"


class Repeating(Db):
    """Loses the answer to a script once, so that it is sent again; meanwhile something happens."""

    def __init__(self, client: Any, meanwhile: Callable[[], object]) -> None:
        super().__init__(client, shebang=database(client)._shebang)
        self._meanwhile: Callable[[], object] | None = meanwhile

    def _one(self, command: Command) -> Any:
        answer = super()._one(command)
        if command[0] == "EVALSHA" and self._meanwhile is not None:
            elsewhere, self._meanwhile = Thread(target=self._meanwhile), None
            elsewhere.start()
            elsewhere.join()
            answer = super()._one(command)
        return answer


def test_a_change_after_a_commit_does_not_hide_from_its_repetition_that_it_was_carried_out(
    people: People, redis: Any, ada: User, secret: str
) -> None:
    """Else the request would begin again, and do everything twice."""
    role = replace(people.role_store.get("reader"), id="made")  # type: ignore[type-var]
    RedisRoles(people.db, people.keys).insert(replace(role, id="known"), event())  # scripts are known
    serve(people, secret)
    identify(people, secret, remembered=True)
    db = Repeating(redis, lambda: people.users.disable(ROOT, ada.id))
    RedisRoles(db, people.keys).insert(role, event())
    assert people.role_store.get("made") is not None
    assert not people.identities.unconfirmed


def test_a_change_before_a_commit_is_seen_by_its_repetition_too(people: People, redis: Any, secret: str) -> None:
    people.tokens.revoke(ROOT, token_id(secret))
    role = replace(people.role_store.get("reader"), id="made")  # type: ignore[type-var]
    identify(people, secret, remembered=True)
    with pytest.raises(IdentityChanged):
        RedisRoles(Repeating(redis, lambda: None), people.keys).insert(role, event())
    assert people.role_store.get("made") is None


def test_times_of_use_are_no_change(people: People, secret: str) -> None:
    people.clock.pass_(minutes=2)
    assert serve(people, secret) == {"users:read"}
    found = people.token_store.get(token_id(secret))
    assert found is not None
    assert found.used_at == people.clock()
    trips = people.db.trips
    assert serve(people, secret) == {"users:read"}
    assert people.db.trips == trips + 1  # the new time is remembered: not written again
    assert people.identities.counts()["changed"] == 0


def test_a_session_whose_life_another_process_made_longer_lives(people: People, redis: Any, ada: User) -> None:
    other = People(redis)
    secret = people.sessions.start_for(ANONYMOUS, ada).secret
    for _ in range(3):
        assert serve(people, secret) is not None
        assert serve(other, secret) is not None
        people.clock.pass_(minutes=20)
        other.clock.ms = people.clock.ms
        assert serve(other, secret) is not None
    people.clock.pass_(minutes=31)
    assert serve(people, secret) is None


def test_a_secret_that_is_wrong_is_nobody_however_well_the_token_is_known(people: People, secret: str) -> None:
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    assert serve(people, wrong) is None
    assert serve(people, secret) == {"users:read"}


def test_so_many_are_remembered_and_no_more(people: People, ada: User) -> None:
    few = RedisIdentities(
        people.db, people.keys, people.user_store, people.role_store, people.token_store, people.session_store, most=3
    )
    ids = [people.tokens.create(ROOT, name="t", user_id=ada.id)[0].id for _ in range(5)]
    for one in ids:
        assert few.of_token(one, remembered=True) is not None
    assert len(few) == 3
    assert few.counts() == {"read": 5, "dropped": 2}
    assert few.of_token(ids[2], remembered=True) is not None
    assert few.of_token(ids[0], remembered=True) is not None  # read again, in the place of the one used longest ago
    assert few.of_token(ids[2], remembered=True) is not None
    assert few.counts() == {"remembered": 2, "read": 1, "dropped": 1}
    assert module.REMEMBERED == 10_000
    assert few.of_token("0" * 22, remembered=True) is None
    assert len(few) == 3
    few.begin_request()


def test_a_watch_is_of_one_thread_and_of_one_request(people: People, db: Db) -> None:
    key = people.keys.seen("v")
    db.call("SET", key, "2")
    watch(Watch((Version(key, "", b"1"),), lambda: None))
    with pytest.raises(IdentityChanged):
        db.script("touch", [key], ["x", "", "f", "1"])
    assert watched() is None
    assert db.call("GET", key) == b"2"
    watch(Watch((Version(key, "", b"2"), Version(key + b"none", "f", b"")), lambda: None))
    assert db.many([("GET", key), ("GET", key + b"none")]) == [b"2", None]
    assert watched() is None
