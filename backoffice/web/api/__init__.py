"""The HTTP API: what programs, and the scripts of our own pages, call."""

from __future__ import annotations

from flask import Blueprint, Flask

from backoffice.web.api import administration, description, files, uploads


def register(app: Flask) -> None:
    """Add the API, its description at `/openapi.json` and the page `/docs` that shows it."""
    app.url_map.converters["name"] = uploads.NameConverter
    api = Blueprint("api", __name__)
    for part in (uploads, files, administration):
        api.register_blueprint(part.bp)
    app.register_blueprint(api)
    description.register(app)
