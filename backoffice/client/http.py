"""HTTP with a token, for many threads: connections are kept, and what may succeed later is sent again.

A request is sent again after a broken connection and after answers that ask for it (429, 502, 503, 504), with growing
pauses or the one that `Retry-After` names (RFC 9110, section 10.2.3). Who must not send a request twice says
`attempts=1` and looks after it itself. urllib3's own retries are off: they could be neither stopped nor told of in the
progress. Redirects are not followed: the token goes to the address that was given, if need be through the proxy that
the environment names for it, and nowhere else.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError

from backoffice import __version__
from backoffice.client.address import find_proxy, parse_address
from backoffice.client.connections import Connections
from backoffice.client.errors import ClientError, ResponseError, connection_failure, not_a_site
from backoffice.domain.traceparent import VARIABLE, parse_traceparent
from backoffice.secret import Secret

ATTEMPTS: Final = 9
FIRST_ATTEMPTS: Final = 3
"""Of a command's first request: who mistyped the address should not wait a minute."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 20.0
"""Seconds. Nine attempts with pauses that double go on for about a minute."""
TIMEOUT: Final = 60.0
"""Seconds for connecting, and for each single sending and receiving."""
BLOCK: Final = 256 * 1024
LARGEST_RESPONSE: Final = 16 * 1024**2

Headers = dict[str, str]
Query = Sequence[tuple[str, str]]
OnSent = Callable[[int], object]
"""Hears how many bytes went out, and a negative number when they have to go again."""


@dataclass(frozen=True, slots=True)
class Response:
    """A success."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises ClientError where the other end is no backoffice."""
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise not_a_site()
        return value


class Client:
    """One site and one token, for many threads. `url` may lack the scheme; then it is http."""

    def __init__(self, url: str, token: Secret, environ: Mapping[str, str] | None = None) -> None:
        """`environ` may name a proxy (`find_proxy`), and a trace that all requests are a part of.

        Raises ClientError where `url`, `token` or the proxy cannot be one.
        """
        self.url = url
        self._site = parse_address(url)
        self._proxy = find_proxy(self._site, environ or {})
        text = token.reveal().strip()
        if not (text.isascii() and text.isprintable()):
            raise ClientError("The token has characters that no token has.")
        self._headers = {"Authorization": f"Bearer {text}", "User-Agent": f"backoffice/{__version__}"}
        trace = parse_traceparent((environ or {}).get(VARIABLE, ""))
        if trace is not None:
            self._headers["traceparent"] = trace.header
        self._connections = Connections(self._site, self._proxy, Timeout(connect=TIMEOUT, read=TIMEOUT))

    @property
    def exposes_token(self) -> bool:
        """Whether others on the way can read the token."""
        return not self._site.secure and not self._site.loopback

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: bytes | None = None,
        headers: Headers | None = None,
        attempts: int = ATTEMPTS,
        on_sent: OnSent = lambda _: None,
    ) -> Response:
        """The response to one request, repeated while that may help. Raises ResponseError, ConnectionFailed."""
        target = path + (f"?{_encoded(query)}" if query else "")
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._attempt(method, target, body, headers or {}, on_sent)
            except ClientError as error:
                if not error.retryable or attempt >= attempts or self._connections.stopped.is_set():
                    raise
                self.wait_before_retry(attempt, error)

    def send_stream(
        self, method: str, path: str, query: Query, blocks: Iterator[memoryview], headers: Headers
    ) -> Response:
        """The response to a body whose length nobody knows before its end. It comes once, so it is sent once.

        Raises ResponseError, ConnectionFailed.
        """
        response = self._exchange(method, f"{path}?{_encoded(query)}", blocks, headers)
        return Response(response.status, response.headers, self._read(response))

    def post_json(self, path: str, value: dict[str, Any], *, attempts: int = ATTEMPTS) -> dict[str, Any]:
        """Send JSON, get JSON."""
        body = json.dumps(value).encode()
        headers = {"Content-Type": "application/json"}
        return self.request("POST", path, body=body, headers=headers, attempts=attempts).json()

    def list_items(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """All items of a list, page after page."""
        cursor = ""
        while True:
            page = self.request("GET", path, query=[*query, *([("cursor", cursor)] if cursor else [])]).json()
            yield from page.get("items", ())
            cursor = page.get("next_cursor") or ""
            if not cursor:
                return

    def wait_before_retry(self, attempt: int, error: ClientError) -> None:
        """Wait after the failure of attempt number `attempt`. Raises `error` when there will be no other."""
        wait = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
        if error.retry_after is not None:
            wait = max(wait, min(error.retry_after, LONGEST_PAUSE))
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads clients that failed together
        if self._connections.stopped.wait(wait * jitter):
            raise error

    @contextmanager
    def stream(self, path: str, headers: Headers) -> Iterator[StreamedResponse]:
        """The response to a GET with its body still to be read; what is not read in the block is given up.

        Tried once. Raises ResponseError, ConnectionFailed.
        """
        response = self._exchange("GET", path, None, headers)
        try:
            yield StreamedResponse(response, self._failure)
        finally:
            response.close()

    def stop(self) -> None:
        """From now on nothing is sent, and what other threads wait for fails."""
        self._connections.stop()

    def close(self) -> None:
        """End all connections, when no other thread uses them any more."""
        self._connections.close()

    def _attempt(self, method: str, target: str, body: bytes | None, headers: Headers, on_sent: OnSent) -> Response:
        counted = _Counter(on_sent)
        try:
            blocks = _blocks(body, counted) if body else None
            if body is not None:
                headers = {**headers, "Content-Length": str(len(body))}
            response = self._exchange(method, target, blocks, headers)
            return Response(response.status, response.headers, self._read(response))
        except ClientError:
            counted.undo()
            raise

    def _exchange(
        self, method: str, target: str, blocks: Iterator[memoryview] | None, headers: Headers
    ) -> BaseHTTPResponse:
        """Status and headers; anything but a success is raised.

        A site may refuse a body before it has all of it and close the connection: urllib3 reads such an answer, which
        says more than "broken pipe".
        """
        try:
            response = self._connections.open(method, target, blocks, {**self._headers, **headers})
        except HTTPError as error:
            raise self._failure(error) from error
        if 200 <= response.status < 300:
            return response
        raise ResponseError(response.status, response.headers, self._read(response))

    def _read(self, response: BaseHTTPResponse) -> bytes:
        body = bytearray()
        try:
            while len(body) <= LARGEST_RESPONSE and (data := response.read1(BLOCK)):
                body += data
        except HTTPError as error:
            raise self._failure(error) from error
        finally:
            response.close()
        if len(body) > LARGEST_RESPONSE:
            raise ClientError(f"The answer of {self.url} is too long.")
        return bytes(body)

    def _failure(self, error: HTTPError) -> ClientError:
        return connection_failure(self.url, self._proxy.place if self._proxy is not None else "", error)


class StreamedResponse:
    """A success whose body is read bit by bit."""

    def __init__(self, response: BaseHTTPResponse, failure: Callable[[HTTPError], ClientError]) -> None:
        self.status, self.headers = response.status, response.headers
        self._response, self._failure = response, failure

    def read(self, most: int) -> bytes:
        """Bytes as they arrive, `most` of them at most; none at the end. Raises ConnectionFailed where it was cut."""
        try:
            return self._response.read1(most)
        except HTTPError as error:
            raise self._failure(error) from error


class _Counter:
    """Passes on what was sent, and can take it back."""

    def __init__(self, on_sent: OnSent) -> None:
        self._on_sent, self._sent = on_sent, 0

    def __call__(self, count: int) -> None:
        self._sent += count
        self._on_sent(count)

    def undo(self) -> None:
        if self._sent:
            self._on_sent(-self._sent)


def _blocks(body: bytes, on_sent: OnSent) -> Iterator[memoryview]:
    """`body` without a copy, counted as it goes."""
    view = memoryview(body)
    for start in range(0, len(view), BLOCK):
        block = view[start : start + BLOCK]
        yield block
        on_sent(len(block))


def _encoded(query: Query) -> str:
    """Also of what is not Unicode: the site says what it thinks of that."""
    return urlencode(query, errors="surrogateescape")
