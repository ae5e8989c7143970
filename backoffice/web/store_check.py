"""Whether a process may use the store: asked when that is back, where it was away at the start, and again and again,
for a later version may change the form of what is stored while this one runs."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress

import structlog
from flask import Flask, request

from backoffice.domain.migrations import LOOK_SECONDS
from backoffice.errors import BackofficeError, LaterVersion, Unavailable
from backoffice.settings import SettingsError


def check_before_use(app: Flask, check: Callable[[], None]) -> None:
    """Until `check` has passed once, nothing is answered but what needs no store. `check` raises Unavailable, or
    SettingsError where the store must not be used."""
    passed = False

    @app.before_request
    def refuse() -> None:
        nonlocal passed
        if passed or _takes_no_store():
            return
        try:
            check()
        except Unavailable:
            if request.endpoint == "health.ready":
                return  # it finds out for itself, and says so in its own way
            raise
        except SettingsError as error:
            structlog.get_logger("backoffice.web").error("the store must not be used", because=str(error))
            raise Unavailable from error
        passed = True


def _takes_no_store() -> bool:
    endpoint = request.endpoint or ""
    return endpoint == "health.live" or endpoint.rpartition(".")[2] == "static"


class FormWatch:
    """Refuses all requests once a later version has the store in a form that this one does not know: it would misread
    what it finds, and spoil what it changes. `newer`: why, "" = it has not; asked by a thread of its own, so that no
    request pays for it and one that is under way ends, too."""

    def __init__(self, newer: Callable[[], str]) -> None:
        self._newer, self.reason = newer, ""

    def init_app(self, app: Flask) -> None:
        app.extensions["form"] = self
        app.before_request(self._refuse)

    def _refuse(self) -> None:
        if self.reason and not _takes_no_store():
            raise LaterVersion(self.reason)

    def look(self) -> None:
        """Once. While the store is away there is nothing to be learned."""
        with suppress(BackofficeError):
            reason = self._newer()
            if reason and not self.reason:
                structlog.get_logger("backoffice.web").error("nothing is answered any more", because=reason)
            self.reason = reason

    def start(self) -> None:
        """For as long as there is the application."""
        threading.Thread(target=_look_on, args=(weakref.ref(self),), name="form", daemon=True).start()


def _look_on(watch: weakref.ref[FormWatch]) -> None:
    while (found := watch()) is not None:
        try:
            found.look()
        except Exception as error:  # noqa: BLE001 - nobody would look any more
            structlog.get_logger("backoffice.web").error("the form of the store cannot be seen", exc_info=error)
        del found
        time.sleep(LOOK_SECONDS)


def start_watching(app: Flask) -> None:
    """In a process that serves."""
    watch: FormWatch = app.extensions["form"]
    watch.start()
