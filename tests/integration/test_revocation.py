"""What is taken away in one process is gone at the next request in another, which has it in its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from redis import Redis
from redis.cluster import RedisCluster

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.users import User
from tests.support.other_process import OtherProcess, other_process
from tests.support.people import ROOT, People
from tests.support.servers import Store

TIMES = 800
ON_CLUSTER = 400
"""A turn there takes five times as long. What happens in one repeats after 400: 16 kinds of turns, of 25 one is cut."""
CUT_EVERY = 25
"""In so many turns the other process finds its connections cut."""
RIGHTS = ("users:read", "roles:read")


@pytest.fixture(params=["one server", "cluster"])
def server(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A client, emptied, and the address for the other process."""
    if request.param == "cluster":
        return request.getfixturevalue("cluster"), request.getfixturevalue("cluster_nodes")
    store: Store = request.getfixturevalue("store_server")
    return request.getfixturevalue("real"), (str(store.socket), store.password)


@pytest.fixture
def times(server: tuple[Any, Any]) -> int:
    return ON_CLUSTER if isinstance(server[0], RedisCluster) else TIMES


@pytest.fixture
def people(server: tuple[Any, Any]) -> People:
    return People(server[0])


@pytest.fixture
def other(server: tuple[Any, Any]) -> Iterator[OtherProcess]:
    with other_process(server[1]) as process:
        yield process


def cut(client: Redis | RedisCluster) -> None:
    """Close all connections but the one that says so."""
    nodes = [node.redis_connection for node in client.get_nodes()] if isinstance(client, RedisCluster) else [client]
    for node in nodes:
        node.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")


class Changes:
    """Ways in, each with what takes it away again."""

    def __init__(self, people: People) -> None:
        self.people, self.ada = people, people.user("ada")
        self.role = people.roles.create(ROOT, name="changing", permissions={RIGHTS[0]}).name
        self.bobs = people.tokens.create(ROOT, name="t", user_id=people.user("bob", self.role).id)[1]
        self._dead = ""

    def token(self) -> tuple[str, Callable[[], object]]:
        made, text = self.people.tokens.create(ROOT, name="t", user_id=self.ada.id)
        return text, lambda: self.people.tokens.revoke(ROOT, made.id)

    def session(self) -> tuple[str, Callable[[], object]]:
        started = self.people.sessions.start_for(ANONYMOUS, self.enabled())
        return started.secret, lambda: self.people.sessions.sign_out(ROOT, started.session)

    def user(self) -> tuple[str, Callable[[], object]]:
        if self._dead:  # it takes room among a user's tokens
            self.people.tokens.revoke(ROOT, self._dead)
        made, text = self.people.tokens.create(ROOT, name="t", user_id=self.ada.id)
        self._dead = made.id
        return text, lambda: self.people.users.disable(ROOT, self.ada.id)

    def grant(self, right: str) -> None:
        """To Bob, in the place of the other."""
        self.people.roles.update(ROOT, self.role, permissions={right})

    def enabled(self) -> User:
        now = self.people.user_store.get(self.ada.id)
        assert now is not None
        return now if now.active else self.people.users.enable(ROOT, now.id)


def test_what_was_taken_away_is_gone_at_the_next_request(
    people: People, other: OtherProcess, server: tuple[Any, Any], times: int
) -> None:
    changes = Changes(people)
    for turn in range(times):
        if turn % 16 == 0:
            changes.enabled()
        # What is Ada's needs her enabled, so the turn that disables her comes last of sixteen.
        kind = {0: changes.token, 7: changes.session, 15: changes.user}.get(turn % 16)
        taken, given = RIGHTS if turn % 2 else reversed(RIGHTS)
        secret, take = kind() if kind else (changes.bobs, partial(changes.grant, given))
        before = other.may(secret)
        assert before is not None, (turn, kind)
        assert kind or taken in before, turn
        take()
        if turn % CUT_EVERY == 0:
            cut(server[0])
        after = other.may(secret)
        assert after is None if kind else (after is not None and taken not in after), (turn, kind)
        if kind:
            changes.grant(given)
