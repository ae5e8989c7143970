"""Request bodies: received in large steps, counted, bounded in size and time, and never trusted to be whole.

gunicorn hands over a cut body as a clean end and copies all it holds at every read; so the bytes are counted here,
and a body of known length is received from its socket straight into our memory (a third of the processor time).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol

from flask import Request, Response, g, request
from gunicorn.http.body import Body as ServerBody
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import SocketUnreader

from backoffice.domain.waits import renew_waits
from backoffice.errors import BodyCut, Invalid, TooLarge
from backoffice.web.body_buffers import Allocate, fresh
from backoffice.web.client_socket import SIGNED_IN, SMALL_BODY, ClientSocket, client_waits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

STEP = 1024 * 1024
"""Bytes asked for at once."""

PACE = SIGNED_IN
"""What reads a body here is for people who are signed in. Under gunicorn, `ClientSocket` sees to the pace of every body
already; this one holds under any server."""

DRAIN = 16 * 1024 * 1024
DRAIN_SECONDS = 5.0
STRANGERS_DRAIN_SECONDS = 1.0
"""How much of a refused body is read and thrown away, and how long, so that a client that is still sending gets to
the answer. If more is coming, the server closes the connection."""


CONFIRM: Final = "backoffice.confirm"
"""Key of the WSGI environment: what has to be called before a body is read that cannot be read again."""


STILL: Final = "backoffice.still"
"""Likewise: what is called again and again while a body arrives; it raises where the sender may not any more."""


class Source(Protocol):
    """Where a body comes from."""

    def read_into(self, view: memoryview) -> int:
        """Put bytes at the start of the view, wait for one at least; 0 at the end."""


class RequestBody:
    """The body of one request. Raises TooLarge at once when the announced length is over `limit`.

    `length`: as announced, None when it is not known (chunked transfer coding). `received`: bytes so far.
    """

    def __init__(self, of: Request | WSGIEnvironment, limit: int) -> None:
        environ = _environ(of)
        self.length = _length(environ)
        self.received = 0
        self._limit = limit
        self._source = _source(environ, self.length)
        self._started = time.monotonic()
        if self.length is not None and self.length > limit:
            raise TooLarge(f"The body has {self.length} bytes; at most {limit} are taken.", limit=limit)
        confirm_first(environ)
        if self.length is None or self.length > SMALL_BODY:
            renew_waits()
        self._still: Callable[[], None] = environ.get(STILL, _nothing)

    def read_into(self, view: memoryview) -> int:
        """Receive the next bytes to the start of the view; how many, 0 at the end.

        Raises BodyCut (it ended early, stalled or trickled), TooLarge (over the limit), Invalid (malformed coding), and
        what `keep_confirming` was told to ask raises.
        """
        if self.length == self.received or not view:
            return 0
        # One byte over the limit is enough to know.
        count = self._receive(view[: self._limit - self.received + 1])
        self.received += count
        if self.received > self._limit:
            raise TooLarge(f"The body has more than {self._limit} bytes.", limit=self._limit)
        if not count and self.length is not None:
            raise BodyCut(f"The body ended after {self.received} of {self.length} bytes.", received=self.received)
        if time.monotonic() - self._started > PACE.allowed(self.received):
            raise BodyCut("The body arrived too slowly.", received=self.received)
        self._still()
        return count

    def _receive(self, view: memoryview) -> int:
        try:
            return self._source.read_into(view)
        except ParseException as error:
            raise Invalid("The body is not in the transfer coding it announces.") from error
        except OSError as error:
            raise BodyCut(f"The body stopped after {self.received} bytes.", received=self.received) from error


def iter_body(of: Request | WSGIEnvironment, limit: int, step: int = STEP) -> Iterator[memoryview]:
    """The body in pieces of at most `step` bytes; a piece is valid until the next one is asked for.

    Raises as `RequestBody`.
    """
    body = RequestBody(of, limit)
    view = memoryview(bytearray(step if body.length is None else min(step, body.length)))
    while count := body.read_into(view):
        yield view[:count]


def read_view(of: Request | WSGIEnvironment, limit: int, allocate: Allocate = fresh) -> memoryview:
    """The whole body, uncopied, where its length is known in memory that `allocate` gives. Raises as `RequestBody`."""
    body = RequestBody(of, limit)
    if body.length is None:
        whole = bytearray()
        view = memoryview(bytearray(STEP))
        while count := body.read_into(view):
            whole += view[:count]
        return memoryview(whole)
    view = allocate(body.length)
    while count := body.read_into(view[body.received :]):
        pass
    return view


def read_exact(of: Request | WSGIEnvironment, limit: int) -> bytes:
    """The whole body. Raises as `RequestBody`."""
    return bytes(read_view(of, limit))


def hold_body(environ: WSGIEnvironment, confirm: Callable[[], None]) -> None:
    """Let a request be read twice: a small body, which our server has in memory already, is held; one that the client
    has yet to be asked for is not. Before another is read, `confirm` has to be called (by `confirm_first`): after that
    the request does not begin again.

    Raises BodyCut.
    """
    length = _length(environ)
    if length is None or length > SMALL_BODY or client_waits(environ):
        environ[CONFIRM] = confirm
    elif length:
        environ["wsgi.input"] = BytesIO(read_exact(environ, SMALL_BODY))


def confirm_first(of: Request | WSGIEnvironment) -> None:
    """Before a body is read that is not held. Raises what `confirm` raises."""
    confirm = _environ(of).pop(CONFIRM, None)
    if confirm is not None:
        confirm()


def keep_confirming(environ: WSGIEnvironment, still: Callable[[], None]) -> None:
    """Have `still` called while a body arrives, however long that takes."""
    environ[STILL] = still


def _nothing() -> None:
    """Nobody has to be asked."""


def drain(of: Request | WSGIEnvironment, most: int = DRAIN, seconds: float = DRAIN_SECONDS) -> bool:
    """Throw away what nobody read of the body; whether all of it is gone now. A client that waits to be asked for it is
    not asked: it has its answer at once."""
    environ = _environ(of)
    length = _length(environ)
    body = environ["wsgi.input"]
    if getattr(body, "failed", False) or client_waits(environ):
        return False
    if not (length is None or isinstance(body, ServerBody)):
        # Another server's input may wait for ever at its end; such a server looks after its connections itself.
        return True
    source, sock = _source(environ, length), environ.get("gunicorn.socket")
    view = memoryview(bytearray(min(most, STEP)))
    patience = sock.gettimeout() if sock is not None else None
    until, dropped = time.monotonic() + seconds, 0
    if isinstance(sock, ClientSocket):
        # A chunked body is read in steps of many pieces, each of which could take all the time that is left.
        sock.set_deadline(until)
    try:
        while dropped < most and (left := until - time.monotonic()) > 0:
            if sock is not None:
                sock.settimeout(left)
            count = source.read_into(view)
            if not count:
                return True
            dropped += count
    except (OSError, ParseException):
        # Broken already: there is nobody to answer, and the server closes it.
        return False
    finally:
        if sock is not None:
            sock.settimeout(patience)
    return False


def drain_after(response: Response) -> Response:
    """For `after_request`: a refusal reaches also the client that is still sending. Our own server sees to that by
    itself, after the answer and without a thread."""
    environ = request.environ
    if isinstance(environ.get("gunicorn.socket"), ClientSocket):
        return response
    if response.status_code >= 400 and (environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")):
        drain(environ, seconds=DRAIN_SECONDS if g.get("person") is not None else STRANGERS_DRAIN_SECONDS)
    return response


class _Plain:
    """Any server's `wsgi.input`."""

    def __init__(self, stream: Any, length: int | None) -> None:
        self._stream, self._left = stream, length

    def read_into(self, view: memoryview) -> int:
        data = self._stream.read(len(view) if self._left is None else min(len(view), self._left))
        if self._left is not None:
            self._left -= len(data)
        view[: len(data)] = data
        return len(data)


class _Direct:
    """gunicorn's socket, with gunicorn's own count of what is left of the body kept right after every step."""

    def __init__(self, body: ServerBody) -> None:
        self._body, self._reader, self._unreader = body, body.reader, body.reader.unreader

    def read_into(self, view: memoryview) -> int:
        wanted = min(len(view), self._reader.length)
        if not wanted:
            return 0
        held = self._unreader.take_buffered()
        if held:
            count = min(len(held), wanted)
            view[:count] = held[:count]
            if count < len(held):
                self._unreader.unread(held[count:])
        else:
            try:
                count = self._unreader.sock.recv_into(view[:wanted])
            except OSError:
                # Where the next request starts is unknown now: the server must not keep the connection.
                self._body.failed = True
                raise
        self._reader.length -= count
        return int(count)


def _environ(of: Request | WSGIEnvironment) -> WSGIEnvironment:
    return of.environ if isinstance(of, Request) else of


def _length(environ: WSGIEnvironment) -> int | None:
    announced = environ.get("CONTENT_LENGTH", "")
    if announced:
        if not (announced.isascii() and announced.isdigit()):
            raise Invalid("Content-Length must be a whole number.")
        return int(announced)
    # Without a length and a transfer coding there is no body (RFC 9112, section 6.3), whatever the server says of its
    # input; and one that does not end the input by itself would let us wait for ever.
    return None if environ.get("wsgi.input_terminated") and environ.get("HTTP_TRANSFER_ENCODING") else 0


def _source(environ: WSGIEnvironment, length: int | None) -> Source:
    body = environ["wsgi.input"]
    if (
        type(body) is ServerBody
        and type(body.reader) is LengthReader
        and type(body.reader.unreader) is SocketUnreader
        and not body.buf.tell()
    ):
        return _Direct(body)
    return _Plain(body, length)
