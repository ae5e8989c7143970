"""How long replicas are waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from backoffice.errors import Unavailable
from backoffice.stores import replicas
from backoffice.stores.replicas import MOST_SECONDS, NEAR, REST_SECONDS, ROUND_MS, STILL_SECONDS, KeptNear
from backoffice.stores.through_library import Command

WRITE: Command = ("SET", "b", 1)


class Server:
    """Somebody writes 100 bytes between any two questions. `offsets`: how far each replica is in each round, the last
    one for ever; a round takes as long as it may, unless it reaches what is wanted."""

    def __init__(self, *offsets: Sequence[int], names: Sequence[str] = ("a",)) -> None:
        self.offsets, self.names, self.rounds = offsets, names, 0
        self.now, self.failure = 0.0, False

    def monotonic(self) -> float:
        return self.now

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        assert [command[0] for command in commands] == ["SET", "INFO", "WAIT"]
        if self.failure:
            raise Unavailable
        its = self.offsets[min(self.rounds, len(self.offsets) - 1)]
        goal = 1000 + 100 * self.rounds
        info: dict[str, Any] = {"master_replid": self.names[min(self.rounds, len(self.names) - 1)]}
        info |= {"master_repl_offset": goal}
        info |= {f"slave{at}": {"state": "online", "offset": offset} for at, offset in enumerate(its)}
        self.rounds += 1
        reached = sum(offset >= goal for offset in its)
        self.now += ROUND_MS / 1000 if reached < int(commands[2][1]) else 0
        return [True, info, reached]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    def follow(server: Server) -> Server:
        monkeypatch.setattr(replicas.time, "monotonic", server.monotonic)
        return server

    return follow


def wait_for(server: Server, wanted: int = 1) -> bool:
    return replicas.await_replicas(server.ask, WRITE, wanted)


def test_what_has_arrived_is_not_waited_for(clock: Any) -> None:
    server = clock(Server([2000]))
    assert wait_for(server)
    assert (server.rounds, server.now) == (1, 0)


def test_a_replica_that_gets_on_is_waited_for_whatever_others_write(clock: Any) -> None:
    """It never reaches the end of the stream, but what had been written when the question was first asked."""
    server = clock(Server(*([offset] for offset in range(0, 1001, 50))))
    assert wait_for(server)
    assert server.now > STILL_SECONDS


def test_one_that_stands_still_is_waited_for_no_longer(clock: Any) -> None:
    server = clock(Server([0], [500], [990]))
    assert not wait_for(server)
    assert STILL_SECONDS <= server.now <= STILL_SECONDS + 2


def test_one_that_gets_on_too_slowly_is_waited_for_no_longer(clock: Any) -> None:
    server = clock(Server(*([offset] for offset in range(1000))))
    assert not wait_for(server)
    assert MOST_SECONDS <= server.now <= MOST_SECONDS + 1


def test_as_many_as_are_wanted_have_to_get_there(clock: Any) -> None:
    assert not wait_for(clock(Server([2000, 5])), wanted=2)
    assert wait_for(clock(Server([2000, 5], [2000, 1001])), wanted=2)
    assert not wait_for(clock(Server([2000])), wanted=2)


def test_another_primary_has_a_stream_of_its_own(clock: Any) -> None:
    """What its replicas say is compared with what it says, not with where the one before it was."""
    server = clock(Server([0], [1050], [1050], names=("a", "b")))
    assert not wait_for(server)
    assert wait_for(clock(Server([0], [1050], [1150], names=("a", "b"))))


def test_who_writes_much_waits_every_few_mib_and_never_fails(clock: Any) -> None:
    server = clock(Server([10**9]))
    near = KeptNear(1)
    for _ in range(32):
        near.sent("s", NEAR // 8, lambda: (server.ask, WRITE))
    assert server.rounds == 4
    server.failure = True
    for _ in range(32):
        near.sent("s", NEAR // 8, lambda: (server.ask, WRITE))
    server.failure = False
    assert server.rounds == 4  # it failed once, and then rests
    near.sent("other", NEAR, lambda: (server.ask, WRITE))
    assert server.rounds == 5
    server.now += REST_SECONDS
    near.sent("s", NEAR, lambda: (server.ask, WRITE))
    assert server.rounds == 6


def test_where_no_replicas_are_wanted_nothing_is_asked() -> None:
    KeptNear(0).sent("s", NEAR, lambda: pytest.fail("it was asked"))
