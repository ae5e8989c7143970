"""The bytes of a chunk on their way into the store with a script of the records (`RedisChunks.carry`).

Few of them are an argument of the script. Others are put under a key of their own just before it, in the same trip, and
the script renames that key: so they never pass through Lua, and there is a chunk exactly when the script says so. A key
whose script was refused, or never came, goes by itself.
"""

from __future__ import annotations

from typing import Final

from backoffice.domain.uploads import CarriedChunk
from backoffice.errors import Unavailable
from backoffice.stores.client import Command
from backoffice.stores.records.commit import Commit

STAGED_MS: Final = 60_000
"""Longer than any client waits for its answer, and repeats."""


def stage(carried: CarriedChunk) -> list[Command]:
    """What has to be sent before the script; it can be repeated."""
    return [("SET", carried.staging, carried.data, "PX", STAGED_MS)] if carried.staging else []


def keep_carried(commit: Commit, carried: CarriedChunk) -> None:
    """Let the commit put the bytes in their place, for ever."""
    if not carried.staging:
        commit.write("SET", carried.place, carried.data)
        return
    for command in stage(carried):
        commit.send_before(*command)
    commit.rename(carried.staging, carried.place, error=Unavailable())
    commit.write("PERSIST", carried.place)
