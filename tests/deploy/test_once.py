"""A web process ends in the middle of a request: a change is passed on once, and what reads is asked again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web_proxies import WebProxy, two_ports, web_proxy

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(100)]


class Dying:
    """A web process that takes a request and ends the connection in the place of an answer, unless it `answers`."""

    def __init__(self, answers: bool = False) -> None:
        self.asked: list[bytes] = []
        self.answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self.asked.append(connection.recv(65536))
                    if self.answers:
                        connection.settimeout(0.3)
                        with contextlib.suppress(TimeoutError):
                            while connection.recv(65536):
                                pass
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[WebProxy, list[Dying]]]:
    webs = [Dying(), Dying()]
    with web_proxy("nginx", tmp_path / "nginx", webs[0].port, two_ports(), second=webs[1].port) as proxy:
        yield proxy, webs
    for web in webs:
        web.close()


@pytest.mark.parametrize(
    ("method", "body"), [("PUT", b"small"), ("PUT", b"x" * 300_000), ("POST", b"small"), ("PATCH", b"")]
)
def test_what_changes_something_is_passed_on_once(two: tuple[WebProxy, list[Dying]], method: str, body: bytes) -> None:
    proxy, webs = two
    assert proxy.request(method, "/files/once.txt", body)[0].status == 502
    assert sum(len(web.asked) for web in webs) == 1


def test_what_reads_is_asked_of_the_other_one(two: tuple[WebProxy, list[Dying]]) -> None:
    proxy, webs = two
    for web in webs:
        web.answers = True
    webs[0].answers = False
    for _ in range(2):
        assert proxy.request("GET", "/files")[1] == b"ok"


def test_one_that_cannot_be_reached_is_no_reason_to_refuse(two: tuple[WebProxy, list[Dying]]) -> None:
    """But for a PUT, of which nginx cannot know whether it has arrived."""
    proxy, webs = two
    webs[1].answers = True
    webs[0].close()
    for body in (b"small", b"x" * 300_000):
        assert proxy.request("POST", "/upload_chunk", body)[1] == b"ok"
    assert proxy.request("GET", "/files")[1] == b"ok"
