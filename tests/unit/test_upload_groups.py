"""Uploads made of others, and ones that go on in another way: what they leave when they are given up, run out of time
or are completed by another meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fakeredis
import pytest

from backoffice.domain.times import now_ms
from backoffice.stores.client import Command
from tests.support.uploads import World


@pytest.fixture
def world() -> World:
    return World.over(fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")))


def test_what_is_kept_while_it_moves_stays_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request completes the file just before its chunks get their time."""
    until, many = now_ms() + 1_000_000, world.db.many
    world.chunks.put("a" * 22, 0, b"moved", until)

    def completed_meanwhile(commands: Sequence[Command]) -> list[Any]:
        if commands and commands[0][0] == "PEXPIRE":
            many([("PERSIST", command[1]) for command in commands])
        return many(commands)

    monkeypatch.setattr(world.db, "many", completed_meanwhile)
    assert world.chunks.move("a" * 22, 1, "b" * 22, 0, until) == []
    [stat] = world.chunks.stat("b" * 22, [0])
    assert stat is not None
    assert stat.kept
