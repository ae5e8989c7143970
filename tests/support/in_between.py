"""What stands between a client and a site: a web server in front with a limit of its own, or a proxy that the client
is told of."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PAGE = b"<html><head><title>No</title></head><body><h1>No</h1></body></html>"
HOP_BY_HOP = {"connection", "proxy-authorization", "transfer-encoding", "keep-alive"}


@dataclass(slots=True)
class Between:
    """`site`: where everything goes, whatever host it is for. `limit`: bytes of a body; `login`: `name:password` that
    it wants; `instead`: a status with which it answers itself. `asked`: method, target and length of each request;
    `tunnels`: what it was to connect to."""

    url: str
    site: str
    limit: int = 10**12
    login: str = ""
    instead: int = 0
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    tunnels: list[str] = field(default_factory=list)


@contextlib.contextmanager
def between(site: str) -> Iterator[Between]:
    class Handler(_Handler):
        """Of this one."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Handler.here = Between(f"http://127.0.0.1:{server.server_address[1]}", site)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    here: Between
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "nginx", ""

    def pass_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.here.asked.append((self.command, self.path, length))
        if not self.knows_login():
            return self.refuse(407)
        if self.here.instead:
            self.rfile.read(length)
            return self.refuse(self.here.instead)
        if length > self.here.limit:
            return self.refuse(413)
        target, place = urlsplit(self.path), urlsplit(self.here.site).netloc
        with contextlib.closing(http.client.HTTPConnection(place, timeout=30)) as connection:
            path = target.path + (f"?{target.query}" if target.query else "")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(self.command, path, self.body(length), headers | {"Host": place})
            self.give_back(connection.getresponse())
        return None

    def body(self, length: int) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(length)
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def give_back(self, response: http.client.HTTPResponse) -> None:
        content = response.read()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_CONNECT(self) -> None:
        self.here.tunnels.append(self.path)
        if not self.knows_login():
            return self.refuse(407)
        target = urlsplit(self.here.site)
        with socket.create_connection((target.hostname, target.port or 80), timeout=30) as there:
            self.send_response_only(200)
            self.end_headers()
            _pump(self.connection, there)
        self.close_connection = True
        return None

    def knows_login(self) -> bool:
        wanted = f"Basic {base64.b64encode(self.here.login.encode()).decode()}"
        return not self.here.login or self.headers.get("Proxy-Authorization") == wanted

    def refuse(self, status: int) -> None:
        """As nginx does: a page, and then the connection is closed, whatever is still on its way."""
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(PAGE)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(0.5)
        with contextlib.suppress(OSError):
            while self.connection.recv(65536):
                pass

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = pass_on  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _pump(one: socket.socket, other: socket.socket) -> None:
    ends = {one: other, other: one}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(65536)
            if not data:
                return
            ends[end].sendall(data)
