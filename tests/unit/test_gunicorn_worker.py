"""The threaded worker's own parts: time-outs by piece, and who gets a thread."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import TConn, ThreadWorker

from backoffice import measures
from backoffice.server.connections import Connections
from backoffice.server.gunicorn_worker import Worker
from backoffice.web.client_socket import ClientSocket
from backoffice.web.sending_socket import PIECE


def _pair() -> tuple[ClientSocket, socket.socket]:
    left, right = socket.socketpair()
    sender = ClientSocket(fileno=left.detach())
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    sender.settimeout(0.5)
    return sender, right


def test_a_client_that_takes_its_time_but_takes_is_served() -> None:
    sender, reader = _pair()
    received = bytearray()

    def read_slowly() -> None:
        while data := reader.recv(PIECE // 2):
            received.extend(data)
            time.sleep(0.05)

    with sender, reader:
        thread = threading.Thread(target=read_slowly)
        thread.start()
        data = bytes(range(256)) * (6 * PIECE // 256) + b"end"
        began = time.monotonic()
        sender.sendall(data)
        assert time.monotonic() - began > 0.5  # longer than the time-out, which was for each piece
        sender.shutdown(socket.SHUT_WR)
        thread.join()
    assert received == data


@pytest.mark.timeout(15)
def test_d1_a_client_that_takes_nothing_is_given_up() -> None:
    sender, reader = _pair()
    with sender, reader, pytest.raises(TimeoutError):
        sender.sendall(bytes(8 * PIECE))


REQUEST = b"GET / HTTP/1.1\r\n\r\n"


class Counting(Worker):
    """A worker without a server around it: `answers` are what serving one request after the other gives."""

    def __init__(self, *answers: bool) -> None:
        self.tpool, self.alive = SimpleNamespace(queued=0), True
        self.answers, self.served = list(answers), 0

    def _handle_one(self, conn: TConn) -> bool:
        conn.sock.recv(len(REQUEST))
        self.served += 1
        return self.answers.pop(0)


def _connection() -> tuple[SimpleNamespace, socket.socket]:
    near, far = socket.socketpair()
    return SimpleNamespace(sock=ClientSocket(fileno=near.detach())), far


def test_what_was_counted_last_is_written_before_the_worker_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float]] = []
    listener = SimpleNamespace(is_at=lambda level, value: told.append((level, value)))
    monkeypatch.setattr(ThreadWorker, "run", lambda _self: told.append(("ran", 1)))
    measures.listen("test", listener)  # type: ignore[arg-type]
    try:
        Counting().run()
    finally:
        measures.listen("test", None)
    assert told == [("ran", 1), ("connections", 0)]


def test_requests_that_follow_at_once_are_served_by_one_thread() -> None:
    conn, client = _connection()
    with conn.sock, client:
        client.sendall(3 * REQUEST)
        worker = Counting(True, True, True)
        assert worker.handle(conn) is True
        assert worker.served == 3


def test_a_connection_that_ends_is_not_waited_for() -> None:
    conn, client = _connection()
    with conn.sock, client:
        client.sendall(2 * REQUEST)
        worker = Counting(False)
        assert worker.handle(conn) is False
        assert worker.served == 1


@pytest.mark.parametrize("state", ["another waits", "stopping"])
def test_a_thread_is_given_back_when_it_is_needed(state: str) -> None:
    conn, client = _connection()
    with conn.sock, client:
        client.sendall(2 * REQUEST)
        worker = Counting(True, True)
        worker.tpool.queued += state == "another waits"
        worker.alive = state != "stopping"
        assert worker.handle(conn) is True
        assert worker.served == 1


@pytest.mark.parametrize(("number", "goes_on"), [(errno.EMFILE, True), (errno.EAGAIN, True), (errno.EBADF, False)])
def test_a_worker_without_descriptors_goes_on(number: int, goes_on: bool) -> None:
    class Listener:
        def accept(self) -> None:
            raise OSError(number, "on purpose")

    worker = Counting()
    worker._connections, worker._told = Connections(), 0.0
    with contextlib.nullcontext() if goes_on else pytest.raises(OSError, match="on purpose"):
        worker.accept(Listener())
