"""For a process that started while the store was away: whether it may use the store is asked when that is back."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Flask, request

from backoffice.errors import Unavailable
from backoffice.settings import SettingsError


def check_before_use(app: Flask, check: Callable[[], None]) -> None:
    """Until `check` has passed once, nothing is answered but what needs no store. `check` raises Unavailable, or
    SettingsError where the store must not be used."""
    passed = False

    @app.before_request
    def refuse() -> None:
        nonlocal passed
        endpoint = request.endpoint or ""
        if passed or endpoint == "health.live" or endpoint.rpartition(".")[2] == "static":
            return
        try:
            check()
        except Unavailable:
            if endpoint == "health.ready":
                return  # it finds out for itself, and says so in its own way
            raise
        except SettingsError as error:
            structlog.get_logger("backoffice.web").error("the store must not be used", because=str(error))
            raise Unavailable from error
        passed = True
