"""Times are integers: milliseconds since 1970-01-01 UTC. Only this module turns them into text."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = 24 * 60 * 60
_TWO: Final = tuple(f"{number:02}" for number in range(60))


def now_ms() -> int:
    """The time now, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=4096)
def rfc3339(ms: int) -> str:
    """`2026-01-31T12:00:00.000Z` (RFC 3339, section 5.6)."""
    # By hand, for a page shows a hundred of them: `strftime` takes four times as long.
    seconds, fraction = divmod(ms, 1000)
    days, seconds = divmod(seconds, _DAY)
    minutes, seconds = divmod(seconds, 60)
    return f"{_date(days)}T{_TWO[minutes // 60]}:{_TWO[minutes % 60]}:{_TWO[seconds]}.{fraction:03}Z"


def parse_time(text: str) -> int:
    """The time that a day (`2026-01-31`, its beginning) or an ISO 8601 time names; UTC unless it says another offset.
    Raises ValueError."""
    found = datetime.fromisoformat(text)
    moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


@lru_cache(maxsize=1024)
def _date(days: int) -> str:
    return (_EPOCH + timedelta(days)).isoformat()
