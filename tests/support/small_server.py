"""The product's web server around a small application: one process of two threads, so that little is needed to take
them all."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import structlog

from backoffice.logs import configure
from backoffice.server import main_loop
from backoffice.server.gunicorn_app import WebServer
from backoffice.server.threads import step_aside
from backoffice.settings import Settings
from backoffice.web.body import iter_body
from backoffice.web.client_socket import HEAD_SECONDS, SIGNED_IN, set_body_pace
from tests.support.forked import CONTEXT
from tests.support.servers import descendants, wait_for

PAGE, LARGE = 200 * 1024, 32 * 1024 * 1024
THREADS = 2
HELD_SECONDS = 4.0


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """`/echo` reads its body, `/page` and `/large` have some, `/aside` waits for something else than its client,
    `/named` is somebody's request; all else is small, and reads nothing."""
    structlog.contextvars.clear_contextvars()
    path = environ["PATH_INFO"]
    parts: Iterable[bytes] = [b"fine"]
    if path == "/echo":
        set_body_pace(environ, SIGNED_IN)
        parts = [b"".join(map(bytes, iter_body(environ, 64 * 1024 * 1024)))]
    elif path == "/page":
        parts = [b"p" * PAGE]
    elif path == "/large":
        parts = (b"l" * (1024 * 1024) for _ in range(LARGE // (1024 * 1024)))
    elif path == "/aside":
        with step_aside():
            time.sleep(HELD_SECONDS)
    elif path == "/named":
        structlog.contextvars.bind_contextvars(user="somebody")
    length = {"/large": LARGE}.get(path) or sum(map(len, parts))  # type: ignore[arg-type]
    start_response("200 OK", [("Content-Length", str(length))])
    return parts


def main(
    listener: socket.socket, output: socket.socket, connections: int, descriptors: int, head_seconds: float
) -> None:
    """Serve on the inherited socket, and say everything to the other one."""
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    main_loop.HEAD_SECONDS = head_seconds  # type: ignore[misc] # nobody wants to wait for the real one
    if descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    settings = Settings(web_workers=1, web_threads=THREADS, address_connections=connections)
    configure(settings)
    WebServer(settings, lambda: app, listener.detach()).run()


@dataclass(slots=True)
class Running:
    """The server, where it listens, and what it says."""

    address: Any
    process: BaseProcess
    lines: list[str] = field(default_factory=list)

    def listen(self, output: socket.socket) -> None:
        with output, output.makefile() as lines:
            self.lines.extend(lines)

    def open(self, source: str = "127.0.0.1", **options: int) -> socket.socket:
        """A connection from an address of 127.0.0.0/8."""
        if isinstance(self.address, str):
            one = socket.socket(socket.AF_UNIX)
        else:
            one = socket.socket()
            if options.get("window"):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["window"])
            one.bind((source, 0))
        one.settimeout(10)
        try:
            one.connect(self.address)
        except OSError:
            one.close()
            raise
        return one

    def seconds(self) -> float:
        """Until somebody from yet another address has a small answer; 10 is the end of waiting."""
        began = time.monotonic()
        with self.open("127.0.9.9") as one:
            one.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with contextlib.suppress(TimeoutError):
                assert everything(one).endswith(b"fine")
        return time.monotonic() - began

    @property
    def threads(self) -> int:
        """Of its processes."""
        return sum(len([*Path(f"/proc/{pid}/task").iterdir()]) for pid in descendants(self.process.pid))


def everything(one: socket.socket) -> bytes:
    """What comes until the other side has nothing more to say."""
    found = bytearray()
    while data := one.recv(65536):
        found += data
    return bytes(found)


def closed(connections: Iterable[socket.socket]) -> list[bool]:
    """Which of them the other side has closed without a word."""
    found = []
    for one in connections:
        one.setblocking(False)
        try:
            found.append(one.recv(1) == b"")
        except BlockingIOError:
            found.append(False)
        except OSError:
            found.append(True)
    return found


@contextlib.contextmanager
def running(
    *, unix: str = "", connections: int = 1000, descriptors: int = 0, head_seconds: float = HEAD_SECONDS
) -> Iterator[Running]:
    """`connections`: of one address. `descriptors`: as many as it may have. `head_seconds`: for a whole head."""
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as listener:
        listener.bind(unix or ("127.0.0.1", 0))
        listener.listen(256)
        said, output = socket.socketpair()
        process = CONTEXT.Process(target=main, args=(listener, output, connections, descriptors, head_seconds))
        process.start()
        output.close()
        one = Running(listener.getsockname(), process)
        reader = threading.Thread(target=one.listen, args=(said,))
        reader.start()
        try:
            wait_for(lambda: one.seconds() < 10, "it answers", 60)
            listener.close()  # it is the server's alone from here on
            yield one
        finally:
            process.terminate()
            process.join(60)
            process.close()
            reader.join()


def drip(connections: Iterable[socket.socket], data: bytes = b"x") -> None:
    """A little more of each; those that were ended meanwhile do not count."""
    for one in connections:
        with contextlib.suppress(OSError):
            one.send(data)
