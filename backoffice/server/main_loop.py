"""The main loop of a web worker: it accepts, collects requests, sends the ends of answers, and closes what has waited
too long or is one too many."""

from __future__ import annotations

import errno
import selectors
import signal
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, Final

import structlog
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from backoffice.logs import logger
from backoffice.measures import level
from backoffice.server.connections import Addresses, Connection, Connections
from backoffice.server.refusals import too_many
from backoffice.server.threads import Threads
from backoffice.web.client_socket import HEAD_SECONDS, IDLE_SECONDS, SIGNED_IN, ClientSocket

ENDING_SECONDS: Final = 5.0  # for a client to close its side, after the last answer of a connection
MOST_DISCARDED: Final = 16 * 1024 * 1024  # bytes that it may send meanwhile of a body that was refused
WAITING_THREADS: Final = 64  # beside those that work: each waits for a client
MOST_REST: Final = 64 * 1024 * 1024  # bytes of answers that are sent to slow clients without a thread
MOST_AT_ONCE: Final = 64  # connections that are accepted in one turn
SWEEP_SECONDS: Final = 0.5
TELL_SECONDS: Final = 60.0  # between two lines about a shortage
RETIRE: Final = signal.SIGUSR2
"""Tells a worker that others have taken its place."""
RETIRE_SECONDS: Final = 3600.0  # that what is under way may then still take

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NOBODY: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED})

_log = logger("backoffice.access")


class MainLoop(ThreadWorker):  # type: ignore[misc] # gunicorn is not typed
    """gunicorn's threaded worker, with a main loop that waits in the place of threads. `handle` is called in one.

    Connections that wait here are closed when they are too many, of one address or in all, those that have waited
    longest first.
    """

    tpool: Threads[Connection]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = self.app.settings
        self._connections = Connections()
        self._addresses = Addresses(settings.trusted_proxies)
        self._most_of_address: int = settings.address_connections
        self._resting: OrderedDict[Connection, int] = OrderedDict()  # connections with a rest to be sent, and its size
        self._rest = 0
        self._swept, self._told = 0.0, 0.0
        self._retiring, self._shut = False, False

    def init_signals(self) -> None:
        super().init_signals()
        signal.signal(RETIRE, self._retire)
        signal.siginterrupt(RETIRE, False)

    def _retire(self, number: int, frame: FrameType | None) -> None:
        """Accept nobody any more, answer whoever is connected, and end."""
        if self.alive:
            self._retiring = True
            self.cfg.__dict__["graceful_timeout"] = RETIRE_SECONDS  # of this process; not looked at before
            self.handle_exit(number, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """As gunicorn's. At the end it takes in whom the system has let connect, and closes the socket at once: as long
        as that is open more are let in, whom nobody would answer. Where others go on with it, that is theirs."""
        super().set_accept_enabled(enabled)
        if enabled or self.alive or self._retiring or self._shut:
            return
        self._shut = True
        for listener in self.sockets:
            while self._accept_one(listener):
                pass
            listener.close()

    def run(self) -> None:
        """Until the worker is to end, and nobody is connected any more."""
        super().run()
        level("connections", 0)  # what was counted since the last turn is written then, too

    def get_thread_pool(self) -> Threads[Connection]:
        return Threads(self.cfg.threads, WAITING_THREADS, self._serve)

    def _serve(self, conn: Connection) -> None:
        """Called in a thread."""
        kept = False
        try:
            kept = self.handle(conn)
        finally:
            self.method_queue.defer(self.finish_request, conn, kept)

    def accept(self, listener: socket.socket) -> None:
        """Called when somebody connects. While requests wait for threads several are accepted at once: each turn of
        this loop has to wait for its own turn among the threads, and meanwhile the system refuses whoever comes when
        its queue is full."""
        for _ in range(MOST_AT_ONCE if self.tpool.queued else 1):
            if not self._accept_one(listener) or self.nr_conns >= self.worker_connections:
                return

    def _accept_one(self, listener: socket.socket) -> bool:
        """Whether there was somebody. That there is no descriptor left is no reason for the worker to die."""
        try:
            plain, peer = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._tell("no room for another connection", error=error.strerror)
                if not self._close_longest():
                    time.sleep(0.05)  # the listener stays readable: not again and again at once
            elif error.errno not in _NOBODY:
                raise
            return False
        # Family and type are said, for asking a connection that is gone already for them may fail.
        sock = ClientSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        sock.leaves_rest = True
        address = self._addresses.of(peer)
        conn = Connection(self.cfg, sock, peer, listener.getsockname(), address)
        self.nr_conns += 1
        self._connections.opened(conn)
        if self._connections.of(address) > self._most_of_address:
            self._tell("an address has as many connections as it may", ip=address)
            if not self._close_longest(address):
                with suppress(OSError):
                    sock.send(too_many())
                self._end(conn)
                return True
        if self.nr_conns >= self.worker_connections:
            self._tell("as many connections as there may be", connections=self.nr_conns)
            self._close_longest()
        self._listen(conn)
        return True

    def _tell(self, what: str, **facts: object) -> None:
        now = time.monotonic()
        if now - self._told > TELL_SECONDS:
            self._told = now
            structlog.contextvars.clear_contextvars()
            _log.warning(what, **facts)

    def _close_longest(self, address: str | None = None) -> bool:
        """Close the connection that has waited longest, of an address or of all; whether there was one."""
        conn = self._connections.longest(address)
        if conn is not None:
            self._give_up(conn)
        return conn is not None

    def _wait(self, conn: Connection, event: int, then: Callable[..., None], patience: float | None = None) -> None:
        conn.sock.setblocking(False)
        self._connections.wait(conn, patience)
        self.poller.register(conn.sock, event, partial(self._ready, conn, then))

    def _ready(self, conn: Connection, then: Callable[..., None], sock: socket.socket) -> None:
        """One of several events that came at once. Whatever an earlier one of them ended is not there any more."""
        if conn in self._connections:
            then(conn, sock)

    def _go_on(self, conn: Connection) -> None:
        self.poller.unregister(conn.sock)
        self._connections.go_on(conn)

    def _give_up(self, conn: Connection) -> None:
        self._go_on(conn)
        self._rest -= self._resting.pop(conn, 0)
        self._drop(conn)

    def _listen(self, conn: Connection) -> None:
        """Wait for a request, and for all of it that no thread waits for."""
        if conn.sock.collect():
            self.tpool.submit(conn)
        else:
            self._wait(conn, selectors.EVENT_READ, self._readable)

    def _readable(self, conn: Connection, _sock: socket.socket) -> None:
        nothing_yet = not conn.sock.held
        if conn.sock.collect():
            self._go_on(conn)
            self.tpool.submit(conn)
        elif nothing_yet:
            self._connections.go_on(conn)
            self._connections.wait(conn)  # from its first byte on

    def finish_request(self, conn: Connection, kept: bool) -> None:
        """Called when a thread is done with a connection. `kept`: another request may follow."""
        if conn.sock.rest:
            self._resting[conn] = conn.sock.rest
            self._rest += conn.sock.rest
            self._wait(conn, selectors.EVENT_WRITE, partial(self._writable, kept), IDLE_SECONDS)
            while self._rest > MOST_REST:
                self._give_up(next(iter(self._resting)))
        elif not kept:
            self._end(conn)
        elif conn.sock.held:
            self._listen(conn)  # the poller does not see what is collected already
        else:
            self._wait(conn, selectors.EVENT_READ, self._readable)

    def _writable(self, kept: bool, conn: Connection, _sock: socket.socket) -> None:
        try:
            if not conn.sock.send_rest():
                return
        except OSError:
            self._give_up(conn)
            return
        self._go_on(conn)
        self._rest -= self._resting.pop(conn)
        self.finish_request(conn, kept)

    def _end(self, conn: Connection) -> None:
        """Close our side, and the connection when the client has closed its own (RFC 9112, section 9.6): one that is
        still sending a refused body gets to the answer. gunicorn's `close_graceful` waits for that, and nothing else
        goes on in the main loop meanwhile."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:  # it has gone already
            self._drop(conn)
            return
        self._wait(conn, selectors.EVENT_READ, self._discard, ENDING_SECONDS)

    def _discard(self, conn: Connection, _sock: socket.socket) -> None:
        if not conn.sock.discard() or conn.sock.discarded > MOST_DISCARDED:
            self._give_up(conn)

    def _drop(self, conn: Connection) -> None:
        self.nr_conns -= 1
        self._connections.closed(conn)
        conn.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn's; more often while requests wait for a thread, because others may have begun to wait for their
        clients."""
        super().wait_for_and_dispatch_events(min(timeout, 0.02) if self.tpool.queued else timeout)
        if self.tpool.queued:
            self.tpool.look()

    def notify(self) -> None:
        """Called by the main loop at every turn: twice a second, its heartbeat, and an end to connections that are
        overdue."""
        now = time.monotonic()
        if now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        super().notify()
        level("connections", self.nr_conns)
        level("threads_busy", self.tpool.busy)
        level("requests_queued", self.tpool.queued)
        for conn in self._connections:
            if now - conn.idle_since > self._may_wait(conn):
                self._give_up(conn)

    def _may_wait(self, conn: Connection) -> float:
        """Seconds that a connection may wait in the main loop."""
        if not self.alive and not self._retiring and not conn.sock.rest and not conn.sock.held:
            return float(STOP_KEEPALIVE_LINGER)  # who is in the middle of a request is let send the rest of it
        if conn.patience is not None:
            return conn.patience
        if conn.sock.head_is_held:
            return SIGNED_IN.allowed(conn.sock.held)
        return float(self.cfg.keepalive) if conn.initialized and not conn.sock.held else HEAD_SECONDS
