"""What a worker notes of its work."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backoffice import measures
from backoffice.errors import Unavailable
from backoffice.worker.loop import Job, Worker


class Heart:
    def __init__(self) -> None:
        self.said: list[dict[str, int]] = []
        self.away = False

    def beat(self, _host: str, done: Any = ()) -> None:
        if self.away:
            raise Unavailable
        self.said.append(dict(done))


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(cast(Any, SimpleNamespace()), Heart())
    made.counts.listen()
    yield made
    measures.listen("numbers", None)


def fails() -> bool:
    raise Unavailable


def test_each_batch_is_counted_with_its_time_and_failures(worker: Worker) -> None:
    worker._attempt(Job("purge", 1, lambda: False))
    worker._attempt(Job("purge", 1, fails))
    worker._beat()
    [said] = worker.heart.said
    assert {name: said[name] for name in said if not name.startswith("ms:")} == {"runs:purge": 2, "failures:purge": 1}


def test_what_was_said_is_not_said_again_and_what_was_not_is(worker: Worker) -> None:
    worker.heart.away = True
    worker._attempt(Job("purge", 1, lambda: False))
    with pytest.raises(Unavailable):
        worker._beat()
    worker.heart.away = False
    worker._beat()
    worker._beat()
    assert [said.get("runs:purge", 0) for said in worker.heart.said] == [1, 0]


def test_round_trips_to_the_store_are_counted_with_their_time(worker: Worker) -> None:
    measures.took("store", "read", 0.0004)
    measures.took("store", "read", 0.0001)
    measures.took("store", "script", 1.5, failed=True)
    worker._beat()
    trips = {"trips:read": 2, "trip_us:read": 500, "trips:script": 1, "trip_us:script": 1_500_000, "lost:script": 1}
    assert worker.heart.said == [trips]


def test_damage_that_it_finds_is_counted_and_nothing_else_that_is_measured(worker: Worker) -> None:
    measures.count("chunks", "damaged")
    measures.count("errors", "invalid")
    measures.level("connections", 3)
    worker._beat()
    assert worker.heart.said == [{"chunks:damaged": 1}]
