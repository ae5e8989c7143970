"""Levels of durability: what a 201 promises to survive (see `docs/operation.md`)."""

from __future__ import annotations

from typing import Final

_LOCAL: Final = ("memory", "os", "disk")


def weaker(one: str, other: str) -> str:
    """What two parts of one write survive together, one of them safe at each level.

    A replica of one part does not help the other: of different levels only what both survive on their own machine is
    left, and a part that has replicas survives at least the death of a process.
    """
    return one if one == other else _LOCAL[min(_local(one), _local(other))]


def replicas_of(level: str) -> int:
    """How many replicas have a file before its 201."""
    return int(level.rpartition("replica:")[2]) if "replica:" in level else 0


def _local(level: str) -> int:
    local = level.partition("+")[0]
    return _LOCAL.index(local) if local in _LOCAL else _LOCAL.index("os")
