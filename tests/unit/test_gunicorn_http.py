"""What stands in place of gunicorn's own at every request: answers as they leave, bodies that are read."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.http.wsgi import FileWrapper

from backoffice.server.connections import Connection as ServerConnection
from backoffice.server.gunicorn_http import SMALL, Requests
from backoffice.server.gunicorn_worker import Worker
from backoffice.settings import Settings
from backoffice.web.client_socket import ClientSocket

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"


class Watched(ClientSocket):
    """Keeps what is sent, call by call."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent: list[bytes] = []

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.sent.append(bytes(data))
        super().sendall(data, flags)


class Quiet(Logger):  # type: ignore[misc] # gunicorn is not typed
    def access(self, *_: Any) -> None:
        """Tested by itself."""


class Connection:
    """One client of a worker that has no server around it."""

    def __init__(self) -> None:
        config = Config()
        self.worker = Worker(1, 1, [], SimpleNamespace(settings=Settings()), 30, config, Quiet(config))
        near, self.client = socket.socketpair()
        self.sock = Watched(fileno=near.detach())
        self.worker.tpool = self.worker.get_thread_pool()
        peer = ("192.0.2.1", 4711)
        self.conn = ServerConnection(config, self.sock, peer, ("127.0.0.1", 5000), peer[0])

    def ask(self, app: Any, request: bytes = GET) -> tuple[bool, list[bytes]]:
        """Let `app` answer; whether the connection stays, and what was sent."""
        self.worker.wsgi, self.sock.sent = app, []
        self.client.sendall(request)
        assert self.sock.collect()
        return self.worker._handle_one(self.conn), self.sock.sent


@pytest.fixture
def connection() -> Iterator[Connection]:
    one = Connection()
    with one.sock, one.client:
        yield one
    one.worker.tmp.close()


def _app(*parts: bytes, length: int | None = None, status: str = "200 OK") -> Any:
    headers = [("Content-Length", str(length))] if length is not None else []

    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return list(parts)

    return app


def test_head_and_small_body_leave_together(connection: Connection) -> None:
    for _ in range(2):
        kept, sent = connection.ask(_app(b"alive\n", length=6))
        assert kept
        head, _, body = b"".join(sent).partition(b"\r\n\r\n")
        assert (len(sent), body) == (1, b"alive\n")
        assert re.fullmatch(
            r"HTTP/1\.1 200 OK\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
            r"Connection: keep-alive\r\nContent-Length: 6",
            head.decode(),
        )


def test_headers_are_gunicorns_whether_or_not_they_were_seen_before(connection: Connection) -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", given)
        return [b"ok"]

    def bad(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with pytest.raises(InvalidResponseHeader):
            start_response("200 OK", [("X-A", "b"), ("X-A", "b\r\nX-B: c")])
        return []

    given = [("X-A", "b"), ("Keep-Alive", "timeout=5"), ("X-A", "c"), ("Content-Length", "2"), ("X-A", " d ")]
    for _ in range(2):
        _, sent = connection.ask(app)
        head = b"".join(sent).partition(b"\r\n\r\n")[0].decode()
        lines = [line for line in head.split("\r\n") if line.startswith(("X-A", "Keep-Alive"))]
        assert lines == ["X-A: b", "X-A: c", "X-A: d"]
    connection.ask(bad)


def test_a_large_body_is_not_copied_behind_its_head(connection: Connection) -> None:
    body = bytes(SMALL + 1)
    _, sent = connection.ask(_app(body, length=len(body)))
    assert sent[1:] == [body]


@pytest.mark.parametrize(
    ("parts", "length", "status", "request_", "expected"),
    [
        ((), 0, "200 OK", GET, b""),
        ((b"",), 0, "200 OK", GET, b""),
        ((), None, "204 No Content", GET, b""),
        ((), 6, "200 OK", GET.replace(b"GET", b"HEAD"), b""),
        ((b"", b"one", b"two"), None, "200 OK", GET, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
        ((b"one", b"two"), 6, "200 OK", GET, b"onetwo"),
    ],
)
def test_every_answer_has_one_head_and_its_body(
    connection: Connection, parts: Any, length: int | None, status: str, request_: bytes, expected: bytes
) -> None:
    kept, sent = connection.ask(_app(*parts, length=length, status=status), request_)
    head, _, body = b"".join(sent).partition(b"\r\n\r\n")
    assert kept
    assert head.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert body == expected


def test_a_file_comes_after_its_head(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "7")])
        return FileWrapper(path.open("rb"))

    kept, _ = connection.ask(app)
    assert kept
    assert connection.client.recv(65536).partition(b"\r\n\r\n")[2] == b"content"


def test_the_rest_of_a_body_is_thrown_away_before_the_next_request(connection: Connection) -> None:
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append((environ["REQUEST_METHOD"], environ["wsgi.input"].read(len(seen))))
        start_response("200 OK", [("Content-Length", "0")])
        return []

    for request in (POST, POST, POST.replace(b"5", b"0").removesuffix(b"hello"), GET):
        assert connection.ask(app, request)[0]
    assert seen == [("POST", b""), ("POST", b"h"), ("POST", b""), ("GET", b"")]


def test_a_body_that_failed_ends_the_connection(connection: Connection) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].failed = True
        start_response("200 OK", [("Content-Length", "0")])
        return []

    assert not connection.ask(app)[0]


def test_an_error_before_the_head_is_told_and_one_after_it_cuts_the_answer(connection: Connection) -> None:
    def app(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "6")])
        yield b"one"
        raise RuntimeError("on purpose")

    kept, sent = connection.ask(app)
    assert (kept, b"".join(sent).partition(b"\r\n\r\n")[2]) == (False, b"one")

    def broken(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        raise RuntimeError("on purpose")

    one = Connection()
    with one.sock, one.client:
        kept, sent = one.ask(broken)
    one.worker.tmp.close()
    assert not kept
    assert b"500 Internal Server Error" in b"".join(sent)


@pytest.mark.parametrize("peer", [("127.0.0.1", 4711), ("192.0.2.1", 4711), ""])
def test_H7_no_peer_is_believed_by_the_server(peer: Any) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n\r\n")
        request = next(Requests(Config(), near, peer))
    assert request.scheme == "http"


def test_the_last_answer_of_a_worker_says_so(connection: Connection) -> None:
    connection.worker.alive = False
    kept, sent = connection.ask(_app(b"alive\n", length=6))
    assert not kept
    assert b"\r\nConnection: close\r\n" in b"".join(sent)
