"""Python's search for garbage in cycles, while hundreds of thousands of records pass through a process.

It begins anew with every few hundred objects that were made, and from time to time goes through all there are. Records
leave none, and a fifth of the time would go into finding that out.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

OBJECTS: Final = 50_000
"""Made and not gone before it begins; some MB."""
_lock: Final = Lock()
_usual: list[int] = []
"""What is usual, once for each who wants it otherwise."""


@contextmanager
def seldom() -> Iterator[None]:
    """Let it begin seldom, until the last one who asked for that is done."""
    with _lock:
        _usual.append(_usual[0] if _usual else gc.get_threshold()[0])
        gc.set_threshold(OBJECTS)
    try:
        yield
    finally:
        with _lock:
            usual = _usual.pop()
            if not _usual:
                gc.set_threshold(usual)
