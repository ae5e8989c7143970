"""How long one request may wait for the store, in all.

Each wait has a limit of its own, but there may be many in a request, and each may be repeated: together they must not
take longer than somebody in front of a page waits. What an answer that comes soon takes is no wait, so a request that
has much to do may take its time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

REQUEST_SECONDS: Final = 5.0
"""Of all waits of a request; and of all repetitions of a call outside of one."""
SOON: Final = 0.1
"""Seconds in which an answer is no wait."""


class Waits:
    """What is left of the seconds of one request. While a long body comes in or an answer goes out they begin anew with
    every answer of the store (`renewed`): that may take hours, but the store must not be silent for longer."""

    __slots__ = ("left", "renewed")

    def __init__(self, seconds: float = REQUEST_SECONDS) -> None:
        self.left, self.renewed = seconds, False

    def count(self, seconds: float, *, answered: bool) -> None:
        """It took so long until there was an answer, or until there was none."""
        if answered and self.renewed:
            self.left = REQUEST_SECONDS
        elif seconds > SOON:
            self.left -= seconds


_waits: Final[ContextVar[Waits | None]] = ContextVar("waits", default=None)


def begin_waits() -> None:
    """A request begins in this thread."""
    _waits.set(Waits())


def end_waits() -> None:
    """It is answered, and nothing of the answer comes from the store any more."""
    _waits.set(None)


def renew_waits() -> None:
    """From here on the bytes of its body come in, or those of its answer go out."""
    waits = _waits.get()
    if waits is not None:
        waits.renewed = True


def sharing_waits(work: Callable[P, R]) -> Callable[P, R]:
    """`work`, for another thread, which waits on the account of the request in this one."""
    waits = _waits.get()

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        _waits.set(waits)
        return work(*args, **kwargs)

    return run


def current_waits() -> Waits:
    """Those of the request in this thread; outside of one, those of a single call."""
    return _waits.get() or Waits()
