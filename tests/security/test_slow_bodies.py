"""A running site that slow clients try to stop: each reproduction once stopped it for as long as it went on."""

from __future__ import annotations

import http.client
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.servers import Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="NEEDS /proc to end what it starts"),
]

CONNECTIONS = 42
"""More than the 32 threads of the site that is started here: two processes of 16."""
DRIP_SECONDS = 2.0
HEAD = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%s\r\n\r\n"
URL_ENCODED, MULTIPART = b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=X"
LONG, CHUNKED = b"Content-Length: 200000", b"Transfer-Encoding: chunked"
BODIES = (
    (HEAD % (b"/login", URL_ENCODED, LONG), b"a"),
    (HEAD % (b"/login", MULTIPART, LONG), b"a"),
    (HEAD % (b"/login", URL_ENCODED, CHUNKED), b"1\r\na\r\n"),
    (HEAD % (b"/logout", URL_ENCODED, LONG), b"a"),
    (HEAD % (b"/setup/nothing", MULTIPART, LONG), b"a"),
    (HEAD % (b"/my/files?csrf_token=x", MULTIPART, LONG), b"a"),
    (HEAD % (b"/upload_chunk", MULTIPART, CHUNKED), b"1\r\na\r\n"),
)
"""A head, and what is sent of its body now and then: read by the form parser, by the check of the form's token, by what
throws a refused body away, by the server itself."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    site = Site.start(tmp_path_factory.mktemp("slow") / "data", "--workers", "2")
    try:
        parts = urlsplit(site.ready())
        yield parts.hostname or "", parts.port or 0
    finally:
        site.close()


class Drips:
    """Connections that send a little of a body now and then, and begin anew when they are ended."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._open: dict[socket.socket, bytes] = {}
        self.began, self.ended = time.monotonic(), 0
        for number in range(CONNECTIONS):
            self._begin(*BODIES[number % len(BODIES)])

    def _begin(self, head: bytes, drip: bytes) -> None:
        one = socket.create_connection(self._address, timeout=5)
        one.sendall(head)
        self._open[one] = drip

    def go_on(self) -> None:
        with selectors.DefaultSelector() as ready:
            for one in self._open:
                ready.register(one, selectors.EVENT_READ)
            readable = [key.fileobj for key, _ in ready.select(timeout=0)]
        for one, drip in list(self._open.items()):
            try:
                gone = one in readable and not one.recv(65536)
                one.sendall(b"" if gone else drip)
            except OSError:
                gone = True
            if gone:
                del self._open[one]
                one.close()
                self.ended += 1
                self._begin(*BODIES[self.ended % len(BODIES)])

    def close(self) -> None:
        for one in self._open:
            one.close()


def answered_in(address: tuple[str, int]) -> float:
    """Seconds until somebody else has an answer; 30 is the end of waiting."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
    except TimeoutError:
        return 30.0
    finally:
        connection.close()
    return time.monotonic() - began


def test_d1_forms_that_hardly_arrive_stop_nobody(address: tuple[str, int]) -> None:
    with closing(Drips(address)) as slow:
        waited = []
        while time.monotonic() - slow.began < 12:
            waited.append(answered_in(address))
            slow.go_on()
            time.sleep(max(0.0, DRIP_SECONDS - waited[-1]))
        # Only threads that throw away what was refused are taken for a moment.
        assert max(waited) < 4, waited
        assert sorted(waited)[len(waited) // 2] < 0.5, waited
        assert slow.ended > 0


def hold(address: tuple[str, int], data: bytes) -> list[socket.socket]:
    connections = [socket.create_connection(address, timeout=5) for _ in range(CONNECTIONS)]
    for one in connections:
        one.sendall(data)
    return connections


@pytest.mark.parametrize(
    "data",
    [
        b"GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n",  # answered, and then not closed on their side
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nG",  # the next request begins, and never goes on
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Head: ",  # the first one never ends
        b"",
    ],
)
def test_d1_connections_that_wait_for_nothing_stop_nobody(address: tuple[str, int], data: bytes) -> None:
    """Neither in a thread nor in the main loop: each of the first two once made everybody wait for 15 s."""
    with ExitStack() as stack:
        for one in hold(address, data):
            stack.enter_context(one)
        time.sleep(0.3)
        assert max(answered_in(address) for _ in range(5)) < 2
