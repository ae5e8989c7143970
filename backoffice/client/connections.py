"""urllib3's connections to one site, which another thread can end at any moment."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final, cast
from weakref import WeakSet

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from backoffice.client.address import Proxy, SiteAddress

MOST_KEPT: Final = 33
"""As many as `upload --parallel` sends chunks at once, and one for the command itself."""


class Connections:
    """What is open to one site. `stopped` is set from `stop` on."""

    def __init__(self, site: SiteAddress, proxy: Proxy | None, timeout: Timeout) -> None:
        self._site, self._sockets = site, _Sockets()
        self.stopped: Final = self._sockets.stopped
        options: dict[str, Any] = {"timeout": timeout, "maxsize": MOST_KEPT}
        if site.secure:
            options["ssl_context"] = ssl.create_default_context()
        if proxy is None:
            self._manager = PoolManager(**options)
        else:
            self._manager = ProxyManager(proxy.place, proxy_headers=proxy.headers, **options)
        pools: dict[str, Any] = {
            "http": partial(_PlainPool, sockets=self._sockets),
            "https": partial(_TLSPool, sockets=self._sockets),
        }
        self._manager.pool_classes_by_scheme = pools

    def open(
        self, method: str, target: str, body: Iterator[memoryview] | None, headers: dict[str, str]
    ) -> BaseHTTPResponse:
        """Send a request once, to the path `target` of the site; the response's body is still to be read, as it came.

        Raises HTTPError of urllib3.
        """
        if self.stopped.is_set():
            raise HTTPError("stopped")
        return self._manager.urlopen(
            method,
            self._site.origin + self._site.base + target,
            body=cast("Iterable[bytes] | None", body),  # they go to socket.sendall, which takes any buffer
            headers=headers,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )

    def stop(self) -> None:
        """From now on nothing is sent, and what is under way in other threads fails."""
        self._sockets.shut_down()

    def close(self) -> None:
        """Stop, and close what is kept."""
        self.stop()
        self._manager.clear()


class _Sockets:
    """The open sockets: urllib3 does not tell which of its connections are at work."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()

    def add(self, sock: socket.socket) -> None:
        with self._lock:
            if self.stopped.is_set():
                raise ConnectionAbortedError("stopped")
            self._open.add(sock)

    def shut_down(self) -> None:
        with self._lock:
            self.stopped.set()
            for sock in self._open:
                with contextlib.suppress(OSError):  # it is closed already
                    # Not SSLSocket.shutdown: it forgets the encryption first, and a thread that is sending goes on
                    # without it.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _PlainConnection(HTTPConnection):
    def __init__(self, *args: Any, sockets: _Sockets, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sockets = sockets

    def connect(self) -> None:
        super().connect()
        self._sockets.add(self.sock)


class _TLSConnection(HTTPSConnection):
    def __init__(self, *args: Any, sockets: _Sockets, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sockets = sockets

    def connect(self) -> None:
        super().connect()
        self._sockets.add(self.sock)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection
