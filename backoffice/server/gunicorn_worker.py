"""What gunicorn's threaded worker lacks: threads for whole requests only, an end to those that never arrive, a short
way for requests that follow each other closely."""

from __future__ import annotations

import errno
import select
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import Any, Final

from gunicorn.http.wsgi import FileWrapper, create
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from backoffice.logs import logger
from backoffice.server.gunicorn_http import Answer, Requests
from backoffice.web.client_socket import SIGNED_IN, ClientSocket

HEADERS_WITHIN: Final = 15.0  # seconds for the whole head of a request, however it drips
ENDING_SECONDS: Final = 2.0  # for a client to close its side, after the last answer of a connection
LINGER: Final = 5  # milliseconds that a thread waits for the next request of the connection that it has just answered

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_log = logger("backoffice.access")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn is not typed
    """gthread, in which nobody gets a thread for waiting.

    The main loop collects the head of a request and a small body (`ClientSocket.collect`). A thread gets what is whole,
    or a large body, which has to keep a pace. So slow clients, however many, cost memory for a while and no thread.

    A client that sends one chunk after the other keeps its thread: handing the connection back to the main loop after
    each request, to be given out again at once, was a third of the samples of a profile with chunks of 16 KiB.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._collecting: dict[TConn, float] = {}  # of the main loop alone: connections with the begin of a request
        self._ending: dict[TConn, float] = {}  # likewise: answered, and closed on our side
        self._waiting: dict[int, tuple[float, TConn]] = {}
        self._lock = threading.Lock()
        self._queued = 0  # connections that no thread has taken up yet

    def init_process(self) -> None:
        """Called once, in the process of the worker."""
        # gunicorn looks into its table of settings twenty times a request. They do not change any more.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        super().init_process()

    # -- in the main loop

    def accept(self, listener: socket.socket) -> None:
        """Called when somebody connects. That there is no descriptor left is no reason for the worker to die."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            _log.warning("no room for another connection", error=error.strerror)
            time.sleep(0.05)  # the listener stays readable: not again and again at once

    def enqueue_req(self, conn: TConn) -> None:
        """Called when something may have arrived on a connection. It gets a thread when there is work for one."""
        if not isinstance(conn.sock, ClientSocket):  # a new connection: nothing else refers to its socket yet
            plain = conn.sock
            # Family and type are said, for asking a connection that is gone already for them may fail.
            conn.sock = ClientSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        if conn.sock.collect():
            self._submit(conn)
        else:
            self._collecting[conn] = time.monotonic()
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect_more, conn))

    def _collect_more(self, conn: TConn, _sock: socket.socket) -> None:
        if conn.sock.collect():
            self._stop_collecting(conn)
            self._submit(conn)

    def _stop_collecting(self, conn: TConn) -> None:
        del self._collecting[conn]
        self.poller.unregister(conn.sock)

    def _submit(self, conn: TConn) -> None:
        conn.data_ready = True
        with self._lock:
            self._queued += 1
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Called when a thread is done with a connection."""
        if fs.cancelled() or fs.exception() is not None or fs.result() is not True:
            self._end(conn)
        elif conn.sock.held:
            self.enqueue_req(conn)  # the poller does not see what is collected already
        else:
            super().finish_request(conn, fs)

    def _end(self, conn: TConn) -> None:
        """Close our side, and the connection when the client has closed its own (RFC 9112, section 9.6). gunicorn's
        `close_graceful` waits for that, and nothing else goes on in the main loop meanwhile."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has gone already
            self._drop(conn)
            return
        conn.sock.setblocking(False)
        self._ending[conn] = time.monotonic()
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))

    def _discard(self, conn: TConn, _sock: socket.socket) -> None:
        if not conn.sock.discard():
            self._stop_ending(conn)

    def _stop_ending(self, conn: TConn) -> None:
        del self._ending[conn]
        self.poller.unregister(conn.sock)
        self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def notify(self) -> None:
        """The main loop's heartbeat, about once a second: end the connections that are overdue."""
        super().notify()
        now = time.monotonic()
        for since, conn in list(self._waiting.values()):
            if now - since > HEADERS_WITHIN:
                _shut(conn.sock)
        for conn, since in list(self._collecting.items()):
            if now - since > self._may_take(conn.sock):
                self._stop_collecting(conn)
                self._drop(conn)
        for conn, since in list(self._ending.items()):
            if now - since > ENDING_SECONDS:
                self._stop_ending(conn)

    def _may_take(self, connection: ClientSocket) -> float:
        """Seconds that the head of a request and a small body may take to arrive. They hold no thread meanwhile."""
        if not self.alive:
            return float(STOP_KEEPALIVE_LINGER)
        return SIGNED_IN.allowed(connection.held) if connection.head_is_held else HEADERS_WITHIN

    # -- in a thread

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
        if not conn.sock.held:
            poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
            if not poll.poll(LINGER):
                return False
        return bool(conn.sock.collect()) and not self._needed()

    def _needed(self) -> bool:
        return self._queued > 0 or not self.alive

    def _handle_one(self, conn: TConn) -> Any:
        thread = threading.get_ident()
        conn.sock.end_body()
        self._waiting[thread] = (time.monotonic(), conn)
        try:
            if not conn.initialized:
                conn.init()
                conn.parser = Requests(conn.cfg, conn.sock, conn.client)
            kept = super().handle(conn)
            if kept is True:
                # What the parser read behind the body is the beginning of the next request: no thread waits for its
                # rest.
                conn.sock.give_back(conn.parser.unreader.take_buffered())
            return kept
        finally:
            self._waiting.pop(thread, None)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Called in a thread, when the head of a request is complete: answer it. False: the connection ends.

        Takes the place of gunicorn's, to which several ways of gunicorn are attached that we do not use.
        """
        self._waiting.pop(threading.get_ident(), None)
        conn.sock.begin_body()
        self.nr += 1
        began = time.perf_counter()
        if req.take_expectation():
            conn.sock.ask_to_continue()
        answer, environ = create(req, conn.sock, conn.client, conn.server, self.cfg, response_class=Answer)
        environ["wsgi.multithread"] = True
        if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            answer.force_close()
        try:
            self._answer(answer, environ, began)
        except OSError:
            raise  # the client has gone: gunicorn's `handle` knows
        except (Exception, SystemExit):
            if not answer.headers_sent:
                raise  # into a page of gunicorn's
            self.log.exception("Error handling request")
            return False
        return not answer.should_close()

    def _answer(self, answer: Answer, environ: dict[str, Any], began: float) -> None:
        parts = self.wsgi(environ, answer.start_response)
        try:
            if isinstance(parts, FileWrapper):
                answer.write_file(parts)
            else:
                for part in parts:
                    answer.write(part)
                    del part  # it may be a chunk, which would stay in memory while the next one is awaited
            answer.close()
        finally:
            self.log.access(answer, None, environ, timedelta(seconds=time.perf_counter() - began))
            if hasattr(parts, "close"):
                parts.close()


def _shut(connection: socket.socket) -> None:
    """Wake the thread that reads from `connection`: to it, the client has gone."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        _log.debug("shutdown", error=error.strerror)  # it went by itself meanwhile
