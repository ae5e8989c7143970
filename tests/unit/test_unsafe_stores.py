"""Servers that must not be used are refused with one line."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.stores import durability

GOOD = {"redis_version": "7.2.4", "maxmemory_policy": "noeviction"}


@pytest.mark.parametrize(
    ("infos", "reason"),
    [
        ([GOOD], ""),
        ([GOOD | {"redis_version": "8.2.3"}], ""),
        ([GOOD | {"redis_version": "7.0.15"}], "The store is Redis 7.0.15; Redis or Valkey 7.2 or newer is needed."),
        ([GOOD | {"redis_version": "6.2.14"}, GOOD], "Redis 6.2.14"),
        ([GOOD, GOOD | {"maxmemory_policy": "allkeys-lru"}], "The store evicts data (maxmemory-policy allkeys-lru)"),
    ],
)
def test_old_ones_and_those_that_evict_are_refused(
    infos: list[dict[str, Any]], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a cluster, one such primary is enough."""
    monkeypatch.setattr(durability, "all_info", lambda _: infos)
    found = durability.unsafe_reason(object())  # type: ignore[arg-type]
    assert reason in found
    assert bool(reason) == bool(found)
    assert "\n" not in found
