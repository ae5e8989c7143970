"""What was used most recently, so many of them."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by name, at most `most`: those used longest ago go first. For several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, V] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str) -> V | None:
        """The value, which is used by this."""
        with self._lock:
            value = self._values.get(name)
            if value is not None:
                self._values.move_to_end(name)
            return value

    def put(self, name: str, value: V) -> int:
        """Keep a value in the place of what had its name; how many had to go for it."""
        with self._lock:
            self._values[name] = value
            self._values.move_to_end(name)
            gone = len(self._values) - self._most
            for _ in range(gone):
                self._values.popitem(last=False)
            return max(0, gone)

    def pop(self, name: str) -> None:
        """Nothing is kept under this name any more."""
        with self._lock:
            self._values.pop(name, None)

    def __len__(self) -> int:
        return len(self._values)
