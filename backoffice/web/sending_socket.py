"""The side of a connection that sends: a client that takes steadily has all the time it needs, and the end of an answer
takes no thread."""

from __future__ import annotations

import socket
import time
from typing import Any, Final

PIECE: Final = 256 * 1024
"""Bytes of an answer for which the time-out is; and the most that are left to be sent without a thread."""


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
        self.sent_bytes, self.sending_since = 0, 0.0
        """Bytes of the present answer, and since when."""
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
        self.waits_since = began
        try:
            sent = self.send(data, flags)
        finally:
            self.waits_since = 0.0
        if not self.sent_bytes:
            self.sending_since = began
        self.sent_bytes += sent
        if sent < len(data):
            with memoryview(data) as whole, whole.cast("B") as view:
                self._send_all_of(view, sent, began, flags, leave=PIECE if self.leaves_rest else 0)

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
