"""Who listens is told, and what is measured goes on as if nobody did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backoffice import measures
from backoffice.measures import timed


class Heard:
    def __init__(self) -> None:
        self.steps: list[tuple[str, str, bool]] = []
        self.things: list[tuple[str, str, int]] = []
        self.levels: list[tuple[str, float]] = []

    def took(self, step: str, kind: str, seconds: float, *, failed: bool) -> None:
        assert seconds >= 0
        self.steps.append((step, kind, failed))

    def counted(self, thing: str, kind: str, amount: int) -> None:
        self.things.append((thing, kind, amount))

    def is_at(self, level: str, value: float) -> None:
        self.levels.append((level, value))


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()
    measures.listen("test", listener)
    yield listener
    measures.listen("test", None)


def test_a_step_is_told_with_its_kind(heard: Heard) -> None:
    with timed("store", "read"):
        assert heard.steps == []
    assert heard.steps == [("store", "read", False)]


def test_what_is_raised_is_a_failure_and_comes_out(heard: Heard) -> None:
    with pytest.raises(KeyError), timed("job", "purge"):
        raise KeyError
    assert heard.steps == [("job", "purge", True)]


def test_what_is_no_matter_of_the_step_is_no_failure(heard: Heard) -> None:
    with pytest.raises(KeyError), timed("store", "script", (LookupError,)):
        raise KeyError
    assert heard.steps == [("store", "script", False)]


def test_another_listener_takes_the_place_of_the_one_before(heard: Heard) -> None:
    other = Heard()
    measures.listen("test", other)
    measures.count("over_quota")
    measures.level("connections", 2)
    assert (heard.things, other.things, other.levels) == ([], [("over_quota", "", 1)], [("connections", 2)])


def test_without_listeners_nothing_is_asked() -> None:
    measures.listen("numbers", None)
    assert not measures.heard()
    with timed("store", "read"):
        measures.count("chunks", "read")
