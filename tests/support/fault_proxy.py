"""A network between a client and a site that can be slow, cut connections and lose answers."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

BLOCK = 16 * 1024


@dataclass(slots=True)
class Relay:
    """Passes bytes on. Each `cut_up`/`cut_down` cuts one connection after so many bytes to or from the site; each of
    `lose` loses the answer to one request that begins so."""

    url: str
    up: int = 0
    down: int = 0
    pause: float = 0.0
    cut_up: list[int] = field(default_factory=list)
    cut_down: list[int] = field(default_factory=list)
    lose: list[bytes] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)

    def _cut(self, *ends: socket.socket) -> None:
        for end in ends:
            with contextlib.suppress(OSError):  # with a reset, as a network that goes away
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def _serve(self, client: socket.socket, site: socket.socket) -> None:
        losing = threading.Event()
        limits = [one.pop(0) if one else None for one in (self.cut_up, self.cut_down)]

        def pump(source: socket.socket, target: socket.socket, limit: int | None, *, up: bool) -> None:
            passed = 0
            with contextlib.suppress(OSError):
                while data := source.recv(BLOCK):
                    if up and any(data.startswith(one) for one in self.lose):
                        self.lose[:] = [one for one in self.lose if not data.startswith(one)]
                        losing.set()
                    if not up and losing.is_set():
                        break
                    passed += len(data)
                    if limit is not None and passed > limit:
                        break
                    target.sendall(data)
                    if up:
                        self.up += len(data)
                    else:
                        self.down += len(data)
                    time.sleep(self.pause)
            self._cut(client, site)

        both = [
            threading.Thread(target=pump, args=(client, site, limits[0]), kwargs={"up": True}, daemon=True),
            threading.Thread(target=pump, args=(site, client, limits[1]), kwargs={"up": False}, daemon=True),
        ]
        for one in both:
            one.start()
        for one in both:
            one.join()
        client.close()
        site.close()


def _reach(address: str) -> socket.socket:
    parts = urlsplit(address)
    if parts.scheme != "unix":
        return socket.create_connection(("127.0.0.1", parts.port))
    found = socket.socket(socket.AF_UNIX)
    found.connect(parts.path)
    return found


def certificate(directory: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that signs itself: the server's context; `directory/cert` is what a client trusts."""
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -keyout key -out cert"
    )
    command = ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "cert", directory / "key")
    return tls


@contextlib.contextmanager
def relay(site: str, tls: ssl.SSLContext | None = None) -> Iterator[Relay]:
    """A relay to the site (or the store, `unix:///path`) at that address, with `tls` towards the client if given."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Relay(f"{'https' if tls else 'http'}://127.0.0.1:{server.getsockname()[1]}")

        def accept() -> None:
            with contextlib.suppress(OSError):  # closed: the end
                while True:
                    client, _ = server.accept()
                    found.connections.append(client)
                    threading.Thread(target=handle, args=(client,), daemon=True).start()

        def handle(client: socket.socket) -> None:
            with contextlib.suppress(OSError):  # a handshake that the client refused
                if tls is not None:
                    client = tls.wrap_socket(client, server_side=True)
                    found.connections.append(client)
                found._serve(client, _reach(site))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            found._cut(*found.connections)
