"""Reads that share their round trips: what they return, what they ask, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis

from backoffice.errors import NotFound
from backoffice.stores.client import Db
from backoffice.stores.together import all_same, current_read, read_together


class Counted(Db):
    """Notes every round trip."""

    def __init__(self, client: Redis) -> None:
        super().__init__(client, shebang=False)
        self.trips: list[int] = []

    def _one(self, command: Any) -> Any:
        self.trips.append(1)
        return super()._one(command)

    def _several(self, commands: Any) -> list[Any]:
        if len(commands) > 1:
            self.trips.append(len(commands))
        return super()._several(commands)


@pytest.fixture
def db(fake: Redis) -> Counted:
    fake.mset({"a": "b", "b": "c", "c": "d", "x": "y"})
    return Counted(fake)


def follow(db: Db, key: bytes, steps: int) -> bytes:
    """Each answer is the next question."""
    for _ in range(steps):
        key = db.call("GET", key)
    return key


def test_they_take_as_many_trips_as_the_longest(db: Counted) -> None:
    reads = [lambda: follow(db, b"a", 3), lambda: db.many([("GET", "x"), ("GET", "a")]), lambda: "asks nothing"]
    assert db.together(*reads) == [b"d", [b"y", b"b"], "asks nothing"]
    assert db.trips == [3, 1, 1]


def test_one_that_ends_is_not_begun_again(db: Counted) -> None:
    runs: list[str] = []

    def short() -> bytes:
        runs.append("short")
        return follow(db, b"x", 1)

    assert db.together(short, lambda: follow(db, b"a", 3)) == [b"y", b"d"]
    assert runs == ["short"] * 2


def test_no_commands_are_no_trip(db: Counted) -> None:
    assert db.together(lambda: db.many([])) == [[]]
    assert db.together() == []
    assert db.trips == []


def test_what_cannot_be_sent_with_others_is_asked_once(db: Counted) -> None:
    asked: list[str] = []

    def server() -> tuple[Any, bytes]:
        return db.alone("server", lambda: asked.append("asked") or "info"), follow(db, b"a", 2)

    assert db.together(server, lambda: follow(db, b"x", 1)) == [("info", b"c"), b"y"]
    assert asked == ["asked"]


def test_an_answer_is_given_to_its_own_question(db: Counted) -> None:
    """Also where a read asks for less in its second run, because another one has filled what the process remembers."""
    known: dict[str, Any] = {}

    def read() -> tuple[Any, bytes]:
        if "a" not in known:
            known["a"] = db.call("GET", "a")
        return known["a"], db.call("GET", "x")

    assert db.together(read, read, read) == [(b"b", b"y")] * 3

    def forgetful() -> tuple[Any, bytes]:
        first = known.pop("a") if "a" in known else db.call("GET", "a")
        return first, follow(db, b"b", 2)

    assert db.together(forgetful) == [(b"b", b"d")]


def test_they_can_be_nested(db: Counted) -> None:
    def both() -> list[bytes]:
        return db.together(lambda: follow(db, b"a", 2), lambda: follow(db, b"x", 1))

    assert db.together(both, lambda: follow(db, b"b", 2)) == [[b"c", b"y"], b"d"]
    assert db.trips == [3, 2]


def test_an_error_ends_all_of_them(db: Counted) -> None:
    def missing() -> None:
        if db.call("GET", "nothing") is None:
            raise NotFound

    with pytest.raises(NotFound):
        db.together(lambda: follow(db, b"a", 3), missing)
    assert db.trips == [2]
    assert db.call("GET", "x") == b"y", "the store is asked again as always"


def test_a_script_runs_once(db: Counted, fake: Redis) -> None:
    def use() -> Any:
        return db.script("touch", [b"record"], ["", "", "used", 1]), follow(db, b"a", 2)

    fake.hset("record", "name", "one")
    use()  # the server has the script from now on
    db.trips.clear()
    assert db.together(use) == [(b"ok", b"c")]
    assert db.trips == [1, 1, 1]


def test_a_read_within_a_read_that_was_done_before_asks_nothing_anew() -> None:
    """It is remembered elsewhere after the first pass, so that the others ask for less than they did."""
    sent: list[list[Any]] = []
    remembered: list[Any] = []

    def many(commands: Sequence[Any]) -> list[Any]:
        reading = current_read()
        if reading is not None:
            replies: list[Any] = reading.many(commands)
            return replies
        sent.append(list(commands))
        return [command[1] for command in commands]

    def once() -> Any:
        if not remembered:
            remembered.extend(many([("GET", "once")]))
        return remembered[0]

    def twice() -> Any:
        return [*many([("GET", "first")]), *many([("GET", "second")])]

    assert read_together(many, [lambda: read_together(many, [twice, once])]) == [[["first", "second"], "once"]]
    assert sent == [[("GET", "first"), ("GET", "once")], [("GET", "second")]]


def test_one_that_never_asks_the_same_comes_to_its_end_by_itself(db: Counted) -> None:
    """Such as one that asks for what is of the present moment."""
    moments = iter(range(10_000))

    def restless() -> list[Any]:
        return [db.call("GET", f"moment {next(moments)}"), db.call("GET", "x")]

    assert db.together(restless, lambda: db.call("GET", "a")) == [[None, b"y"], b"b"]


def test_reads_within_a_read_go_on_where_they_were(db: Counted) -> None:
    """Each runs once more than it asks, however deep it is, and one that is done does not run again."""
    runs: list[str] = []

    def counted(name: str, key: bytes, steps: int) -> bytes:
        runs.append(name)
        return follow(db, key, steps)

    def inner() -> list[bytes]:
        return db.together(lambda: counted("long", b"a", 3), lambda: counted("short", b"x", 1))

    def outer() -> Any:
        found = db.together(inner, lambda: counted("middle", b"b", 2))
        return found, db.call("GET", "x")

    assert db.together(outer) == [([[b"d", b"y"], b"d"], b"y")]
    assert db.trips == [3, 2, 1, 1]
    assert (runs.count("long"), runs.count("middle"), runs.count("short")) == (4, 3, 2)


def test_reads_within_a_read_ask_once_what_cannot_be_sent_with_others(db: Counted) -> None:
    runs, asked = [0], list[str]()

    def alone(question: str) -> str:
        """As scripts are run."""
        reading = current_read()
        if reading is not None:
            return str(reading.alone(question, lambda: alone(question)))
        asked.append(question)
        return f"{question}!"

    def walk() -> list[Any]:
        runs[0] += 1
        return [db.call("GET", "a"), alone("one"), db.call("GET", "b"), alone("two"), db.call("GET", "c")]

    def inner() -> list[Any]:
        return db.together(walk, lambda: [alone("three"), follow(db, b"a", 2)], lambda: db.call("GET", "x"))

    def outer() -> list[Any]:
        return [db.call("GET", "x"), *db.together(inner, lambda: follow(db, b"a", 2))]

    found = [[b"b", "one!", b"c", "two!", b"d"], ["three!", b"c"], b"y"]
    assert db.together(outer, lambda: db.many([("GET", "a"), ("GET", "b")])) == [[b"y", found, b"c"], [b"b", b"c"]]
    assert (sorted(asked), runs) == (["one", "three", "two"], [6])


def test_other_reads_in_the_same_place_are_no_continuation(db: Counted) -> None:
    """An outer one that goes another way in its next run gets what it asks for then."""
    keys = iter([b"a", b"x", b"x", b"x", b"x", b"x"])

    def outer() -> Any:
        key = next(keys)
        return key, db.together(lambda: db.call("GET", key), lambda: follow(db, key, 1)), db.call("GET", "b")

    assert db.together(outer) == [(b"x", [b"y", b"y"], b"c")]

    def here() -> list[Any]:
        return db.together(lambda: db.call("GET", "a"))

    def there() -> list[Any]:
        return db.together(lambda: db.call("GET", "x"))

    ways = iter([here, there, there, here, here, here])
    assert db.together(lambda: [next(ways)(), db.call("GET", "b")]) == [[[b"b"], b"c"]]


def test_functions_are_the_same_by_where_and_of_what_they_are_made() -> None:
    def make(value: object, default: object = 0) -> Any:
        def made(_given: object = default) -> object:
            return value

        return made

    def unfinished() -> Any:
        def made() -> object:
            return later

        if make is None:
            later = 1
        return made

    assert all_same([make(1), make("a", 2), db_of], [make(1), make("a", 2), db_of])
    assert all_same([make(make([1]))], [make(make([1]))])
    for one, other in ((make(1), make(2)), (make(1, 1), make(1, 2)), (make(make(1)), make(make(2)))):
        assert not all_same([one], [other])
    assert not all_same([make(1)], [lambda: 1])
    assert not all_same([make(1)], [1])
    assert not all_same([1, 2], [1])
    assert not all_same([unfinished()], [unfinished()])


def db_of() -> None:
    """Any function."""
