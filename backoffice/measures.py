"""What is measured while it happens, for whoever listens: how long steps take, how often things come, how many there
are at the moment. As with logs there is one such place in a process, and nothing is done where nobody listens.

The steps and things are those of the tables below. Their kinds are few and known: never a name or an identifier.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Protocol

STEPS: Final = ("store", "chunk", "barrier", "job")
"""A round trip to the store; a chunk stored or read; waiting until what was written is safe; one batch of a job of the
worker."""
THINGS: Final = ("chunks", "chunk_bytes", "sent_bytes", "refused_credentials", "throttled", "over_quota", "errors")
LEVELS: Final = ("connections", "threads_busy", "requests_queued")


class Listener(Protocol):
    """Is told of everything. It is called in the thread in which that happens, so it has to be quick, and raises
    nothing."""

    def took(self, step: str, kind: str, seconds: float, *, failed: bool) -> None:
        """A step of `STEPS` has just ended."""

    def counted(self, thing: str, kind: str, amount: int) -> None:
        """So many of a thing of `THINGS`."""

    def is_at(self, level: str, value: float) -> None:
        """How many there are now, of `LEVELS`."""


_places: Final[dict[str, Listener]] = {}
_listeners: tuple[Listener, ...] = ()


def listen(place: str, listener: Listener | None) -> None:
    """From now on `listener` is told, in the place of the one that had this place before; None: nobody has it."""
    global _listeners  # noqa: PLW0603 -- read for each step without a lock, so it is replaced as a whole
    if listener is None:
        _places.pop(place, None)
    else:
        _places[place] = listener
    _listeners = tuple(_places.values())


def heard() -> bool:
    """Whether anybody listens."""
    return bool(_listeners)


def count(thing: str, kind: str = "", amount: int = 1) -> None:
    """So many of a thing."""
    for one in _listeners:
        one.counted(thing, kind, amount)


def level(name: str, value: float) -> None:
    """So many there are now."""
    for one in _listeners:
        one.is_at(name, value)


def took(step: str, kind: str, seconds: float, *, failed: bool = False) -> None:
    """A step has ended."""
    for one in _listeners:
        one.took(step, kind, seconds, failed=failed)


class timed:  # noqa: N801 -- used as a function
    """`with timed("store", "read"):` measures what is within; whatever is raised there means that it failed, but for
    what is no matter of the step (`beside`)."""

    __slots__ = ("_began", "_beside", "_kind", "_step")

    def __init__(self, step: str, kind: str = "", beside: tuple[type[BaseException], ...] = ()) -> None:
        self._step, self._kind, self._beside = step, kind, beside

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _listeners:
            failed = error is not None and not isinstance(error, self._beside)
            took(self._step, self._kind, time.perf_counter() - self._began, failed=failed)
