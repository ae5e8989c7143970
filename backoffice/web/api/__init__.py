"""The HTTP API: what programs, and the scripts of our own pages, call."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask

from backoffice.web.api import (
    access,
    audit,
    batch,
    blocked,
    blueprints,
    deliveries,
    description,
    file_changes,
    file_versions,
    files,
    folder_trash,
    folders,
    in_order,
    jobs,
    links,
    preview,
    requests,
    role_preview,
    roles,
    sessions,
    shared,
    shared_content,
    shared_folders,
    shared_in_order,
    shared_under_way,
    shared_uploads,
    shares,
    taken,
    tokens,
    trash,
    tus,
    undo,
    unfinished,
    uploads,
    users,
    views,
    zips,
)

__all__ = [
    "access",
    "audit",
    "batch",
    "blocked",
    "deliveries",
    "file_changes",
    "file_versions",
    "files",
    "folder_trash",
    "folders",
    "in_order",
    "jobs",
    "links",
    "preview",
    "register",
    "requests",
    "role_preview",
    "roles",
    "sessions",
    "shared",
    "shared_content",
    "shared_folders",
    "shared_in_order",
    "shared_under_way",
    "shared_uploads",
    "shares",
    "taken",
    "tokens",
    "trash",
    "tus",
    "undo",
    "unfinished",
    "uploads",
    "users",
    "views",
    "zips",
]
# Each of these adds its routes to a blueprint when it is imported.


BLUEPRINTS: tuple[Blueprint, ...] = (
    blueprints.uploads_bp,
    blueprints.tus_bp,
    blueprints.files_bp,
    blueprints.admin_bp,
    jobs.jobs_bp,
)


def register(app: Flask, parts: Sequence[Blueprint] = BLUEPRINTS) -> None:
    """Add the API, its description at `/openapi.json` and the page `/docs` that shows it."""
    app.url_map.converters["name"] = uploads.NameConverter
    api = Blueprint("api", __name__)
    for bp in parts:
        api.register_blueprint(bp)
    app.register_blueprint(api)
    description.register(app)
