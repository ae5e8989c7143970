"""The least that Flask can do, in the same gunicorn with the same settings: `python -m benchmarks.bare_flask PORT`.

`/bytes/N` answers N bytes, `/json/N` as many as JSON.
"""

from __future__ import annotations

import sys
from functools import cache

from flask import Flask, Response

from backoffice import logs
from backoffice.server.gunicorn_app import WebServer
from backoffice.settings import Settings


def make_app() -> Flask:
    app = Flask("bare")

    @app.get("/bytes/<int:size>")
    def some_bytes(size: int) -> Response:
        return Response(_body(size), mimetype="application/octet-stream")

    @app.get("/json/<int:size>")
    def some_json(size: int) -> Response:
        return Response(_body(size), mimetype="application/json")

    return app


@cache
def _body(size: int) -> bytes:
    """A string in JSON of so many bytes."""
    return b'"' + b"x" * (size - 2) + b'"'


def main(port: int) -> None:
    settings = Settings(port=port)
    logs.configure(settings)
    WebServer(settings, make_app, None).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
