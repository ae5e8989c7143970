"""How bytes travel between this process and the store: fewer copies for large values, redis-py for all else.

Writing: redis-py joins a command into one string, which copies every chunk (and copies a memoryview twice).
`LargeValuePacker` hands a large value to the socket as it is. Reading: redis-py copies a reply from the socket to
its buffer, to hiredis and to the result. `LargeReplyParser` receives a large reply straight into the result, in one
call (over TLS it reads as redis-py does). Both are plain options of a connection, so they serve Unix sockets, TCP,
TLS and Sentinel alike.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hiredis import Reader, pack_command
from redis._parsers import _HiredisParser
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as StoreGone
from redis.exceptions import DataError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut
from redis.utils import SENTINEL

if TYPE_CHECKING:
    from redis.connection import AbstractConnection

READ_SIZE = 64 * 1024
"""Bytes of a connection's own buffer: every idle connection keeps one."""

LARGE = 2 * READ_SIZE
"""Values from here on take the short way."""

SEND_BUFFER = 4 * 1024 * 1024
"""Bytes asked for on a Unix socket, so that a whole chunk is handed over at once (the kernel may grant less)."""

JOINED = 64 * 1024
"""Bytes of a part of a pipeline that is joined with the others."""

_HEADER_MOST = 32

Buffer = bytes | bytearray | memoryview


def connection_options() -> dict[str, Any]:
    """Options for a connection pool of redis-py, whatever the transport; values must not be decoded."""
    return {
        "command_packer": LargeValuePacker(),
        "parser_class": LargeReplyParser,
        "socket_read_size": READ_SIZE,
    }


class LargeValuePacker(HiredisRespSerializer):
    """Commands with a large value become a list of buffers, the value among them uncopied."""

    def pack(self, *args: Any) -> list[Buffer]:
        # As redis-py does: the first argument may hold several words.
        name = args[0].encode() if isinstance(args[0], str) else args[0]
        return pack((*name.split(), *args[1:]))


def pack(command: Sequence[Any]) -> list[Buffer]:
    """A command as it travels, whose first argument is one word. Raises DataError for what cannot be sent."""
    for arg in command:
        kind = type(arg)
        if kind is str or kind is int:
            continue
        if len(arg) >= LARGE if kind is bytes else isinstance(arg, bytearray | memoryview):
            return _pack_buffers(command)
    try:
        return [pack_command(tuple(command))]
    except TypeError as error:
        raise DataError(str(error)) from None


def pack_all(commands: Sequence[Sequence[Any]]) -> list[Buffer]:
    """Several, one after the other; in one piece if all are small, to be sent by one call."""
    packed: list[Buffer] = []
    for command in commands:
        packed += pack(command)
    if all(type(part) is bytes and len(part) < JOINED for part in packed):
        packed = [b"".join(packed)]
    return packed


def _pack_buffers(words: Sequence[Any]) -> list[Buffer]:
    buffers: list[Buffer] = []
    small = b"*%d\r\n" % len(words)
    for word in words:
        value = word if isinstance(word, Buffer) else str(word).encode()
        size = _size(value)
        if size >= LARGE:
            buffers += (small + b"$%d\r\n" % size, value)
            small = b"\r\n"
        else:
            small += b"$%d\r\n%b\r\n" % (size, bytes(value))
    buffers.append(small)
    return buffers


def _size(value: Buffer) -> int:
    return value.nbytes if isinstance(value, memoryview) else len(value)


class LargeReplyParser(_HiredisParser):
    """redis-py's parser, with a short way for a reply that may be one large string. Which one may, is said by
    `disable_decoding`, which means nothing else to us: all others are spared the look at what comes.

    Whatever else arrives, and whatever goes wrong, ends where redis-py's own parser would be: bytes already received
    are fed to it, and the short way is closed until the connection is made anew.
    """

    def __init__(self, socket_read_size: int) -> None:
        super().__init__(socket_read_size)  # type: ignore[no-untyped-call]
        self._between_replies = False

    def on_connect(self, connection: AbstractConnection, **kwargs: Any) -> None:
        super().on_connect(connection, **kwargs)  # type: ignore[no-untyped-call]
        self._between_replies = not connection.encoder.decode_responses
        if self._sock.family == socket.AF_UNIX:
            # TCP sizes its buffers by itself, and better than a fixed number would.
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if type(self._sock) is socket.socket:
            _let_kernel_wait(self._sock)

    def read_from_socket(self, timeout: float | object = SENTINEL, raise_on_timeout: bool = True) -> bool:
        """As redis-py's, where the kernel waits."""
        if timeout is SENTINEL and self._sock is not None and self._sock.gettimeout() is None:
            try:
                count = self._sock.recv_into(self._buffer)
            except BlockingIOError:
                raise TimedOut("Timeout reading from socket") from None
            if not count:
                raise StoreGone("Connection closed by server.")
            self._reader.feed(self._buffer, 0, count)  # type: ignore[arg-type]
            return True
        there: bool = super().read_from_socket(timeout, raise_on_timeout)  # type: ignore[no-untyped-call]
        return there

    def arrived(self, most: int) -> list[Any]:
        """Replies that are here already, up to so many; errors of the server are among them."""
        found: list[Any] = []
        while len(found) < most:
            reply = self._reader.gets()
            if reply is NOT_ENOUGH_DATA:
                break
            found.append(reply)
        return found

    def read_response(
        self, disable_decoding: bool = False, push_request: bool = False, timeout: float | object = SENTINEL
    ) -> Any:
        between, self._between_replies = self._between_replies, False
        if disable_decoding and between and timeout is SENTINEL:
            value = self._large_reply()
            if value is not None:
                self._between_replies = True
                return value
        response = super().read_response(disable_decoding, push_request, timeout)
        self._between_replies = between
        return response

    def _large_reply(self) -> bytes | None:
        """The value, if a large string is what comes next; otherwise everything is left to redis-py."""
        reader: Reader | None = self._reader
        sock: socket.socket | None = self._sock
        if reader is None or sock is None or reader.has_data():
            return None  # redis-py says what is wrong, or has the reply
        if type(sock) is not socket.socket:
            return None  # TLS knows no flags: what has been looked at would be gone
        start, size = _large_string(_receive_once(sock, _HEADER_MOST, socket.MSG_PEEK))
        if not size:
            return None
        received: list[bytes] = []
        try:
            for part in (start, size, 2):
                _receive(sock, part, received)
        except BaseException:
            reader.feed(b"".join(received))
            raise
        # One string, unless a signal or a pause of the store cut it.
        return received[1] if len(received) == 3 else b"".join(received)[start : start + size]


def _let_kernel_wait(sock: socket.socket) -> None:
    """Let the kernel keep the time-out instead of Python, which asks before each call whether it may go on, waits for
    its turn among the threads each time, and comes back for every piece that has arrived. What takes too long is then a
    BlockingIOError."""
    patience = sock.gettimeout()
    if not patience:
        return
    limit = struct.pack("@ll", int(patience), int(patience % 1 * 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    sock.settimeout(None)


def set_patience(connection: AbstractConnection, seconds: float | None) -> None:
    """Wait for so long for each reply over this connection, and for its being opened if it is not open."""
    connection.socket_timeout = seconds
    sock: Any = connection._sock  # noqa: SLF001 - there is no other way to an open one
    if sock is not None and seconds:
        sock.settimeout(seconds)
        if type(sock) is socket.socket:
            _let_kernel_wait(sock)


def _receive(sock: socket.socket, size: int, into: list[bytes]) -> None:
    """Exactly `size` bytes, in one string if they come without a pause; the memory they arrive in is the result's."""
    while size:
        data = _receive_once(sock, size, socket.MSG_WAITALL)
        if not data:
            raise StoreGone("Connection closed by server.")
        into.append(data)
        size -= len(data)


def _receive_once(sock: socket.socket, size: int, flags: int) -> bytes:
    try:
        return sock.recv(size, flags)
    except BlockingIOError:
        raise TimeoutError("timed out") from None


def _large_string(head: bytes) -> tuple[int, int]:
    r"""Where the value of `$<size>\r\n<value>\r\n` starts, and its size; (0, 0) for every other reply."""
    if head[:1] != b"$":
        return 0, 0
    line = head.find(b"\r\n")
    if line < 0:
        return 0, 0
    size = int(head[1:line])
    return (line + 2, size) if size >= LARGE else (0, 0)


def send(connection: AbstractConnection, packed: Sequence[Buffer]) -> None:
    """Over a connection that is open, as redis-py does it, but also where the kernel keeps the time-out."""
    sock: Any = connection._sock  # noqa: SLF001 - its own way takes that for a closed connection
    try:
        for part in packed:
            sock.sendall(part)
    except (BlockingIOError, TimeoutError):
        raise TimedOut("Timeout writing to the store") from None
    except OSError as error:
        raise StoreGone(f"Error while writing to the store: {error}") from error


def read(connection: AbstractConnection) -> Any:
    """A reply."""
    return connection.read_response(disconnect_on_error=True)


def read_large(connection: AbstractConnection) -> Any:
    """Without decoding, which nobody asks for: that is how `LargeReplyParser` is told."""
    return connection.read_response(disable_decoding=True, disconnect_on_error=True)


def read_several(count: int, connection: AbstractConnection) -> list[Any]:
    """So many replies; then the first error among them is raised."""
    replies = read_all(count, connection)
    raise_first(replies)
    return replies


def read_all(count: int, connection: AbstractConnection) -> list[Any]:
    """So many replies, errors of the server among them. Raises what says that it does not answer, when all are read."""
    replies: list[Any] = []
    parser = connection._parser  # noqa: SLF001 - to take replies from it without asking the socket for each
    while len(replies) < count:
        try:
            replies.append(connection.read_response(disconnect_on_error=True))
        except ResponseError as error:
            replies.append(error)
        if isinstance(parser, LargeReplyParser):
            # Those that came with it need no more than to be taken.
            replies += parser.arrived(count - len(replies))
    for reply in replies:
        if isinstance(reply, RedisError) and not isinstance(reply, ResponseError):
            raise reply
    return replies


def raise_first(replies: Sequence[Any]) -> None:
    """The first error among them."""
    for reply in replies:
        if isinstance(reply, RedisError):
            raise reply
