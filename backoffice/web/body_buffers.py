"""Memory for large bodies, used again and again.

New memory of the size of a chunk costs a tenth of all that a chunk takes of the processor: it is filled with zeros
twice, page by page by the system and then by Python, before the bytes come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SIZE: Final = 2 * 1024 * 1024
"""Bytes of a buffer: a chunk as our clients send it. A longer body has memory of its own."""
LEAST: Final = 256 * 1024
"""Shorter bodies have memory of their own, which costs little then."""
KEPT: Final = 4
"""Buffers that one process keeps while nobody uses them."""

Allocate = Callable[[int], memoryview]
"""Gives so many bytes to write to. What is in them before is of no use to anybody."""


def fresh(length: int) -> memoryview:
    """Memory that belongs to whoever has the view."""
    return memoryview(bytearray(length))


class Buffers:
    """A few buffers for all threads of a process."""

    def __init__(self, size: int = SIZE, least: int = LEAST, kept: int = KEPT) -> None:
        self._size, self._least, self._kept = size, least, kept
        self._free: deque[bytearray] = deque(maxlen=kept)

    @contextmanager
    def lent(self) -> Iterator[Allocate]:
        """Memory until the manager is left: then nobody may use the views any more, for others write there."""
        taken: list[bytearray] = []

        def allocate(length: int) -> memoryview:
            if not self._least <= length <= self._size:
                return fresh(length)
            try:
                taken.append(self._free.pop())
            except IndexError:
                taken.append(bytearray(self._size))
            return memoryview(taken[-1])[:length]

        try:
            yield allocate
        finally:
            self._free.extend(taken)
