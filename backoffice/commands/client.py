"""What `upload` and `download` speak: HTTP with a token, one kept connection for each thread, patience with what passes.

A request is sent again after a broken connection and after answers that ask for it (429, 502, 503, 504), with growing
pauses or the one that `Retry-After` names. Who must not send a request twice says `tries=1` and looks after it itself.
Redirects are not followed: the token goes to the address that was given and nowhere else.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from backoffice import __version__
from backoffice.commands.client_errors import ClientError, Refused, Unreachable
from backoffice.secret import Secret

TRIES: Final = 9
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 20.0
"""Seconds. Nine tries with pauses that double go on for about a minute."""
TIMEOUT: Final = 60.0
IDLE: Final = 5.0
"""A connection that lay idle this long may be closed at the other end already: a new one costs less than a doubt."""
STEP: Final = 256 * 1024
LARGEST_ANSWER: Final = 16 * 1024**2

Headers = dict[str, str]
Pairs = Sequence[tuple[str, str]]
Told = Callable[[int], object]
"""Hears how many bytes went out, and a negative number when they have to go again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A success."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises ClientError where the other end is no backoffice."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ClientError("The answer is not that of a backoffice site; is the address right?")
        return value


class Client:
    """One site and one token, for many threads."""

    def __init__(self, url: str, token: Secret) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        try:
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host = ""
        if parts.scheme not in {"http", "https"} or not self._host or parts.query or parts.fragment or parts.username:
            raise ClientError(f"{url!r} is not the address of a site, such as https://files.example.org")
        self.url = url
        self.secure = parts.scheme == "https"
        self._base = quote(parts.path.rstrip("/"), safe="/%")
        self._context = ssl.create_default_context() if self.secure else None
        text = token.reveal().strip()
        if not (text.isascii() and text.isprintable()):
            raise ClientError("The token has characters that no token has.")
        self._headers = {"Authorization": f"Bearer {text}", "User-Agent": f"backoffice/{__version__}"}
        self._mine = threading.local()
        self._open: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @property
    def exposes_token(self) -> bool:
        """Whether others on the way can read the token."""
        return not self.secure and not _is_loopback(self._host)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Pairs = (),
        body: bytes | None = None,
        headers: Headers | None = None,
        tries: int = TRIES,
        sent: Told = lambda _: None,
    ) -> Answer:
        """The answer to one request, repeated while that may help. Raises Refused, Unreachable."""
        target = self._base + path + (f"?{urlencode(query)}" if query else "")
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(method, target, body, headers or {}, sent)
            except ClientError as error:
                if not error.passes or attempt >= tries or self._stopped.is_set():
                    raise
                self.pause(attempt, error)

    def post_json(self, path: str, value: dict[str, Any]) -> dict[str, Any]:
        """Send JSON, get JSON."""
        body = json.dumps(value).encode()
        return self.request("POST", path, body=body, headers={"Content-Type": "application/json"}).json()

    def pages(self, path: str, query: Pairs) -> Iterator[dict[str, Any]]:
        """All items of a list."""
        cursor = ""
        while True:
            page = self.request("GET", path, query=[*query, *([("cursor", cursor)] if cursor else [])]).json()
            yield from page.get("items", ())
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return

    def pause(self, attempt: int, error: ClientError) -> None:
        """Wait before the next attempt. Raises `error` when there will be none."""
        wait = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
        if error.retry_after is not None:
            wait = max(wait, min(error.retry_after, LONGEST_PAUSE))
        if self._stopped.wait(wait * random.uniform(0.8, 1.2)):  # noqa: S311 - spreads clients that failed together
            raise error

    def stream(self, path: str, headers: Headers) -> http.client.HTTPResponse:
        """The answer to a GET with its body still to be read: by this thread, before its next request.

        Tried once. Raises Refused, Unreachable.
        """
        return self._exchange("GET", self._base + path, None, headers, lambda _: None)

    def drop(self) -> None:
        """Give up this thread's connection, and what is still to come on it."""
        connection = getattr(self._mine, "connection", None)
        if connection is not None:
            self._forget(connection)

    def stop(self) -> None:
        """From now on nothing is sent, and what other threads wait for fails."""
        self._stopped.set()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                with contextlib.suppress(OSError):  # it is closed already
                    sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all connections, when no other thread uses them any more."""
        self.stop()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.close()

    def _once(self, method: str, target: str, body: bytes | None, headers: Headers, sent: Told) -> Answer:
        counted = _Counter(sent)
        try:
            response = self._exchange(method, target, body, headers, counted)
            try:
                return Answer(response.status, response.headers, self._read(response))
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error
        except ClientError:
            counted.undo()
            raise

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: Headers, sent: Told
    ) -> http.client.HTTPResponse:
        """Status and headers; anything but a success is raised."""
        headers = {**self._headers, **headers}
        if body is not None:
            headers["Content-Length"] = str(len(body))
        try:
            connection = self._connection()
            try:
                connection.request(method, target, _pieces(body, sent) if body else None, headers)
            except (BrokenPipeError, ConnectionResetError):
                # A refusal in the middle of the body: the answer, if there is one, says more than "broken pipe".
                response = _answer_despite(connection)
                if response is None:
                    raise
                self._mine.used = 0.0
            else:
                response = connection.getresponse()
                self._mine.used = time.monotonic()
            if 200 <= response.status < 300:
                return response
            raise Refused(response.status, response.headers, self._read(response))
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            if connection.sock is not None and time.monotonic() - self._mine.used < IDLE:
                return connection
            self._forget(connection)
        if self._stopped.is_set():
            raise ConnectionAbortedError("stopped")
        if self._context is not None:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT, context=self._context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        self._mine.connection = connection
        with self._lock:
            self._open.add(connection)
        connection.connect()
        return connection

    def _forget(self, connection: http.client.HTTPConnection) -> None:
        connection.close()
        self._mine.connection = None
        with self._lock:
            self._open.discard(connection)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        body = response.read(LARGEST_ANSWER)
        if not response.isclosed():
            raise http.client.HTTPException("the answer was cut short, or is too long")
        return body

    def _unreachable(self, error: Exception) -> ClientError:
        self.drop()
        if isinstance(error, ssl.SSLCertVerificationError):
            return ClientError(
                f"The certificate of {self.url} is not trusted ({error.verify_message}). For one of your own authority, set"
                " SSL_CERT_FILE to that authority's certificate."
            )
        if isinstance(error, http.client.InvalidURL):
            return ClientError(f"{self.url!r} is not an address: {error}.")
        if isinstance(error, ConnectionRefusedError):
            return Unreachable(
                f"Nothing answers at {self.url}. Is the site running (`manage.py up`), and the address right?"
            )
        what = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        return Unreachable(f"The connection to {self.url} failed: {what}.")


class _Counter:
    """Passes on what was sent, and can take it back."""

    def __init__(self, told: Told) -> None:
        self._told, self._sent = told, 0

    def __call__(self, count: int) -> None:
        self._sent += count
        self._told(count)

    def undo(self) -> None:
        if self._sent:
            self._told(-self._sent)


def _pieces(body: bytes, sent: Told) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(view), STEP):
        piece = view[start : start + STEP]
        yield piece
        sent(len(piece))


def _answer_despite(connection: http.client.HTTPConnection) -> http.client.HTTPResponse | None:
    try:
        return connection.getresponse()
    except (OSError, http.client.HTTPException):
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
