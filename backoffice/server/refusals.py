"""Answers that the server gives by itself: to what cannot be understood as a request, and to too many connections.

They carry the headers of all other answers, and nothing of what was sent.
"""

from __future__ import annotations

import secrets
from email.utils import formatdate
from typing import Any, Final

from gunicorn.http.errors import (
    ConfigurationProblem,
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidProxyLine,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from werkzeug.wrappers import Response

from backoffice.web.headers import BASE_HEADERS
from backoffice.web.problem import problem_response, title_of

RETRY_SECONDS: Final = 5

_FAILED: Final = (500, "internal_error", "Something went wrong on our side. It has been noted.")
_STATUS: Final[tuple[tuple[type[Exception], int, str, str], ...]] = (
    (InvalidResponseHeader, *_FAILED),
    (InvalidResponseHeaderName, *_FAILED),
    (ConfigurationProblem, *_FAILED),
    (LimitRequestLine, 414, "uri_too_long", "The address is too long."),
    (LimitRequestHeaders, 431, "headers_too_large", "The headers are larger than allowed."),
    (UnsupportedTransferCoding, 501, "transfer_coding", "The only transfer coding here is chunked."),
    (ExpectationFailed, 417, "expectation_failed", "The only expectation here is 100-continue."),
    (InvalidProxyLine, 403, "forbidden", "This is not for a proxy protocol."),
    (ForbiddenProxyRequest, 403, "forbidden", "This is not for a proxy protocol."),
    (ParseException, 400, "bad_request", "This is not a request of HTTP/1.1."),
)


def refusal_of(error: Exception) -> tuple[int, bytes, dict[str, Any]]:
    """Status, the answer with its head, and what to note of it."""
    status, code, detail = next((known[1:] for known in _STATUS if isinstance(error, known[0])), _FAILED)
    request_id = secrets.token_hex(8)
    facts = {"status": status, "reason": type(error).__name__, "request_id": request_id}
    return status, _whole(problem_response(status, code, detail, request_id)), facts


def too_many() -> bytes:
    """The answer to a connection that is one too many."""
    answer = problem_response(429, "too_many", "Too many connections from one address.", secrets.token_hex(8))
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return _whole(answer)


def _whole(answer: Response) -> bytes:
    body = answer.get_data()
    headers = {
        "Date": formatdate(usegmt=True),
        "Connection": "close",
        **answer.headers,
        **BASE_HEADERS,
        "Content-Length": str(len(body)),
    }
    lines = [
        f"HTTP/1.1 {answer.status_code} {title_of(answer.status_code)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1") + body
