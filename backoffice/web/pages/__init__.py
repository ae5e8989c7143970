"""The pages for people."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask

from backoffice.web.pages import (
    account,
    guest,
    guest_chunks,
    links,
    request_edit,
    requests,
    setup,
    share,
    shared,
    shared_with_me,
    sharing,
    sign_in,
)


def register(app: Flask, *more: Callable[[Blueprint], None]) -> None:
    """Register sign-in, account, set-up and share links, shares, and what `more` adds to the same blueprint."""
    bp = Blueprint("pages", __name__)
    sharings = (links, share, shared, shared_with_me, sharing)
    asked_for = (guest, guest_chunks, requests, request_edit)
    for add in (*(part.register for part in (sign_in, account, setup, *sharings, *asked_for)), *more):
        add(bp)
    app.register_blueprint(bp)
