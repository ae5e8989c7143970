"""What can go wrong between a client and a site, as sentences for whoever typed the command."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from http.client import IncompleteRead
from typing import Any, Final

from urllib3.exceptions import HTTPError, ProxyError

from backoffice.domain.invisible import made_readable

RETRYABLE: Final = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may succeed."""


class ClientError(Exception):
    """The transfer cannot go on; the message says why.

    `retryable`: the same may succeed later. `retry_after`: seconds that the site asks to wait before, if it does.
    """

    retryable = False
    retry_after: float | None = None


class ConnectionFailed(ClientError):
    """No answer came. What was asked for may have happened all the same."""

    retryable = True


class ResponseError(ClientError):
    """The site answered with an error, or something in between did: `foreign`, then, and `code` is "".

    `code` as in docs/api.md; `details`: the members of its problem+json (RFC 9457).
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        problem = _problem(headers, body)
        self.status = status
        self.foreign = _media_type(headers) != "application/problem+json"
        self.code = str(problem.get("code", ""))
        self.details = problem
        self.retryable = status in RETRYABLE or self.code == "body_cut"
        after = headers.get("Retry-After", "")
        self.retry_after = float(after) if after.isascii() and after.isdigit() else None
        super().__init__(_foreign(status, headers) if self.foreign else _sentence(status, problem))


def not_a_site() -> ClientError:
    """For an answer that no backoffice gives."""
    return ClientError(
        "The answer is not that of a backoffice site: the address is wrong, or something in between answered, such as a"
        " proxy, or the sign-in page of this network (then open any page in a browser first)."
    )


def connection_failure(url: str, proxy: str, error: HTTPError) -> ClientError:
    """What an error of urllib3 means to whoever typed the command. `proxy`: the address of the one in use, or ""."""
    cause = _root_cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ClientError(
            f"The certificate of {url} is not trusted ({cause.verify_message}). For one of your own authority,"
            " set SSL_CERT_FILE to that authority's certificate."
        )
    if isinstance(cause, IncompleteRead):
        what = "the answer was cut short"
    else:
        what = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    if proxy and _in_chain(error, ProxyError):
        return _proxy_failure(url, proxy, printable(what))
    if isinstance(cause, ConnectionRefusedError):
        return ConnectionFailed(
            f"Nothing answers at {url}. Is the site running (`manage.py up`), and the address right?"
        )
    return ConnectionFailed(f"The connection to {url} failed: {printable(what)}.")


def _proxy_failure(url: str, proxy: str, what: str) -> ClientError:
    status = re.search(r"Tunnel connection failed: ([0-9]{3})", what)
    if status is None:
        return ConnectionFailed(
            f"The proxy {proxy} cannot be used: {what}. HTTP_PROXY, HTTPS_PROXY or ALL_PROXY name it, and NO_PROXY"
            " leaves sites out."
        )
    if int(status[1]) == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return ClientError(_WANTS_LOGIN)
    kind = ConnectionFailed if int(status[1]) in RETRYABLE else ClientError
    return kind(f"The proxy {proxy} does not let anything through to {url}: {what}. NO_PROXY leaves sites out.")


def printable(text: object) -> str:
    """One line of at most 500 characters: what comes from outside must not steer the terminal."""
    return made_readable(str(text), " ")[:500].strip()


def printable_path(path: str) -> str:
    """A name or path for the terminal, whatever is in it."""
    return printable(os.fsencode(path).decode("utf-8", "replace"))


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _problem(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if _media_type(headers) != "application/problem+json":
        return {}
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _sentence(status: int, problem: dict[str, Any]) -> str:
    """What the site itself says."""
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            "The token is not accepted: it is wrong, expired or revoked."
            " `manage.py token create --user NAME` makes one."
        )
    detail = printable(problem.get("detail") or problem.get("title") or title_of(status))
    request = f", request {printable(problem.get('request_id', ''))}" if status >= 500 else ""
    return f"{detail} ({printable(problem.get('code', status))}{request})"


def _foreign(status: int, headers: Mapping[str, str]) -> str:
    """What an answer means that is not the site's own."""
    who = printable(headers.get("Server", ""))
    answer = f"{status} {title_of(status)}" + (f", {who}" if who else "")
    where = printable(headers.get("Location", "?"))
    if 300 <= status < 400:
        return (
            f"The site is elsewhere: {where}. Give that address with --url; if it is the sign-in page of this network,"
            " open it in a browser first."
        )
    if status in _MEANINGS:
        return f"{_MEANINGS[status]} ({answer})"
    return f"The answer was not the site's own ({answer}); is this the address of the site?"


_WANTS_LOGIN: Final = (
    "The proxy asks for a name and a password: put them into its address, HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT"
    " (or HTTP_PROXY)."
)
_NOT_THROUGH: Final = (
    "Something in front of the site answers in its place and does not get through to it; is the site running?"
)
_MEANINGS: Final[dict[int, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        "Something in front of the site asks for a sign-in of its own, which this command cannot give it. Whoever runs"
        " it has to let requests with a token pass."
    ),
    HTTPStatus.FORBIDDEN: "Something in front of the site refused the request. Whoever runs it can say why.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: _WANTS_LOGIN,
    HTTPStatus.REQUEST_TIMEOUT: "Something in front of the site does not wait as long as sending takes. Try again.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "Something in front of the site takes no body as large as this one. Whoever runs it has to raise its limit"
        " (nginx: client_max_body_size; at least the site's BACKOFFICE_CHUNK_SIZE)."
    ),
    HTTPStatus.TOO_MANY_REQUESTS: "Something in front of the site takes no more requests for now.",
    HTTPStatus.BAD_GATEWAY: _NOT_THROUGH,
    HTTPStatus.SERVICE_UNAVAILABLE: _NOT_THROUGH,
    HTTPStatus.GATEWAY_TIMEOUT: _NOT_THROUGH,
    HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED: (
        "This network wants a sign-in before it lets anything through: open any page in a browser first."
    ),
}


def title_of(status: int) -> str:
    """The standard words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _in_chain(error: BaseException, kind: type[BaseException]) -> bool:
    inner = _inner(error)
    return isinstance(error, kind) or (inner is not None and _in_chain(inner, kind))


def _root_cause(error: BaseException) -> BaseException:
    """The error of the operating system, of TLS or of http.client that urllib3 wrapped, if it is one."""
    inner = _inner(error)
    return error if inner is None else _root_cause(inner)


def _inner(error: BaseException) -> BaseException | None:
    return error.__cause__ or next((arg for arg in reversed(error.args) if isinstance(arg, Exception)), None)
