"""One question to the store, over its socket, with the standard library alone.

The supervisor asks a few things a minute; a client library would double its start-up time and its memory.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import IO


class NoAnswer(Exception):
    """The store did not answer, or refused; the message is its own where there is one."""


def ask(path: Path, password: str, *words: str, timeout: float = 2.0) -> str:
    """Send one command and return its reply, which must be a string, a number or an array's length.

    Raises NoAnswer.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(path))
            connection.sendall(_pack("AUTH", password) + _pack(*words))
            with connection.makefile("rb") as replies:
                _reply(replies)
                return _reply(replies)
    except OSError as error:
        raise NoAnswer(error.strerror or str(error)) from error


def _pack(*words: str) -> bytes:
    raw = [word.encode() for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in raw)


def _reply(replies: IO[bytes]) -> str:
    line = replies.readline()
    if not line.endswith(b"\r\n"):
        raise NoAnswer("it closed the connection")
    kind, text = line[:1], line[1:-2].decode("utf-8", "replace")
    if kind == b"-":
        raise NoAnswer(text)
    if kind == b"$" and int(text) >= 0:
        return replies.read(int(text) + 2)[:-2].decode("utf-8", "replace")
    return text
