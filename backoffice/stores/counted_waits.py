"""What the store takes to answer, counted among the waits of a request (`domain/waits.py`)."""

from __future__ import annotations

import time
from typing import Final

from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as TimedOut

from backoffice.domain.waits import Waits

OVER: Final = "The request has waited as long as it may."


def check(waits: Waits) -> None:
    """Raises TimedOut when there is no time left."""
    if waits.left <= 0:
        raise TimedOut(OVER)


class Counted:
    """Around one exchange with the store."""

    __slots__ = ("_began", "_waits")

    def __init__(self, waits: Waits) -> None:
        self._waits, self._began = waits, 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        answered = kind is None or issubclass(kind, ResponseError)
        self._waits.count(time.monotonic() - self._began, answered=answered)
