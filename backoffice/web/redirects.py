"""Where a browser may be sent: a path of this site, and nothing else (H8, CWE-601)."""

from __future__ import annotations

from flask import Response, has_request_context, request

from backoffice.web.context import settings
from backoffice.web.local_paths import is_local_path
from backoffice.web.public_address import public_origin

MAX_TARGET = 2000


def safe_next(target: str | None, otherwise: str = "") -> str:
    """`target` when it is a path of this site, else `otherwise`, which is the start page unless said."""
    root = site_root()
    return target if target and len(target) <= MAX_TARGET and is_local_path(target, root) else otherwise or f"{root}/"


def site_root() -> str:
    """Below which path the site of this request is, as `/files`; "" at the top of its host."""
    return request.script_root if has_request_context() else ""


def keep_within(response: Response) -> Response:
    """For `after_request`: a redirect to this site names no scheme and no host (RFC 9110, section 10.2.2).

    The router makes its own (a slash at the end, doubled slashes) from what the request looks like here, which behind a
    proxy is not what the browser sees: it would leave TLS, or lose the port, and be kept by browsers for good.
    """
    if not 300 <= response.status_code < 400:
        return response
    location, here = response.headers.get("Location", ""), request.host_url
    if location.startswith(here):
        path = location[len(here) - 1 :]
        # What could be taken for a host is made from the public address.
        response.headers["Location"] = path if is_local_path(path) else (public_origin(settings()) or here[:-1]) + path
    return response
