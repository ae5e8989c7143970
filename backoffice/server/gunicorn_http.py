"""gunicorn's HTTP, without what it does at every request for cases that we do not have.

What a request is, and what may stand in an answer, is still said by gunicorn's own parser and its own checks.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Final

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import Response

SMALL: Final = 64 * 1024
"""Bytes of a body that leave together with the head of the answer: one call of the system, one packet where it fits."""


class IncomingRequest(Request):  # type: ignore[misc] # gunicorn is not typed
    """A request of which gunicorn believes nothing about proxies: the application judges them (`web/middleware.py`)."""

    _expected_100_continue: bool

    def _peer_trusted_for_forwarded(self) -> tuple[dict[str, str], list[str]]:
        return {}, []

    def take_expectation(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends a body. Asked once, and before gunicorn makes the
        WSGI environment: it would say that then, before anybody has looked at the head."""
        expected, self._expected_100_continue = bool(self._expected_100_continue), False
        reader = self.body.reader
        return expected and not (type(reader) is LengthReader and reader.length == 0)


class Requests(RequestParser):  # type: ignore[misc]
    """The requests of one connection."""

    mesg_class = IncomingRequest

    def finish_body(self, deadline: float | None = None, max_bytes: int | None = None) -> bool:
        """As gunicorn's. Where nothing is left of a body of known length, there is nothing to ask the socket for."""
        if self.mesg is None or body_to_come(self.mesg) == 0:
            return True
        return bool(super().finish_body(deadline, max_bytes))


def body_to_come(request: Request) -> int | None:
    """Bytes of its body that nobody has received; None where that cannot be told."""
    body = request.body
    if body.failed:
        return None
    if type(body.reader) is LengthReader:
        return int(body.reader.length)
    # A chunked one is over when its reader has seen the last chunk.
    return 0 if type(body.reader) is ChunkedReader and body.reader.parser is None else None


class Answer(Response):  # type: ignore[misc]
    """An answer whose head waits for the first bytes of its body."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.headers_sent = False
        self._head = b""

    def default_headers(self) -> list[str]:
        """As gunicorn's, without its name, and with a date that is put into words once a second. Where the client still
        waits to be asked for its body, it is not asked any more; and as it may send it all the same, the connection
        ends. So it does when a body that nobody has read is still on its way: the main loop throws it away, no thread
        waits for it."""
        if self.sock.client_waits:
            self.sock.will_not_continue()
            self.force_close()
        elif (to_come := body_to_come(self.req)) is None or to_come > self._held():
            self.force_close()
        major, minor = self.req.version
        headers = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Date: {_date(int(time.time()))}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
        ]
        if self.chunked:
            headers.append("Transfer-Encoding: chunked\r\n")
        return headers

    def _held(self) -> int:
        return int(self.sock.held + self.req.unreader.buf.tell())

    def send_headers(self) -> None:
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
            self._head = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def flush(self) -> None:
        """Send the head if it still waits."""
        if self._head:
            head, self._head = self._head, b""
            self.sock.sendall(head)

    def _emit_body(self, data: bytes) -> None:
        if self._head and not self.chunked and len(data) <= SMALL:
            data, self._head = self._head + data, b""
        self.flush()
        super()._emit_body(data)

    def sendfile(self, respiter: Any) -> bool:
        """As gunicorn's: from the file to the socket, after the head."""
        if not self.headers_sent:
            self.send_headers()
            self.flush()
        return bool(super().sendfile(respiter))

    def close(self) -> None:
        self.send_headers()
        self.flush()
        super().close()


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
