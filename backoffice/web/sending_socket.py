"""The side of a connection that sends: a client that takes steadily has all the time it needs, and the end of an answer
takes no thread."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

PIECE: Final = 256 * 1024
"""Bytes of an answer for which the time-out is; and the most that are left to be sent without a thread."""

TOGETHER: Final = 1.0
"""Seconds in which the kernel moves many bytes for one call. Python would come back for every piece, and each time wait
for its turn among the threads. What has not moved by then is slow: it goes on piece by piece, by the clock."""
_ONE_CALL: Final = struct.pack("@ll", int(TOGETHER), int(TOGETHER % 1 * 1_000_000))
_NO_LIMIT: Final = struct.pack("@ll", 0, 0)
MANY: Final = 128 * 1024
"""Bytes from which on that is worth its own calls."""


class SendingSocket(socket.socket):
    """A connection whose time-out is for each piece sent.

    Python's own is for all of `sendall`, however much that is: it would cut off a slow client in the middle of a large
    answer that it takes steadily.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rest = bytearray()
        self.leaves_rest = False
        """Whether `sendall` may leave the last bytes to whoever calls `send_rest`."""
        self.sent_bytes = 0
        """Bytes of the present answer."""
        self.waits_since = 0.0
        """Since when a thread waits for the client; a moment of the monotonic clock, 0 while none does."""

    @property
    def rest(self) -> int:
        """Bytes of answers that are not sent yet, and that no thread sends."""
        return len(self._rest)

    def send_rest(self) -> bool:
        """Send of it what the client takes, without waiting; whether all is sent. Raises OSError when it has gone."""
        try:
            del self._rest[: self.send(self._rest)]
        except BlockingIOError:
            return False
        return not self._rest

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As `socket.sendall`, with the time-out for each `PIECE`. All that there is goes to the kernel at once, as
        each call costs more than what it carries. With `leaves_rest`, at most a `PIECE` is left to `send_rest`."""
        began = time.monotonic()
        if self._rest:
            if len(self._rest) + len(data) <= PIECE:
                self._rest += data
                return
            rest, self._rest = self._rest, bytearray()
            self._send_all_of(rest, 0, began, flags)
        with memoryview(data) as whole, whole.cast("B") as view:
            self.waits_since = began
            try:
                sent = self._send_together(view, flags) if len(view) >= self._many() else self.send(view, flags)
            finally:
                self.waits_since = 0.0
            self.sent_bytes += sent
            if sent < len(view):
                self._send_all_of(view, sent, began, flags, leave=PIECE if self.leaves_rest else 0)

    def _many(self) -> int:
        """Bytes from which on a thread waits for the client to take them."""
        return PIECE + 1 if self.leaves_rest else MANY

    def _send_together(self, view: memoryview, flags: int) -> int:
        """All of it, or what the client takes in a moment."""
        patience = self.gettimeout()
        if patience is not None and patience < TOGETHER:
            return self.send(view, flags)
        with self.kernel_waits(socket.SO_SNDTIMEO, patience):
            try:
                return self.send(view, flags)
            except BlockingIOError:
                return 0

    @contextmanager
    def kernel_waits(self, limit: int, patience: float | None) -> Iterator[None]:
        """Let one call last until all is moved, but not longer than `TOGETHER`. `limit`: the option that says so."""
        self.setsockopt(socket.SOL_SOCKET, limit, _ONE_CALL)
        self.settimeout(None)
        self.waits_since = time.monotonic()
        try:
            yield
        finally:
            self.waits_since = 0.0
            self.settimeout(patience)
            # Others may wait without end, for the head of the next request.
            self.setsockopt(socket.SOL_SOCKET, limit, _NO_LIMIT)

    def _send_all_of(
        self, view: memoryview | bytearray, sent: int, began: float, flags: int, *, leave: int = 0
    ) -> None:
        """All but the last `leave` bytes, which become the rest."""
        patience = self.gettimeout()
        mark = 0  # up to here the pieces are sent; the present one has been waited for since `began`
        try:
            while len(view) - sent > leave:
                if sent - mark >= PIECE:
                    mark, began = sent, time.monotonic()
                    self.settimeout(patience)
                elif patience is not None:
                    left = began + patience - time.monotonic()
                    if left <= 0:
                        raise TimeoutError("the client takes the answer too slowly")
                    self.settimeout(left)
                self.waits_since = began
                with memoryview(view) as whole:
                    count = self.send(whole[sent:], flags)
                sent += count
                self.sent_bytes += count
        finally:
            self.waits_since = 0.0
            self.settimeout(patience)
        self._rest += view[sent:]

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """As `socket.sendfile`, for `count` bytes or to the end, at the pace of `sendall`."""
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            data = file.read(PIECE if count is None else min(PIECE, count - sent))
            if not data:
                break
            self.sendall(data)
            sent += len(data)
        return sent
