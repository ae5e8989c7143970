"""The connections of a worker: how many each address has, and which have waited longest for their client."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from gunicorn.workers.gthread import TConn

from backoffice.domain.networks import network
from backoffice.settings import TrustedProxies
from backoffice.web.client_socket import ClientSocket

NOT_COUNTED: Final = ""
"""Address of proxies, which bring everybody's connections, and of Unix sockets."""


class Connection(TConn):  # type: ignore[misc] # gunicorn is not typed
    """A connection and where it comes from."""

    sock: ClientSocket

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any, address: str) -> None:
        super().__init__(cfg, sock, client, server)
        self.address = address
        self.idle_since = 0.0
        """While it waits in the main loop: since when."""
        self.patience: float | None = None
        """Seconds that it may; None: it depends on what has arrived."""
        self.aside_since = 0.0

    @property
    def waits_since(self) -> float:
        """While a thread waits for the client, or for something else that is no work of its own: since when."""
        return self.aside_since or self.sock.waits_since

    def moved(self) -> int:
        """Bytes that its client has sent or taken."""
        return self.sock.moved()

    def cut(self) -> None:
        """Wake the thread that waits for the client: to it, the client has gone."""
        with suppress(OSError):  # it went by itself meanwhile
            self.sock.shutdown(socket.SHUT_RDWR)


class Connections:
    """Those that wait in the main loop, the longest first; and how many there are of each address."""

    def __init__(self) -> None:
        self._of: dict[str, OrderedDict[Connection, None]] = {}
        self._open: dict[str, int] = {}
        self._idle: OrderedDict[Connection, None] = OrderedDict()

    def opened(self, conn: Connection) -> None:
        if conn.address != NOT_COUNTED:
            self._open[conn.address] = self._open.get(conn.address, 0) + 1

    def closed(self, conn: Connection) -> None:
        left = self._open.get(conn.address, 0) - 1
        if left > 0:
            self._open[conn.address] = left
        else:
            self._open.pop(conn.address, None)

    def of(self, address: str) -> int:
        """How many are open."""
        return self._open.get(address, 0)

    def wait(self, conn: Connection, patience: float | None = None) -> None:
        """From now on it waits in the main loop."""
        conn.idle_since, conn.patience = time.monotonic(), patience
        self._idle[conn] = None
        of_address = self._of.get(conn.address)
        if of_address is None:
            of_address = self._of[conn.address] = OrderedDict()
        of_address[conn] = None

    def go_on(self, conn: Connection) -> None:
        """It does not wait any more."""
        del self._idle[conn]
        of_address = self._of[conn.address]
        del of_address[conn]
        if not of_address:
            del self._of[conn.address]

    def longest(self, address: str | None = None) -> Connection | None:
        """The one that has waited longest, of all or of an address."""
        idle = self._idle if address is None else self._of.get(address, ())
        return next(iter(idle), None)

    def __contains__(self, conn: Connection) -> bool:
        """Whether it waits."""
        return conn in self._idle

    def __iter__(self) -> Iterator[Connection]:
        """Those that wait."""
        return iter(list(self._idle))


class Addresses:
    """Who a connection is counted for."""

    def __init__(self, proxies: TrustedProxies) -> None:
        self._proxies = proxies

    def of(self, peer: Any) -> str:
        """An IPv4 address, an IPv6 network of 64 bits, or `NOT_COUNTED`."""
        if self._proxies.count or not isinstance(peer, tuple):
            return NOT_COUNTED
        return _counted(str(peer[0]), self._proxies)


@lru_cache(maxsize=4096)
def _counted(host: str, proxies: TrustedProxies) -> str:
    parsed = ipaddress.ip_address(host.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return NOT_COUNTED if any(parsed in one for one in proxies.networks) else network(host)
