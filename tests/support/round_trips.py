"""Round trips to the store, counted on the wire: a proxy between a client and the real server."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hiredis

PIECE = 256 * 1024
_NOT_YET = object()
PART = 4096
"""A client may send more than this in several parts, without waiting for an answer between them."""
QUIET = 0.05
"""Seconds after which no part follows."""


@dataclass(slots=True)
class Trips:
    """The round trips so far, of all connections: each is the list of its commands, as `NAME first-key`."""

    taken: list[list[str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        with self.lock:
            self.taken.clear()


class _Conversation:
    """One connection. A round trip begins with the first byte that the client sends while no answer is due to it, and
    ends when all that it asked is answered: commands sent together are one, however large."""

    def __init__(self, trips: Trips) -> None:
        self._trips = trips
        self._commands, self._replies = hiredis.Reader(notEnoughData=_NOT_YET), hiredis.Reader(notEnoughData=_NOT_YET)
        self._due = self._sent = 0
        self._open: list[str] | None = None

    def asked(self, data: bytes) -> None:
        self._commands.feed(data)
        with self._trips.lock:
            if self._open is None:
                self._open, self._sent = [], 0
                self._trips.taken.append(self._open)
            for command in _whole(self._commands):
                self._open.append(_spoken(command))
                self._due += 1
            self._sent += len(data)

    @property
    def in_parts(self) -> bool:
        """Whether more of what is asked at once may be on its way, though all that came is answered."""
        return self._sent > PART

    def answered(self, data: bytes) -> None:
        self._replies.feed(data)
        with self._trips.lock:
            self._due -= sum(1 for _ in _whole(self._replies))
            if not self._due and not self._commands.has_data():
                self._open = None


def _whole(reader: hiredis.Reader) -> Iterator[Any]:
    while (found := reader.gets()) is not _NOT_YET:
        yield found


def _spoken(command: list[bytes]) -> str:
    name = command[0].decode().upper()
    key = command[3] if name in {"EVALSHA", "EVAL"} and len(command) > 3 else b"".join(command[1:2])
    return f"{name} {key[:60].decode(errors='replace')}".strip()


@contextlib.contextmanager
def counted(server: Path, directory: Path) -> Iterator[tuple[Path, Trips]]:
    """A socket that leads to the server's, and the round trips that are made through it."""
    path, trips = directory / "counted.sock", Trips()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)
        thread = threading.Thread(target=_accept, args=(listener, server, trips), daemon=True)
        thread.start()
        try:
            yield path, trips
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _accept(listener: socket.socket, server: Path, trips: Trips) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # the end
            return
        threading.Thread(target=_carry, args=(client, server, _Conversation(trips)), daemon=True).start()


def _carry(client: socket.socket, server: Path, conversation: _Conversation) -> None:
    """Until one of the two hangs up. What is counted was counted before the other side gets it."""
    with client, socket.socket(socket.AF_UNIX) as store, contextlib.suppress(OSError):
        store.connect(str(server))
        while True:
            ready, _, _ = select.select([client, store], [], [])
            if client in ready and not _pass_on(client, store, conversation.asked):
                return
            if store in ready:
                while conversation.in_parts and select.select([client], [], [], QUIET)[0]:
                    if not _pass_on(client, store, conversation.asked):
                        return
                if not _pass_on(store, client, conversation.answered):
                    return


def _pass_on(source: socket.socket, other: socket.socket, count: Callable[[bytes], None]) -> bool:
    """What has arrived; false when there is no more."""
    data = source.recv(PIECE)
    if data:
        count(data)
        other.sendall(data)
    return bool(data)
