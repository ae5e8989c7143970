"""A small HTTP/1.1 client that costs little itself: bodies go out from memory, what comes back is counted
and dropped."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

WINDOW = 1024 * 1024
KEEP = 64 * 1024
"""Longest answer that is kept."""


class Refused(Exception):
    """The server's answer is not the one that was measured for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is empty when it is longer than KEEP; `size` counts it all the same."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int


class Connection:
    """One kept-alive connection. Every request has `headers`; a status over 299 raises Refused."""

    def __init__(self, host: str, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._host, self._headers = f"{host}:{port}", dict(headers or {})
        self._socket = socket.create_connection((host, port), 120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(WINDOW)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(
        self, method: str, path: str, pieces: Iterable[bytes | memoryview] = (), length: int = 0, **headers: str
    ) -> Answer:
        """`length`: bytes in all pieces. In the names of headers `_` stands for `-`."""
        lines = {
            "Host": self._host,
            **self._headers,
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        if length or method in {"POST", "PUT", "PATCH"}:
            lines["Content-Length"] = str(length)
        head = "".join(
            [f"{method} {path} HTTP/1.1\r\n", *(f"{name}: {text}\r\n" for name, text in lines.items()), "\r\n"]
        )
        self._socket.sendall(head.encode())
        for piece in pieces:
            self._socket.sendall(piece)
        answer = self._answer(head=method == "HEAD")
        if answer.status > 299:
            raise Refused(f"{method} {path}: {answer.status} {answer.body[:500].decode(errors='replace')}")
        return answer

    def _answer(self, *, head: bool) -> Answer:
        view, filled, end = memoryview(self._buffer), 0, -1
        while end < 0:
            filled += self._receive(view[filled:])
            end = self._buffer.find(b"\r\n\r\n", 0, filled)
        first, *lines = bytes(view[:end]).decode("latin-1").split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        size = 0 if head else int(headers.get("content-length", "0"))
        got = filled - end - 4
        if size <= KEEP:
            body = bytes(view[end + 4 : filled])
            while len(body) < size:
                body += bytes(view[: self._receive(view)])
            return Answer(int(first.split()[1]), headers, body, size)
        while got < size:
            got += self._receive(view)
        return Answer(int(first.split()[1]), headers, b"", size)

    def _receive(self, view: memoryview) -> int:
        count = self._socket.recv_into(view)
        if not count:
            raise Refused("the server closed the connection")
        return count
