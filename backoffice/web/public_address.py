"""The parts of the site's public address (`BACKOFFICE_PUBLIC_URL`)."""

from __future__ import annotations

from urllib.parse import urlsplit

from backoffice.settings import Settings


def public_origin(site: Settings) -> str:
    """Scheme, host and port, "" where there is no public address."""
    parts = urlsplit(site.public_url)
    return f"{parts.scheme}://{parts.netloc}" if site.public_url else ""


def public_path(site: Settings) -> str:
    """Below which path of its host the site is, as `/files`; "" at the top."""
    return urlsplit(site.public_url).path.rstrip("/")
