"""A site that answers what a test tells it to, for what no real one can be brought to do."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

Scripted = tuple[int, dict[str, str], bytes]
GOOD: Scripted = (200, {}, b'{"fine": true}')


@dataclass(slots=True)
class Other:
    """A web server that gives the answers it was told to, in order, and notes what it was asked."""

    url: str
    answers: list[Scripted] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextlib.contextmanager
def serving() -> Iterator[Other]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            other.asked.append((self.command, self.path, dict(self.headers), body))
            status, headers, content = other.answers.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client had enough
                self.wfile.write(content)
            if int(headers.get("Content-Length", len(content))) != len(content):
                self.close_connection = True

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        other = Other(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield other
        finally:
            server.shutdown()
            thread.join()


def problem(status: int, code: str, detail: str = "Said so.", **headers: str) -> Scripted:
    body = {"status": status, "code": code, "detail": detail, "request_id": "abc"}
    return status, {"Content-Type": "application/problem+json", **headers}, json.dumps(body).encode()
