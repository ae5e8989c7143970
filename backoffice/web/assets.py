"""Static files: an address that holds a hash of the content may be kept for ever, any other is asked for again."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.security import safe_join

from backoffice.web.headers import YEAR

MARK: Final = "v"
HASH_LENGTH: Final = 12
ICON: Final = Path(__file__).with_name("static") / "favicon.svg"


def init_assets(app: Flask) -> None:
    """Let `url_for` add the hash to every static address, and answer accordingly. The icon, which is small, stands in
    the pages themselves: browsers that are not headless would ask for it apart."""
    app.jinja_env.globals["favicon"] = f"data:image/svg+xml,{quote(ICON.read_text('ascii').strip(), safe=' /:=')}"

    @app.url_defaults
    def mark(endpoint: str, values: dict[str, Any]) -> None:
        name = values.get("filename")
        if name and endpoint.rpartition(".")[2] == "static" and MARK not in values:
            found = content_hash(app, endpoint, str(name))
            if found:
                values[MARK] = found

    @app.after_request
    def keep(response: Response) -> Response:
        endpoint = request.endpoint or ""
        if endpoint.rpartition(".")[2] == "static" and response.status_code in (200, 304):
            name = str((request.view_args or {}).get("filename", ""))
            unchanging = bool(request.args.get(MARK)) and request.args[MARK] == content_hash(app, endpoint, name)
            # The others are modules that modules import by name: the browser keeps them and asks whether they changed.
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if unchanging else "no-cache"
        return response


def content_hash(app: Flask, endpoint: str, name: str) -> str:
    """Hash of what the endpoint serves under that name, "" when there is no such file."""
    path = static_path(app, endpoint, name)
    if path is None:
        return ""
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ""
    return _content_hash(path, about.st_mtime_ns, about.st_size) if S_ISREG(about.st_mode) else ""


def static_path(app: Flask, endpoint: str, name: str) -> Path | None:
    """Where the file is that the endpoint serves under that name; None when no name of a file is meant."""
    owner = app if endpoint == "static" else app.blueprints.get(endpoint.rpartition(".")[0])
    return _path_of(owner.static_folder, name) if owner is not None and owner.static_folder else None


@lru_cache(maxsize=1024)
def _path_of(folder: str, name: str) -> Path | None:
    path = safe_join(folder, name)
    return None if path is None else Path(path)


@lru_cache(maxsize=1024)
def _content_hash(path: Path, _mtime_ns: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_LENGTH]
