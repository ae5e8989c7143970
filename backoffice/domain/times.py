"""Times are integers: milliseconds since 1970-01-01 UTC. Only this module turns them into text."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """The time now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """`2026-01-31T12:00:00.000Z` (RFC 3339, section 5.6)."""
    seconds = datetime.fromtimestamp(ms // 1000, UTC).isoformat()[:19]
    return f"{seconds}.{ms % 1000:03d}Z"
