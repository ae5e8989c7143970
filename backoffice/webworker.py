"""What gunicorn's threaded worker lacks: an end to requests that never arrive, a short way for requests that follow each
other closely, and an access log without secrets."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from datetime import timedelta
from typing import Any, Final

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from backoffice.logs import logger

HEADERS_WITHIN: Final = 15.0  # seconds for the whole head of a request, however it drips
IDLE_WITHIN: Final = 30.0  # seconds between two pieces of a body, or for a client to take one piece of an answer
PIECE: Final = 256 * 1024
LINGER: Final = 5  # milliseconds that a thread waits for the next request of the connection that it has just answered

# Below these, the rest of the path is as good as a password.
_SECRET_PATHS: Final = ("/s/", "/setup/")
# Asked for every few seconds by machines: in the log they would bury what people do.
_PROBES: Final = ("/livez", "/readyz", "/metrics")

_log = logger("backoffice.access")


class PatientSocket(socket.socket):
    """A connection whose time-out is for each piece sent. Python's own is for all of `sendall`, however much that is:
    it would cut off a slow client in the middle of a large answer that it takes steadily."""

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        with memoryview(data) as view:
            for start in range(0, len(view), PIECE):
                super().sendall(view[start : start + PIECE], flags)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn is not typed
    """gthread, with a watch over the threads that wait for the head of a request.

    A client that sends one chunk after the other keeps its thread: handing the connection back to the main loop after
    each request, to be given out again at once, was a third of the samples of a profile with chunks of 16 KiB.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[int, tuple[float, TConn]] = {}
        self._lock = threading.Lock()
        self._queued = 0  # connections that no thread has taken up yet

    def enqueue_req(self, conn: TConn) -> None:
        if not isinstance(conn.sock, PatientSocket):  # a new connection: nothing else refers to its socket yet
            conn.sock = PatientSocket(fileno=conn.sock.detach())
        with self._lock:
            self._queued += 1
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Called in a thread of the pool: true when the connection may be kept for another request."""
        with self._lock:
            self._queued -= 1
        kept = self._handle_one(conn)
        while kept is True and self._stays(conn):
            kept = self._handle_one(conn)
        return kept

    def _stays(self, conn: TConn) -> bool:
        """Whether the next request is there within a moment, and no other connection waits for a thread."""
        if self._needed():
            return False
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(poll.poll(LINGER)) and not self._needed()

    def _needed(self) -> bool:
        return self._queued > 0 or not self.alive

    def _handle_one(self, conn: TConn) -> Any:
        thread = threading.get_ident()
        self._waiting[thread] = (time.monotonic(), conn)
        try:
            return super().handle(conn)
        finally:
            self._waiting.pop(thread, None)

    def head_arrived(self, connection: socket.socket) -> None:
        """Called in the thread that serves the request, when its head is complete."""
        self._waiting.pop(threading.get_ident(), None)
        connection.settimeout(IDLE_WITHIN)

    def notify(self) -> None:
        """The main loop's heartbeat, about once a second: end the connections whose head is overdue."""
        super().notify()
        late = time.monotonic() - HEADERS_WITHIN
        for since, conn in list(self._waiting.values()):
            if since < late:
                _shut(conn.sock)


def _shut(connection: socket.socket) -> None:
    """Wake the thread that reads from `connection`: to it, the client has gone."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        _log.debug("shutdown", error=error.strerror)  # it went by itself meanwhile


def pre_request(worker: Worker, request: Any) -> None:
    """gunicorn's hook between the head of a request and the application."""
    worker.head_arrived(request.unreader.sock)


class AccessLog(Logger):  # type: ignore[misc] # gunicorn is not typed
    """gunicorn's logger, speaking through ours."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        for log in (self.error_log, self.access_log):
            log.handlers = []
            log.propagate = True
        self.loglevel = self.error_log.getEffectiveLevel()

    def reopen_files(self) -> None:
        """There are none."""

    def access(self, resp: Any, _req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        path = str(environ.get("PATH_INFO", ""))
        level = logging.DEBUG if path in _PROBES or path.startswith("/static/") else logging.INFO
        if not _log.isEnabledFor(level):
            return
        _log.log(
            level,
            "request",
            method=environ.get("REQUEST_METHOD"),
            path=public_path(path),
            status=resp.status_code,
            bytes=getattr(resp, "sent", None),
            ms=round(request_time.total_seconds() * 1000, 1),
            ip=environ.get("REMOTE_ADDR"),
            request_id=environ.get("backoffice.request_id"),
        )


def public_path(path: str) -> str:
    """`path` without the part that opens a door. The query is never logged: it may hold one too."""
    start = next((start for start in _SECRET_PATHS if path.startswith(start)), None)
    return f"{start}…" if start else path
