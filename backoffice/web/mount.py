"""A site below a path of its host (`BACKOFFICE_PUBLIC_URL=https://host/files/`), behind a proxy that takes this path
away from addresses, or leaves it there.

Either way the application sees addresses without it, and all that it makes have it (`SCRIPT_NAME`, PEP 3333). What
comes without the path, from such a proxy or on this machine, is answered as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.routing import Map

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Mount:
    """WSGI middleware around the application. `path` as `/files`, `routes` those of the application."""

    def __init__(self, app: WSGIApplication, path: str, routes: Map) -> None:
        self.app, self.path, self.routes = app, path, routes
        rules = [rule.rule for rule in routes.iter_rules()]
        self._own = any(rule == path or rule.startswith(f"{path}/") for rule in rules)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = environ.get("PATH_INFO", "")
        if asked == self.path or asked.startswith(f"{self.path}/"):
            rest = asked[len(self.path) :] or "/"
            if not self._own or self._is_below(environ, rest):
                environ["PATH_INFO"] = rest
        environ["SCRIPT_NAME"] = self.path
        return self.app(environ, start_response)

    def _is_below(self, environ: WSGIEnvironment, rest: str) -> bool:
        """For a site below a path that is also one of its own, such as /files: whether `rest` is what is meant.

        It is where an address and method of the site remain: no identifier, and no name of a file, is one of its
        addresses. The path alone is the list of files to a program, and the start page to a browser.
        """
        if rest == "/" and environ["PATH_INFO"] == self.path:
            return bool(environ.get("HTTP_SEC_FETCH_DEST") == "document")
        address = rest.encode("latin-1").decode("utf-8", "replace")
        return self.routes.bind("localhost").test(address, environ["REQUEST_METHOD"])
