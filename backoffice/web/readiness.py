"""Who asks for more than whether the site is ready: that alone depends on who it is."""

from __future__ import annotations

from typing import Final

from flask import Request

from backoffice.web.route_access import Access, Who

READY: Final = "health.ready"


def asks_details(asked: Request) -> bool:
    """Whether it is `/readyz?verbose`."""
    return asked.endpoint == READY and "verbose" in asked.args


def nobody_matters(access: Access | None, asked: Request) -> bool:
    """Whether the answer is the same for everybody, so that nobody need be looked for."""
    return access is not None and access.who is Who.ASSET and not asks_details(asked)
