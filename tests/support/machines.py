"""How machines that play against a model are run."""

from __future__ import annotations

from collections.abc import Callable

import fakeredis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from redis import Redis

from tests.support.servers import Store


def run_machine(machine: type[RuleBasedStateMachine], make: Callable[[], Redis], examples: int, steps: int) -> None:
    """Let a machine, whose stores are over what `make` returns, take that many ways of so many steps; always the
    same ways."""
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        type("Machine", (machine,), {"make": staticmethod(make)}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def imitated() -> Redis:
    """A new imitation of a store, empty."""
    return fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey"))


def emptied(store: Store) -> Callable[[], Redis]:
    """What makes a client of the real store, and empties that."""

    def make() -> Redis:
        client = store.client()
        client.flushall()
        return client

    return make
