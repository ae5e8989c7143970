"""The one-time link under which somebody chooses a password."""

from __future__ import annotations

from flask import request, url_for

from backoffice.web.context import settings
from backoffice.web.public_address import public_origin


def setup_link(secret: str) -> str:
    """The whole address, under the site's public one where that is set; else under the host asked for, which is one
    that the site answers to (CVE-2026-26747)."""
    base = public_origin(settings()) or request.host_url
    return base.rstrip("/") + url_for("pages.setup", secret=secret)
