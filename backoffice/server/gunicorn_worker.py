"""What gunicorn's threaded worker lacks: threads for whole requests only, an end to those that never arrive, a short
way for requests that follow each other closely, and a bound for what one address may hold."""

from __future__ import annotations

import errno
import select
import sys
import time
from datetime import timedelta
from typing import Any, Final

import structlog
from gunicorn.http.errors import NoMoreData
from gunicorn.http.wsgi import FileWrapper, create

from backoffice.logs import logger
from backoffice.server.connections import Connection
from backoffice.server.gunicorn_http import Answer, Requests
from backoffice.server.main_loop import MainLoop
from backoffice.server.refusals import refusal_of
from backoffice.server.threads import Threads
from backoffice.web.admission import ADMISSION, Admission, leave
from backoffice.web.client_socket import ClientSocket

LINGER: Final = 5  # milliseconds that a thread waits for the next request of the connection that it has just answered
SWITCH_SECONDS: Final = 0.0005
"""For which a thread computes before another one may. The main loop comes back from each call of the system to the end
of the queue: with Python's own 5 ms it accepted a few dozen connections a second while all threads computed."""
DRAIN_SECONDS: Final = 1.0  # for what is left of a body that nobody read: it is here already

_GONE: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN})

_log = logger("backoffice.access")


class Worker(MainLoop):
    """gthread, in which nobody gets a thread for waiting.

    The main loop collects the head of a request and a small body (`ClientSocket.collect`), and sends the last bytes of
    an answer to a client that takes them slowly. A thread gets what is whole, or a large body, which has to keep a
    pace; while it waits for its client, another one takes its place (`Threads`). So slow clients, however many, cost
    memory for a while and nobody's time.

    A client that sends one chunk after the other keeps its thread: handing the connection back to the main loop after
    each request, to be given out again at once, was a third of the samples of a profile with chunks of 16 KiB.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._admission = Admission.of(self.app.settings)

    def init_process(self) -> None:
        """Called once, in the process of the worker."""
        # gunicorn looks into its table of settings twenty times a request. They do not change any more.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def get_thread_pool(self) -> Threads[Connection]:
        threads = super().get_thread_pool()
        self._admission.crowded = threads.crowded
        return threads

    def handle(self, conn: Connection) -> bool:
        """Called in a thread of the pool: true when the connection may be kept for another request."""
        kept = self._handle_one(conn)
        while kept and self._stays(conn):
            kept = self._handle_one(conn)
        return kept

    def _stays(self, conn: Connection) -> bool:
        """Whether the next request is there within a moment, and no other connection waits for a thread."""
        if self._needed() or conn.sock.rest:
            return False
        if not conn.sock.held:
            poll = select.poll()
            poll.register(conn.sock, select.POLLIN)
            if not poll.poll(LINGER):
                return False
        return bool(conn.sock.collect()) and not self._needed()

    def _needed(self) -> bool:
        return self.tpool.queued > 0 or not self.alive

    def _handle_one(self, conn: Connection) -> bool:
        """Takes the place of gunicorn's `handle`, which has HTTP/2 and TLS in it."""
        sock, req = conn.sock, None
        sock.begin_head()
        if not conn.initialized:
            conn.parser, conn.initialized = Requests(conn.cfg, sock, conn.client), True
        try:
            req = next(conn.parser)
            kept = self.handle_request(req, conn) and conn.parser.finish_body(time.monotonic() + DRAIN_SECONDS)
            sock.end_body()
            if kept:
                # What the parser read behind the body is the beginning of the next request: no thread waits for its
                # rest.
                sock.give_back(conn.parser.unreader.take_buffered())
            return bool(kept)
        except (NoMoreData, StopIteration):
            return False  # the client has gone, or said with its last request that it would go
        except Exception as error:  # noqa: BLE001 -- each is answered or noted
            if req is None:  # else the lines of the log would name whoever had this thread last
                structlog.contextvars.clear_contextvars()
            self._failed(conn, error)
            return False

    def _failed(self, conn: Connection, error: Exception) -> None:
        if not isinstance(error, OSError):
            self.handle_error(None, conn.sock, conn.client, error)
        elif isinstance(error, TimeoutError) or error.errno in _GONE:
            _log.debug("connection lost", error=str(error), ip=conn.address)
        else:
            _log.error("connection failed", exc_info=error)

    def handle_error(self, _req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:
        """Answer what is no request that can be understood, or failed outside of the application, without a word of
        what was sent."""
        status, answer, facts = refusal_of(exc)
        facts["ip"] = addr[0] if isinstance(addr, tuple) else ""
        if status < 500:
            _log.warning("invalid request", **facts)
        else:
            _log.error("request failed", exc_info=exc, **facts)
        try:
            client.sendall(answer)
        except OSError as error:
            _log.debug("refusal not sent", error=str(error))

    def handle_request(self, req: Any, conn: Connection) -> bool:
        """Called in a thread, when the head of a request is complete: answer it. False: the connection ends.

        Takes the place of gunicorn's, to which several ways of gunicorn are attached that we do not use.
        """
        conn.sock.begin_body()
        self.nr += 1
        began = time.perf_counter()
        if req.take_expectation():
            conn.sock.ask_to_continue()
        answer, environ = create(req, conn.sock, conn.client, conn.server, self.cfg, response_class=Answer)
        environ["wsgi.multithread"] = True
        environ[ADMISSION] = self._admission
        if not self.alive:
            answer.force_close()
        try:
            self._answer(answer, environ, began)
        except OSError:
            raise  # the client has gone: `_handle_one` knows
        except (Exception, SystemExit):
            if not answer.headers_sent:
                raise  # into an answer of `handle_error`
            self.log.exception("Error handling request")
            return False
        finally:
            leave(environ)
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
