"""Addresses that many requests or many rows of a list share, made once."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from flask import current_app, request, url_for

from backoffice.web.assets import MARK, content_hash

_STAND_IN: Final = secrets.token_hex(16)
"""Nobody can put it into an address by searching for it."""
_KNOWN: Final = "backoffice.page_urls"
MAX_KNOWN: Final = 1024


def page_url(endpoint: str, filename: str = "", /) -> str:
    """`url_for(endpoint)` for an endpoint whose address has no identifier in it, or that of a static file: made once
    for each place that the site is mounted at, and anew when the file has changed."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - once for three look-ups
    mark = content_hash(app, endpoint, filename) if filename else ""
    known: dict[tuple[str, ...], str] = app.extensions.setdefault(_KNOWN, {})
    key = (request.root_path, endpoint, filename, mark)
    found = known.get(key)
    if found is None:
        values = {"filename": filename, MARK: mark or None} if filename else {}
        found = app.url_for(endpoint, **values)
        if len(known) >= MAX_KNOWN:
            known.clear()
        known[key] = found
    return found


def template_url(endpoint: str, **values: Any) -> str:
    """`url_for` as templates have it."""
    if endpoint.startswith(".") or values.keys() - {"filename"}:
        return url_for(endpoint, **values)
    return page_url(endpoint, values.get("filename", ""))


class UrlPattern:
    """`UrlPattern(lambda key: url_for("files.details_view", id=key))` gives what the function gives, for any
    identifier; the function is asked once, and not for each row. Good for one request."""

    __slots__ = ("_after", "_before")

    def __init__(self, address_of: Callable[[str], str]) -> None:
        self._before, _, self._after = address_of(_STAND_IN).partition(_STAND_IN)

    def __call__(self, key: str) -> str:
        plain = key if key.isascii() and key.isalnum() else quote(key, safe="")
        return f"{self._before}{plain}{self._after}"
