"""The outermost layer: whose address, which host, which method, and a name for the request.

It settles before Flask looks at anything what depends on the machines in front of us:

- `X-Forwarded-For/-Proto/-Host` count only when they come from a trusted proxy, and only the hop that this proxy
  added (H7). All such headers are then removed, so that nothing behind can be misled by them.
- A host name that is not ours is refused (H6), so no answer can carry it. Health checks and the numbers, for which a
  token is needed, are asked by address; they answer under any name, and contain none.
- Methods unknown to us are refused (H5).
- The request id is made here, or taken from a trusted proxy; the trace that a request says it is a part of is noted
  for the log.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import structlog
from werkzeug.wrappers import Response

from backoffice.domain.traceparent import parse_traceparent
from backoffice.settings import Settings, TrustedProxies
from backoffice.traces import carry
from backoffice.web.context import REQUEST_ID, TRACEPARENT
from backoffice.web.headers import BASE_HEADERS
from backoffice.web.problem import problem_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ANY_HOST: Final = frozenset({"/livez", "/readyz", "/metrics"})

_UNKNOWN_HOST: Final = (
    "The site does not answer to this host name. Whoever runs it can add the name to BACKOFFICE_ALLOWED_HOSTS."
)
_UNKNOWN_HOST_PAGE: Final = (
    "<!doctype html>\n"
    '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
    f"<title>Unknown host name</title><h1>Unknown host name</h1><p>{_UNKNOWN_HOST}</p></html>\n"
)
"""Without styles, scripts or the name: none of the site is shown under a name that is not its own."""
_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
_HOST: Final = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_.-]{1,253}))(?::[0-9]{1,5})?", re.IGNORECASE)
_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_FORWARDED: Final = (
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
)


class SiteMiddleware:
    """WSGI middleware around the whole application."""

    def __init__(self, app: WSGIApplication, settings: Settings) -> None:
        self.app = app
        self.proxies = settings.trusted_proxies
        own = {settings.host} - _WILDCARDS
        self.hosts = frozenset(host.removesuffix(".") for host in settings.served_hosts | own)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        trusted = _trusts(self.proxies, environ.get("REMOTE_ADDR", ""))
        inbound = environ.get("HTTP_X_REQUEST_ID", "") if trusted else ""
        environ[REQUEST_ID] = inbound if _ID.fullmatch(inbound) else secrets.token_hex(8)
        # Threads serve many requests: nothing of the last one may stand in the log lines of this one.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=environ[REQUEST_ID])
        sent = parse_traceparent(environ.get("HTTP_TRACEPARENT", ""), trusted=trusted)
        carry(sent)
        if sent is not None:
            environ[TRACEPARENT] = sent
            structlog.contextvars.bind_contextvars(trace_id=sent.trace_id)
        if trusted:
            _take_forwarded(environ, self.proxies)
        _drop_forwarded(environ)
        refusal = self._refusal(environ)
        return self.app(environ, start_response) if refusal is None else refusal(environ, start_response)

    def _refusal(self, environ: WSGIEnvironment) -> Response | None:
        if environ["REQUEST_METHOD"] not in METHODS:
            answer = problem_response(405, "method_not_allowed", "This method is not known here.", environ[REQUEST_ID])
            answer.headers["Allow"] = ", ".join(sorted(METHODS))
        elif environ.get("PATH_INFO") not in ANY_HOST and host_name(environ.get("HTTP_HOST", "")) not in self.hosts:
            if "text/html" in environ.get("HTTP_ACCEPT", ""):  # somebody at a browser, not a program
                answer = Response(_UNKNOWN_HOST_PAGE, 400, content_type="text/html; charset=utf-8")
            else:
                answer = problem_response(400, "unknown_host", _UNKNOWN_HOST, environ[REQUEST_ID])
        else:
            return None
        answer.headers.extend(BASE_HEADERS)
        answer.headers["X-Request-ID"] = environ[REQUEST_ID]
        answer.headers["Connection"] = "close"  # the body, if there is one, stays unread
        return answer


def host_name(header: str) -> str | None:
    """The name in a Host header, without port, in lower case; None when it is not one."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]).lower().removesuffix(".") if found else None


def _trusts(proxies: TrustedProxies, peer: str) -> bool:
    """Whether the other end of the connection is a proxy of ours.

    A count says that nobody but proxies can reach the port. A Unix socket has no address: whoever may open it is
    trusted once proxies are declared at all.
    """
    return bool(proxies.count) or (bool(proxies.networks) and (not peer or _within(proxies, peer)))


def _within(proxies: TrustedProxies, address: str) -> bool:
    parsed = _address(address)
    return parsed is not None and any(ipaddress.ip_address(parsed) in network for network in proxies.networks)


def _address(text: str) -> str | None:
    """The IP address in a hop (`192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`), None when there is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)


def _take_forwarded(environ: WSGIEnvironment, proxies: TrustedProxies) -> None:
    """Put what the nearest untrusted hop looked like in place of what our own proxy looks like."""
    client = _client(_listed(environ, "HTTP_X_FORWARDED_FOR"), proxies)
    if client is not None:
        environ["REMOTE_ADDR"] = client
        environ.pop("REMOTE_PORT", None)
    steps = proxies.count or 1
    protocols = _listed(environ, "HTTP_X_FORWARDED_PROTO")[-steps:]
    if protocols and protocols[0] in {"http", "https"}:
        environ["wsgi.url_scheme"] = protocols[0]
    hosts = _listed(environ, "HTTP_X_FORWARDED_HOST")[-steps:]
    if hosts:
        environ["HTTP_HOST"] = hosts[0]


def _client(hops: list[str], proxies: TrustedProxies) -> str | None:
    """The client's address. Only the last hops are ours to believe: the client may have sent whatever stands
    before them."""
    if proxies.count:
        return _address(hops[-proxies.count]) if len(hops) >= proxies.count else None
    for hop in reversed(hops):
        address = _address(hop)
        if address is None or not _within(proxies, address):
            return address
    return _address(hops[0]) if hops else None


def _listed(environ: WSGIEnvironment, name: str) -> list[str]:
    return [part.strip() for part in environ.get(name, "").split(",") if part.strip()]


def _drop_forwarded(environ: WSGIEnvironment) -> None:
    for key in [key for key in environ if key.startswith("HTTP_X_FORWARDED_")]:
        del environ[key]
    for name in _FORWARDED:
        environ.pop(name, None)
