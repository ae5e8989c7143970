"""`X-HTTP-Method-Override` below `/tus/` (tus 1.0.0, "X-HTTP-Method-Override"), for clients that can send no method but
POST. Everywhere else the header is refused (`body_headers.py`).

It is read before anything depends on the method. No form of another site can send a header, and with POST all the
checks of a request that changes something are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS: Final = frozenset({"PATCH", "DELETE", "HEAD", "OPTIONS"})
_HEADER: Final = "HTTP_X_HTTP_METHOD_OVERRIDE"


class MethodOverride:
    """WSGI middleware. `path`: of the site, as `/files`; "" at the top of its host."""

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self.app, self._below = app, ("/tus/", f"{path}/tus/")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (
            environ.get(_HEADER) in METHODS
            and environ["REQUEST_METHOD"] == "POST"
            and environ.get("PATH_INFO", "").startswith(self._below)
        ):
            environ["REQUEST_METHOD"] = environ.pop(_HEADER)
        return self.app(environ, start_response)
