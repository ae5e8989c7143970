"""The web server's front door, opened by the supervisor: it stays open while the server behind it is restarted."""

from __future__ import annotations

import errno
import http.client
import socket
from typing import Final
from urllib.parse import urlsplit

BACKLOG: Final = 1024


class PortTaken(Exception):
    """The address cannot be listened on; the message says why and what to try."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortTaken(f"{host} is not an address of this machine: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(_why(error, host, port)) from error
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; try --port {port + 1 if port < 65535 else 0}"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges; try --port 5000"
    return f"{host} port {port} cannot be listened on: {error.strerror}"


def is_ready(url: str, before: str) -> tuple[bool, str]:
    """Whether `/readyz` is 200, and if not, why (`before` when nothing new is known)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=0.5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read(4096).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return False, before
    finally:
        connection.close()
    return response.status == 200, f"/readyz answers {response.status} {body.strip()}"
