"""The pages for people."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask

from backoffice.web.pages import account, links, setup, shared, sign_in


def register(app: Flask, *more: Callable[[Blueprint], None]) -> None:
    """Register sign-in, account, set-up and share links, and what `more` adds to the same blueprint."""
    bp = Blueprint("pages", __name__)
    for add in (sign_in.register, account.register, setup.register, links.register, shared.register, *more):
        add(bp)
    app.register_blueprint(bp)
