"""The web server's front door, opened by the supervisor: it stays open while the server behind it is restarted."""

from __future__ import annotations

import errno
import http.client
import socket
from typing import Final
from urllib.parse import urlsplit

from backoffice.settings import parsers

BACKLOG: Final = 4096
"""Connections that the system accepts before the server does. Whoever comes when it is full tries again after a second,
then after three: a thousand at one moment are not to keep the next one out."""
EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


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
        if error.errno == errno.EAFNOSUPPORT:
            raise PortTaken(_why(error, host, port)) from error
        raise PortTaken(f"{host} is not a name or address of this machine: {error.strerror}") from error
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
    if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
        return f"{host} is not an address of this machine; try --host {'127.0.0.1' if ':' in host else '::1'}"
    if error.errno == errno.EACCES:
        return f"port {port} needs privileges; try --port 5000"
    return f"{host} port {port} cannot be listened on: {error.strerror}"


def own_names(family: socket.AddressFamily) -> list[str]:
    """Names and addresses by which other machines can mean this one, as far as it knows without asking anybody.

    Those of IPv6 are left out for a socket that does not listen there.
    """
    found = [socket.gethostname().lower()]
    probes = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]  # RFC 5737 and 3849: nobody's
    for kind, somewhere in probes[: 2 if family == socket.AF_INET6 else 1]:
        try:
            with socket.socket(kind, socket.SOCK_DGRAM) as probe:
                probe.connect((somewhere, 9))  # sends nothing; chooses the address that packets would leave from
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue  # no way out by this protocol
    return [name for name in found if _is_name(name)]


def _is_name(text: str) -> bool:
    try:
        return parsers.host(text) not in LOOPBACK
    except ValueError:
        return False


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
