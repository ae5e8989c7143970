"""A chunk that is asked for while another is sent, within a number of bytes that all downloads of a process share."""

from __future__ import annotations

from threading import Lock

from backoffice.stores.client import Pending, store_errors


class Ahead:
    """A chunk that was asked for, and the room taken for it."""

    def __init__(self, pending: Pending, room: Room, size: int) -> None:
        self._pending, self._room, self._size = pending, room, size
        self._open = True

    def reply(self) -> bytes | None:
        """The chunk. Called once."""
        self._open = False
        try:
            with store_errors():
                value: bytes | None = self._pending.reply()
            return value
        finally:
            self._room.give(self._size)

    def drop(self) -> None:
        """Do without it, unless `reply` was called."""
        if self._open:
            self._open = False
            self._pending.drop()
            self._room.give(self._size)


class Room:
    """A number of bytes that several threads share."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        with self._lock:
            fits = size <= self.free
            if fits:
                self.free -= size
            return fits

    def give(self, size: int) -> None:
        with self._lock:
            self.free += size
