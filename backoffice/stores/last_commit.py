"""The last commit of this thread, by the key under which the store remembers it.

A server that took another's place may lack what that one had acknowledged last. Who asks it for a barrier asks as well
whether it has the commit that the barrier is for: a barrier of a server without it says nothing.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from typing import Final

_SURE_SECONDS: Final = 60
"""The store remembers it for twice as long (`records/commit.py`); after that nothing would follow from its silence."""

_last: Final[ContextVar[tuple[bytes, float] | None]] = ContextVar("last_commit", default=None)


def note_commit(key: bytes) -> None:
    """It was carried out."""
    _last.set((key, time.monotonic()))


def take_commit() -> bytes | None:
    """Its key, once; None where there was none of late."""
    last = _last.get()
    _last.set(None)
    return last[0] if last is not None and time.monotonic() - last[1] < _SURE_SECONDS else None
