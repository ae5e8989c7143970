"""The connection to a client: it collects small requests before a thread is spent on them, and ends bodies that hardly
arrive.

Whoever reads a body (a view, Werkzeug's form parser, the CSRF check, what throws a refused body away, gunicorn itself),
its bytes come through this socket. So the slowest pace is kept here, once, and no reader can forget it.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

IDLE_SECONDS: Final = 30.0
"""Between two pieces of a body, or for a client to take one `PIECE` of an answer."""
PIECE: Final = 256 * 1024
"""Bytes of an answer for which a client has that time."""
MAX_HEAD: Final = 64 * 1024
"""Bytes in which the head of a request has to end before it goes to the server's parser, which knows its limits."""
SMALL_BODY: Final = 64 * 1024
"""Bytes of a body that is collected whole. Nothing longer is read of anybody who is not signed in."""
_STEP: Final = 64 * 1024
_TOGETHER: Final = 1.0
"""Seconds in which the kernel moves many bytes for one call. Python would come back for every piece, and each time wait
for its turn among the threads. What has not moved by then is slow: it goes on piece by piece, by the clock."""
_ONE_CALL: Final = struct.pack("@ll", int(_TOGETHER), int(_TOGETHER % 1 * 1_000_000))
_NO_LIMIT: Final = struct.pack("@ll", 0, 0)
_LARGE: Final = 128 * 1024
"""Bytes from which on that is worth its own calls."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_BLANK_LINE: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,19})[ \t]*\r\n", re.IGNORECASE)
_EXPECT: Final = re.compile(rb"\r\nexpect:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How slowly a body may arrive: `grace` seconds, and one second more for every `rate` bytes that did arrive."""

    grace: float
    rate: int

    def allowed(self, received: int) -> float:
        """Seconds that so many bytes may take."""
        return self.grace + received / self.rate


STRANGER: Final = Pace(5.0, 16 * 1024)
"""Of whoever is not signed in we expect a form of a few hundred bytes; a thread waits for it meanwhile."""
SIGNED_IN: Final = Pace(30.0, 1024)
"""Large files over bad networks are welcome, a trickle that holds a thread for ever is not."""


class ClientSocket(socket.socket):
    """A connection whose time-out is for each piece sent, and whose bodies have to keep a pace.

    Python's own time-out is for all of `sendall`, however much that is: it would cut off a slow client in the middle of
    a large answer that it takes steadily. For receiving it is the other way round: a byte now and then would keep the
    connection for ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held = bytearray()
        self._searched = 0  # bytes of them in which the end of the head is not
        self._wanted = -1  # bytes that make the request whole, -1 as long as its head has not ended
        self._pace: Pace | None = None
        self._began = 0.0
        self._received = 0
        self._deadline = float("inf")
        self._asked_to_continue = False

    # -- before a thread is spent on it

    @property
    def held(self) -> int:
        """Bytes that are collected and not read yet."""
        return len(self._held)

    @property
    def head_is_held(self) -> bool:
        """Whether the whole head of the next request is collected."""
        return self._wanted >= 0

    def collect(self) -> bool:
        """Take what has arrived, without waiting. True when a thread can go on with it: the head is there with all of a
        small body, or with the beginning of a large one; or the client has gone.

        What is said here of lengths only decides who waits. What a request is, the server's parser says.
        """
        patience = self.gettimeout()
        if patience:  # Python would wait for so long before it asks the system, whatever the flag says
            self.settimeout(0)
        try:
            data = super().recv(_STEP, socket.MSG_DONTWAIT)
        except BlockingIOError:
            data = None
        except OSError:
            return True  # the thread that reads on meets the same error, and ends the connection
        finally:
            if patience:
                self.settimeout(patience)
        if data:
            self._held += data
        if self._wanted < 0:
            self._look_for_head()
        return data == b"" or 0 <= self._wanted <= len(self._held)

    def _look_for_head(self) -> None:
        end = self._held.find(_BLANK_LINE, max(0, self._searched - len(_BLANK_LINE) + 1))
        self._searched = len(self._held)
        if end < 0:
            self._wanted = -1 if self._searched < MAX_HEAD else 0
            return
        head = self._held[: end + len(_BLANK_LINE)]
        length = _LENGTH.search(head)
        body = int(length[1]) if length is not None else 0
        # Not waited for: a large body, one of unknown length, or one that waits for our "100 Continue" itself.
        self._wanted = len(head) + body if body <= SMALL_BODY and _EXPECT.search(head) is None else 0

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        self._searched, self._wanted = 0, -1
        return taken

    def give_back(self, data: bytes) -> None:
        """Hold bytes again that were taken too early."""
        if data:
            self._held[:0] = data
            self._searched, self._wanted = 0, -1

    def discard(self) -> bool:
        """Throw away what has arrived, without waiting; whether more may come."""
        self._held.clear()
        try:
            return super().recv(_STEP) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    # -- while a thread reads

    def begin_body(self) -> None:
        """The head of a request is complete. Until it is known who sends it, the pace of strangers holds."""
        self._pace, self._began, self._received, self._deadline = STRANGER, time.monotonic(), 0, float("inf")
        self.settimeout(IDLE_SECONDS)

    def end_body(self) -> None:
        """The request is answered; how long the next one may take to come is the server's matter."""
        self._pace = None
        self._asked_to_continue = False

    @property
    def client_waits(self) -> bool:
        """Whether the client asked with its head whether it shall send the body, and has no answer yet."""
        return self._asked_to_continue

    def ask_to_continue(self) -> None:
        """The client waits for "100 Continue" (RFC 9110, section 10.1.1). It is sent when somebody wants bytes of the
        body; what is refused by the head alone has the refusal at once instead."""
        self._asked_to_continue = not self._held

    def will_not_continue(self) -> None:
        """The answer comes without the body: after it no "100 Continue" may follow."""
        self._asked_to_continue = False

    def _let_continue(self) -> None:
        if self._asked_to_continue:
            self._asked_to_continue = False
            self.sendall(_CONTINUE)

    def set_pace(self, pace: Pace) -> None:
        """Let the body of the present request arrive at another pace."""
        if self._pace is not None:
            self._pace = pace

    def set_deadline(self, moment: float) -> None:
        """Whatever its pace, let the rest of the body have arrived at this moment of the monotonic clock."""
        self._deadline = moment

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As `socket.recv`; raises TimeoutError when the body falls behind its pace."""
        if self._held:
            return self._take(bufsize)
        if self._pace is None:
            return super().recv(bufsize, flags)
        self._let_continue()
        with self._in_time(self._pace):
            data = super().recv(bufsize, flags)
        self._received += len(data)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """As `socket.recv_into`; raises TimeoutError when the body falls behind its pace. Of a body, all that was asked
        for comes in one call unless it is slow."""
        if self._held:
            with memoryview(buffer).cast("B") as view:
                data = self._take(min(nbytes or len(view), len(view)))
                view[: len(data)] = data
            return len(data)
        if self._pace is None:
            return super().recv_into(buffer, nbytes, flags)
        self._let_continue()
        waited, count = 0.0, -1
        if (nbytes or memoryview(buffer).nbytes) >= _LARGE:
            waited, count = self._receive_together(buffer, nbytes, flags, self._pace)
        if count < 0:
            with self._in_time(self._pace, waited):
                count = super().recv_into(buffer, nbytes, flags)
        self._received += count
        return count

    def _receive_together(self, buffer: Any, nbytes: int, flags: int, pace: Pace) -> tuple[float, int]:
        """How long it waited, and how many bytes came: all of them, or what a moment brought. -1: nothing yet."""
        idle = self.gettimeout()
        if min(self._left(pace), _TOGETHER if idle is None else idle) < _TOGETHER:
            return 0.0, -1  # the clock is nearer than the kernel's limit
        with self._kernel_waits(socket.SO_RCVTIMEO, idle):
            try:
                return 0.0, super().recv_into(buffer, nbytes, flags | socket.MSG_WAITALL)
            except BlockingIOError:
                return _TOGETHER, -1

    @contextmanager
    def _kernel_waits(self, limit: int, patience: float | None) -> Iterator[None]:
        """Let one call last until all is moved, but not longer than `_TOGETHER`. `limit`: the option that says so."""
        self.setsockopt(socket.SOL_SOCKET, limit, _ONE_CALL)
        self.settimeout(None)
        try:
            yield
        finally:
            self.settimeout(patience)
            # Others may wait without end, for the head of the next request.
            self.setsockopt(socket.SOL_SOCKET, limit, _NO_LIMIT)

    def _left(self, pace: Pace) -> float:
        return min(self._began + pace.allowed(self._received), self._deadline) - time.monotonic()

    @contextmanager
    def _in_time(self, pace: Pace, waited: float = 0.0) -> Iterator[None]:
        """`waited`: seconds without a byte, just before."""
        left, idle = self._left(pace), self.gettimeout()
        if waited and idle is not None:
            left = min(left, idle - waited)
        if left <= 0:
            raise TimeoutError("the body arrives too slowly")
        if idle is not None and idle <= left:
            yield
            return
        self.settimeout(left)
        try:
            yield
        finally:
            self.settimeout(idle)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As `socket.sendall`, with the time-out for each `PIECE`. All that there is goes to the kernel at once, as
        each call costs more than what it carries."""
        began = time.monotonic()
        with memoryview(data) as whole, whole.cast("B") as view:
            sent = self.send(view, flags) if len(view) < _LARGE else self._send_together(view, flags)
            if sent < len(view):
                self._send_rest(view, sent, began, flags)

    def _send_together(self, view: memoryview, flags: int) -> int:
        """All of it, or what the client takes in a moment."""
        patience = self.gettimeout()
        if patience is not None and patience < _TOGETHER:
            return self.send(view, flags)
        with self._kernel_waits(socket.SO_SNDTIMEO, patience):
            try:
                return self.send(view, flags)
            except BlockingIOError:
                return 0

    def _send_rest(self, view: memoryview, sent: int, began: float, flags: int) -> None:
        patience = self.gettimeout()
        mark = 0  # up to here the pieces are sent; the present one has been waited for since `began`
        try:
            while sent < len(view):
                if sent - mark >= PIECE:
                    mark, began = sent, time.monotonic()
                    self.settimeout(patience)
                elif patience is not None:
                    left = began + patience - time.monotonic()
                    if left <= 0:
                        raise TimeoutError("the client takes the answer too slowly")
                    self.settimeout(left)
                sent += self.send(view[sent:], flags)
        finally:
            self.settimeout(patience)


def client_waits(environ: WSGIEnvironment) -> bool:
    """Whether the body of this request comes only if somebody reads it, because the client waits to be asked for it."""
    connection = environ.get("gunicorn.socket")
    return isinstance(connection, ClientSocket) and connection.client_waits


def set_body_pace(environ: WSGIEnvironment, pace: Pace) -> None:
    """Let the body of this request arrive at `pace`, where our own server carries it."""
    connection = environ.get("gunicorn.socket")
    if isinstance(connection, ClientSocket):
        connection.set_pace(pace)
