"""A span for each request, where this process is traced (`traces.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import structlog

from backoffice.domain.traceparent import TraceParent
from backoffice.traces import Tracing
from backoffice.web.context import REQUEST_ID, TRACEPARENT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE: Final = "backoffice.route"
"""Key of the WSGI environment: the pattern of the address, once it is known."""


class TracedRequests:
    """WSGI middleware. The span ends with the answer's last byte; what is sent by the system alone (`sendfile`) is not
    waited for."""

    def __init__(self, app: WSGIApplication, tracing: Tracing) -> None:
        self._app, self._tracing = app, tracing

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        span, found = self._begin(environ), dict[str, Any]()
        token = self._tracing.enter(span)

        def start(status: str, *rest: Any) -> Any:
            found["http.response.status_code"] = code = int(status[:3])
            if code >= 500:
                self._tracing.failed(span, str(code))
            return start_response(status, *rest)

        try:
            parts: Iterable[bytes] = self._app(environ, start)
        except BaseException as error:
            self._tracing.failed(span, type(error).__name__)
            self._end(environ, span, token, found)
            raise
        wrapper: type | tuple[()] = environ.get("wsgi.file_wrapper", ())
        if isinstance(parts, wrapper):
            self._end(environ, span, token, found)
            return parts
        return _Parts(parts, lambda: self._end(environ, span, token, found))

    def _begin(self, environ: WSGIEnvironment) -> Any:
        method = environ["REQUEST_METHOD"]
        sent: TraceParent | None = environ.get(TRACEPARENT)
        parent = (sent.trace_id, sent.parent_id, sent.sampled) if sent is not None else None
        # Who is no proxy of ours does not decide whether we keep a trace.
        told = {
            "http.request.method": method,
            "url.scheme": environ["wsgi.url_scheme"],
            "backoffice.request_id": environ[REQUEST_ID],
        }
        link = sent is not None and not sent.trusted
        span = self._tracing.begin(method, "SERVER", parent, link=link, attributes=told)
        known = span.get_span_context()
        structlog.contextvars.bind_contextvars(trace_id=f"{known.trace_id:032x}", span_id=f"{known.span_id:016x}")
        return span

    def _end(self, environ: WSGIEnvironment, span: Any, token: Any, found: dict[str, Any]) -> None:
        route = environ.get(ROUTE)
        if route:
            span.update_name(f"{environ['REQUEST_METHOD']} {route}")
            found["http.route"] = route
        span.set_attributes(found)
        self._tracing.leave(token)
        span.end()


class _Parts:
    """The parts of an answer, and what is to be done when all were sent or nobody wants them any more."""

    def __init__(self, parts: Iterable[bytes], end: Any) -> None:
        self._parts, self._end = parts, end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        try:
            close = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:
            self._end()
