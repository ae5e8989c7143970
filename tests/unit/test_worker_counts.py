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


def test_damage_that_it_finds_is_counted_and_nothing_else_that_is_measured(worker: Worker) -> None:
    measures.count("chunks", "damaged")
    measures.count("errors", "invalid")
    measures.took("store", "read", 1.0)
    measures.level("connections", 3)
    worker._beat()
    assert worker.heart.said == [{"chunks:damaged": 1}]
