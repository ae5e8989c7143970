"""What the store's own memory is used for, key by key as the server counts it."""

from __future__ import annotations

from typing import Any


def store_bytes(client: Any, match: str = "*") -> int:
    """Bytes of all keys that match, with their names and what the server needs to find them."""
    keys = list(client.scan_iter(match=match, count=1000))
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.memory_usage(key, samples=0)
        return sum(size or 0 for size in pipe.execute())
