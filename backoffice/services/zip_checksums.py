"""Checksums that were worked out for archives, and are remembered by the process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

CHECKSUMS: Final = 65_536
"""Files whose CRC-32 a process remembers, at about 200 bytes."""


class Checksums:
    """CRC-32 of contents that were read whole, by their identifiers: what is under one never changes."""

    def __init__(self, most: int = CHECKSUMS) -> None:
        self._known, self._most, self._lock = OrderedDict[str, int](), most, Lock()

    def get(self, content: str) -> int | None:
        with self._lock:
            if content in self._known:
                self._known.move_to_end(content)
            return self._known.get(content)

    def put(self, content: str, checksum: int) -> None:
        with self._lock:
            self._known[content] = checksum
            self._known.move_to_end(content)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
