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

from backoffice.web.sending_socket import MANY, TOGETHER, SendingSocket

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

IDLE_SECONDS: Final = 30.0
"""Between two pieces of a body, or for a client to take one `PIECE` of an answer."""
MAX_HEAD: Final = 64 * 1024
"""Bytes in which the head of a request has to end before it goes to the server's parser, which knows its limits."""
SMALL_BODY: Final = 64 * 1024
"""Bytes of a body that is collected whole. Nothing longer is read of anybody who is not signed in."""
_STEP: Final = 64 * 1024
_TOLD: Final = struct.Struct("@QQ")
_BYTES_TOLD: Final = 120
"""Where `bytes_acked` and `bytes_received` are in Linux's `struct tcp_info` (linux/tcp.h)."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_BLANK_LINE: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,19})[ \t]*\r\n", re.IGNORECASE)
_FRAMING: Final = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
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


HEAD_SECONDS: Final = 15.0
"""For the whole head of a request, however it drips."""
_HEAD: Final = Pace(HEAD_SECONDS, 2**62)


class ClientSocket(SendingSocket):
    """A connection whose bodies have to keep a pace: by Python's own time-out, a byte now and then would keep it for
    ever."""

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
        self.discarded = 0

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
        # Not waited for: a large body, one of unknown length, one that waits for our "100 Continue" itself, or one that
        # will be refused, as its length is said in two ways.
        if body and (body > SMALL_BODY or _EXPECT.search(head) is not None or len(_FRAMING.findall(head)) > 1):
            self._wanted = 0
        else:
            self._wanted = len(head) + body

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
            count = len(super().recv(_STEP))
            self.discarded += count
            return count > 0
        except BlockingIOError:
            return True
        except OSError:
            return False

    # -- while a thread reads

    def begin_body(self) -> None:
        """The head of a request is complete. Until it is known who sends it, the pace of strangers holds."""
        self._pace, self._began, self._received, self._deadline = STRANGER, time.monotonic(), 0, float("inf")
        self.sent_bytes = 0
        self._wait_patiently()

    def begin_head(self) -> None:
        """A thread reads the head of a request. That is collected already, unless it is of no form that is known
        here: then the rest has to come in `HEAD_SECONDS`."""
        self._pace, self._began, self._received = _HEAD, time.monotonic(), 0
        self._deadline = float("inf")
        self._wait_patiently()

    def _wait_patiently(self) -> None:
        if self.gettimeout() != IDLE_SECONDS:  # else the system need not be told again
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
        if (nbytes or memoryview(buffer).nbytes) >= MANY:
            waited, count = self._receive_together(buffer, nbytes, flags, self._pace)
        if count < 0:
            with self._in_time(self._pace, waited):
                count = super().recv_into(buffer, nbytes, flags)
        self._received += count
        return count

    def _receive_together(self, buffer: Any, nbytes: int, flags: int, pace: Pace) -> tuple[float, int]:
        """How long it waited, and how many bytes came: all of them, or what a moment brought. -1: nothing yet."""
        idle = self.gettimeout()
        if min(self._left(pace), TOGETHER if idle is None else idle) < TOGETHER:
            return 0.0, -1  # the clock is nearer than the kernel's limit
        with self.kernel_waits(socket.SO_RCVTIMEO, idle):
            try:
                return 0.0, super().recv_into(buffer, nbytes, flags | socket.MSG_WAITALL)
            except BlockingIOError:
                return TOGETHER, -1

    def _left(self, pace: Pace) -> float:
        return min(self._began + pace.allowed(self._received), self._deadline) - time.monotonic()

    @contextmanager
    def _in_time(self, pace: Pace, waited: float = 0.0) -> Iterator[None]:
        """`waited`: seconds without a byte, just before."""
        self.waits_since = time.monotonic()
        left, idle = self._left(pace), self.gettimeout()
        if waited and idle is not None:
            left = min(left, idle - waited)
        shorter = idle is None or left < idle
        try:
            if left <= 0:
                raise TimeoutError("the body arrives too slowly")
            if shorter:
                self.settimeout(left)
            yield
        finally:
            self.waits_since = 0.0
            if shorter:
                self.settimeout(idle)

    def moved(self) -> int:
        """Bytes that the client has sent or taken. Where the system can tell it is what really went: a client that
        takes nothing leaves megabytes in the system's buffers, and one call may send for a second."""
        try:
            told = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_TOLD + _TOLD.size)
            acked, received = _TOLD.unpack_from(told, _BYTES_TOLD)
        except (OSError, struct.error):  # no TCP, another system, or the connection has ended
            acked, received = self.sent_bytes, self._received
        return int(acked + received)


def client_waits(environ: WSGIEnvironment) -> bool:
    """Whether the body of this request comes only if somebody reads it, because the client waits to be asked for it."""
    connection = environ.get("gunicorn.socket")
    return isinstance(connection, ClientSocket) and connection.client_waits


def set_body_pace(environ: WSGIEnvironment, pace: Pace) -> None:
    """Let the body of this request arrive at `pace`, where our own server carries it."""
    connection = environ.get("gunicorn.socket")
    if isinstance(connection, ClientSocket):
        connection.set_pace(pace)
