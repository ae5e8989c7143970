"""Flask without what only others pay for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, current_app
from werkzeug.routing import Rule

from backoffice.web.templating import TemplateEnvironment

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_TO_BE_ADAPTED: Final = frozenset({"location", "content-location"})


class Answer(Response):
    """A response whose headers go out as they are, where nothing about them depends on the request, with those that the
    application adds to all answers."""

    def get_wsgi_response(self, environ: WSGIEnvironment) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """As Werkzeug's, which copies and checks every header once more to adapt addresses and lengths."""
        headers = self.headers.to_wsgi_list()
        names = {name.lower() for name, _ in headers}
        as_they_are = self.status_code in (200, 206) or self.status_code >= 400
        if not as_they_are or "content-length" not in names or not names.isdisjoint(_TO_BE_ADAPTED):
            headers = self.get_wsgi_headers(environ).to_wsgi_list()
            names = {name.lower() for name, _ in headers}
        app: Application = current_app  # type: ignore[assignment]
        return self.get_app_iter(environ), self.status, app.complete_headers(headers, names)


class LazyRule(Rule):
    """A rule that compiles what makes addresses of it when the first one is made: two functions for each of some two
    hundred rules, of which a process uses a few, take two thirds of the start of the application."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_builder = super()._compile_builder
        built: list[Callable[..., tuple[str, str]]] = []

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
            if not built:
                built.append(compile_builder(append_unknown))
            made: tuple[str, str] = built[0](rule, **values)
            return made

        return build


class Application(Flask):
    """A Flask application whose views and hooks are all plain functions."""

    response_class = Answer
    url_rule_class = LazyRule
    jinja_environment = TemplateEnvironment

    complete_headers: Callable[[list[tuple[str, str]], set[str]], list[tuple[str, str]]]
    """The headers of an answer with those that all answers have; the second is what is there already, in lower case."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself. Flask asks of each hook and view at each request whether it is a coroutine function: a
        tenth of what a small request costs, and none is."""
        return func
