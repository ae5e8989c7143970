"""Flask without what only others pay for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response
from werkzeug.datastructures import Headers

from backoffice.web.templating import TemplateEnvironment

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_TO_BE_ADAPTED: Final = frozenset({"location", "content-location"})


class Answer(Response):
    """A response whose headers go out as they are, where nothing about them depends on the request."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """As Werkzeug's, which copies and checks every header once more to adapt addresses and lengths. For reading."""
        if self.status_code in (200, 206) or self.status_code >= 400:
            names = {name.lower() for name, _ in self.headers}
            if "content-length" in names and names.isdisjoint(_TO_BE_ADAPTED):
                return self.headers
        return super().get_wsgi_headers(environ)


class Application(Flask):
    """A Flask application whose views and hooks are all plain functions."""

    response_class = Answer
    jinja_environment = TemplateEnvironment

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself. Flask asks of each hook and view at each request whether it is a coroutine function: a
        tenth of what a small request costs, and none is."""
        return func
