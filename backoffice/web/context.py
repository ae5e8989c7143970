"""What a request can reach: the services and the settings of its application, and its own name."""

from __future__ import annotations

from typing import Final, cast

from flask import Flask, current_app, request

from backoffice.services.container import Services
from backoffice.settings import Settings

REQUEST_ID: Final = "backoffice.request_id"
"""Where the outermost layer leaves the request's name in the WSGI environment."""
TRACEPARENT: Final = "backoffice.traceparent"
"""Likewise the `TraceParent` of a request that names one."""

_SERVICES: Final = "backoffice"
_SETTINGS: Final = "backoffice.settings"


def init_services(app: Flask, services: Services, settings: Settings) -> None:
    """Make them reachable in every request of `app`."""
    app.extensions[_SERVICES] = services
    app.extensions[_SETTINGS] = settings


def services() -> Services:
    """The services of the application that handles this request."""
    return cast(Services, current_app.extensions[_SERVICES])


def settings() -> Settings:
    """Its settings."""
    return cast(Settings, current_app.extensions[_SETTINGS])


def request_id() -> str:
    """The name of this request in answers, logs and the audit log."""
    return str(request.environ[REQUEST_ID])
