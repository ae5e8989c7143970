"""The CRC-32 that an archive says of each of its files, remembered."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

CHECKSUMS: Final = 65_536
"""Files whose CRC-32 a process remembers, at about 200 bytes."""


class Checksums:
    """CRC-32 of files that were read whole: the bytes of an identifier never change."""

    def __init__(self, most: int = CHECKSUMS) -> None:
        self._known, self._most, self._lock = OrderedDict[str, int](), most, Lock()

    def get(self, file_id: str) -> int | None:
        with self._lock:
            if file_id in self._known:
                self._known.move_to_end(file_id)
            return self._known.get(file_id)

    def put(self, file_id: str, checksum: int) -> None:
        with self._lock:
            self._known[file_id] = checksum
            self._known.move_to_end(file_id)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
