"""The address of a share link."""

from __future__ import annotations

from flask import request, url_for

from backoffice.web.context import settings
from backoffice.web.public_address import public_origin


def share_link(token: str) -> str:
    """The whole address, under the site's public one where that is set; as `setup_link`."""
    base = public_origin(settings()) or request.host_url
    return base.rstrip("/") + url_for("pages.link", token=token)
