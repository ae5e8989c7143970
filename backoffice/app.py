"""The web application over the services."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

from flask import Flask

from backoffice.composition import build_services, store_client
from backoffice.errors import Unavailable
from backoffice.services.container import Services
from backoffice.services.sign_in.passwords import StepAside
from backoffice.settings import Settings
from backoffice.start import check_form, check_store
from backoffice.stores.client import Client
from backoffice.traces import start_tracing
from backoffice.web import admin, api, pages
from backoffice.web.factory import make_app
from backoffice.web.pages import upload
from backoffice.web.store_check import start_watching


def create_app(settings: Settings, step_aside: StepAside = nullcontext) -> Flask:
    """The web application, with a client of its own. Raises SettingsError as `check_store`; a store that is away is
    checked when it is back, before anything else is asked of it. `step_aside`: see `Passwords`."""
    start_tracing("web")
    client = store_client(settings)
    check = None
    try:
        _check(settings, client)
    except Unavailable:
        check = partial(_check, settings, client)
    services = build_services(settings, client, step_aside=step_aside)
    app = make_web(services, settings, check)
    start_watching(app)
    return app


def _check(settings: Settings, client: Client) -> None:
    check_store(settings, client)
    check_form(settings, client)


def make_web(services: Services, settings: Settings, check: Callable[[], None] | None = None) -> Flask:
    """The web application over given services. `check`: see `make_app`."""

    def site(app: Flask) -> None:
        pages.register(app, upload.register)

    return make_app(services, settings, [site, api.register, admin.register], check)
