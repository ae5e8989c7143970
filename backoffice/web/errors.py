"""Errors as HTTP: one table, one way out (D3, D8).

Programs get `application/problem+json` with a stable `code`; people get a page. Neither gets the text of a failure on
our side: that is in the log, under the `request_id` that both carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, current_app, flash, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from backoffice.errors import (
    BackofficeError,
    Completing,
    Conflict,
    Gone,
    IntegrityError,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ReauthRequired,
    StoreFull,
    TooLarge,
    TooMany,
    Unavailable,
    UnsupportedBody,
    UnsupportedVersion,
    VersionMismatch,
)
from backoffice.logs import cause_of, logger
from backoffice.measures import count
from backoffice.web.context import request_id
from backoffice.web.identity import current_user_or_none
from backoffice.web.problem import problem_response, title_of
from backoffice.web.redirects import safe_next
from backoffice.web.refusals import Missing, missing_right

STATUS: Final[Mapping[type[BackofficeError], int]] = {
    Invalid: 400,
    NotSignedIn: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    VersionMismatch: 412,
    UnsupportedVersion: 412,
    TooLarge: 413,
    UnsupportedBody: 415,
    TooMany: 429,
    IntegrityError: 500,
    Unavailable: 503,
    StoreFull: 507,
}
"""The nearest class up the tree counts; whatever is not below one of these is 500."""

HTTP_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad_request", "The request is not valid."),
    401: (NotSignedIn.code, "Sign in first."),
    403: (NotAllowed.code, "You may not do this."),
    404: (NotFound.code, "There is nothing here."),
    405: ("method_not_allowed", "This method does not go with this address."),
    406: ("not_acceptable", "There is no form of this that you accept."),
    408: ("request_timeout", "The request took too long to arrive."),
    410: (Gone.code, "It was here, and is no more."),
    411: ("length_required", "Say how long the body is."),
    412: (VersionMismatch.code, "It was changed by somebody else in the meantime."),
    413: (TooLarge.code, "This is larger than allowed."),
    414: ("uri_too_long", "The address is too long."),
    415: ("unsupported_media_type", "The body has a form that is not understood here."),
    416: ("range_not_satisfiable", "The range lies outside the file."),
    429: (TooMany.code, "Too many attempts; wait before the next one."),
    431: ("headers_too_large", "The headers are larger than allowed."),
    503: (Unavailable.code, "The site does not answer just now; try again in a moment."),
}
"""Status of an error that Werkzeug raises -> code and sentence. Its own texts can repeat what was sent."""

RETRY_SECONDS: Final = 5
_INTERNAL: Final = "Something went wrong on our side. It has been noted."
_log = logger(__name__)


def init_errors(app: Flask) -> None:
    """From here on no exception leaves `app` as anything but an answer of ours."""
    app.register_error_handler(BackofficeError, _on_ours)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(Exception, _on_anything)


def status_of(error: BackofficeError) -> int:
    """The status of the nearest class in the table."""
    return next((STATUS[cls] for cls in type(error).__mro__ if cls in STATUS), 500)


def wants_problem() -> bool:
    """Whether a program is asking: it sent a token, called the API, or does not say that it prefers HTML.

    Somebody who opened an API address in a browser window (a link to a file that is gone) is a person.
    """
    if "Authorization" in request.headers:
        return True
    if (request.blueprint or "").partition(".")[0] == "api":
        return request.headers.get("Sec-Fetch-Dest") != "document"
    accept = request.accept_mimetypes
    return accept["text/html"] <= accept["application/json"]


def _on_ours(error: BackofficeError) -> Response:
    return answer_to(error, status_of(error), {})


def answer_to(error: BackofficeError, status: int, more: Mapping[str, str]) -> Response:
    """What says that, with this status and `more` headers: for a protocol that has its own."""
    headers = {**retry_headers(error), **more}
    detail, details = _told(error, status)
    if status_of(error) >= 500:
        return _answer(status, error.code, detail, headers)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="backoffice"'
        if not wants_problem() and request.method in {"GET", "HEAD"}:
            return redirect(url_for("pages.login", next=_here()), 303)
    if isinstance(error, ReauthRequired) and not wants_problem():
        flash(str(error), "warning")
        return redirect(url_for("pages.login", confirm=1, act=error.act or None, next=_here()), 303)
    if isinstance(error, NotAllowed) and error.missing and not wants_problem():
        return _with(_page(status, str(error), missing_right(error.missing)), headers)
    return _answer(status, error.code, detail, headers, details)


def problem_of(error: BackofficeError) -> dict[str, Any]:
    """The same within an answer that is about several things, of which this one failed: `status`, `code`, `detail`."""
    status = status_of(error)
    detail, details = _told(error, status)
    return {**details, "status": status, "code": error.code, "detail": detail}


def _told(error: BackofficeError, status: int) -> tuple[str, Mapping[str, Any]]:
    """The sentence that may be told of it, and further members. It is counted, and a failure of ours is logged."""
    count("errors", error.code)
    if status_of(error) < 500:
        return str(error), error.details
    if isinstance(error, (Unavailable, StoreFull)):
        # It may be so for a while, for everybody: one line each, without a trace.
        _log.warning("request failed", code=error.code, reason=str(error), cause=cause_of(error))
    else:
        _log.error("request failed", code=error.code, exc_info=error)
    # The class speaks for itself; the text of this one may name hosts and keys.
    return (type(error).__doc__ or "").strip().split("\n")[0] if status > 500 else _INTERNAL, {}


def _with(answer: Response, headers: Mapping[str, str]) -> Response:
    answer.headers.update(headers)
    return answer


def _on_http(error: HTTPException) -> Response:
    """What Flask and Werkzeug raise: no such route, body too large, and redirects to the right spelling
    of an address."""
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    code, detail = HTTP_ERRORS.get(error.code, ("http_error", title_of(error.code)))
    count("errors", code)
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    if error.code >= 500:
        _log.error("request failed", exc_info=error)
    return _answer(error.code, code, detail, headers)


def _on_anything(error: Exception) -> Response:
    """The last resort: whatever nobody expected."""
    _log.error("request failed", exc_info=error)
    count("errors", BackofficeError.code)
    return _answer(500, BackofficeError.code, _INTERNAL, {})


def retry_headers(error: BackofficeError) -> dict[str, str]:
    """When to come again, or in what form, where that can be said."""
    match error:
        case UnsupportedBody(encoded=True):
            return {"Accept-Encoding": "identity"}  # RFC 9110, section 12.5.3, which forbids it with any other 415
        case TooMany():
            return {"Retry-After": str(max(1, error.retry_after))}
        case Unavailable():
            return {"Retry-After": str(RETRY_SECONDS)}
        case Completing():
            return {"Retry-After": "1"}
    return {}


def _answer(
    status: int, code: str, detail: str, headers: Mapping[str, str], details: Mapping[str, Any] | None = None
) -> Response:
    answer = problem_response(status, code, detail, request_id(), details) if wants_problem() else _page(status, detail)
    answer.headers.update(headers)
    if "Retry-After" in headers and status == 503 and answer.mimetype == "text/html" and request.method == "GET":
        answer.headers["Refresh"] = str(2 * RETRY_SECONDS)
    return answer


def _page(status: int, detail: str, missing: Missing | None = None) -> Response:
    parts: dict[str, Any] = {"status": status, "title": title_of(status), "message": detail, "missing": missing}
    parts["request_id"] = request_id()
    parts["framed"] = status < 500 and current_user_or_none() is not None
    try:
        return current_app.make_response((render_template("error.html", **parts), status))
    except Exception as error:  # noqa: BLE001 - the page of errors must not fail for an error in itself
        _log.error("the error page failed", exc_info=error)
        text = f"{status} {parts['title']}\n\n{detail}\n\nRequest {parts['request_id']}\n"
        return Response(text, status, content_type="text/plain; charset=utf-8")


def _here() -> str:
    """The page to come back to after signing in: this one, or for a form the page that it stood on."""
    if request.method in {"GET", "HEAD"}:
        return safe_next(request.script_root + (request.full_path if request.query_string else request.path))
    try:
        came_from = urlsplit(request.referrer or "")
    except ValueError:  # whatever a client sends here
        return safe_next(None)
    return safe_next(came_from.path if came_from.netloc == request.host else None)
