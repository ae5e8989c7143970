"""A request whose remembered identity does not hold any more begins again, once, with what the store says now.

The first access to the store finds that out, so nothing has been done by then; and a body that was read by then was
held (`body.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Final

import structlog

from backoffice.domain.versions import IdentityChanged
from backoffice.web.client_socket import STRANGER, set_body_pace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IDENTITY_CHANGED: Final = "backoffice.identity_changed"
"""Key of the WSGI environment: set where the request has begun again."""


class IdentityRetry:
    """WSGI middleware around the application."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self.app(environ, start_response)
        except IdentityChanged:
            environ[IDENTITY_CHANGED] = True
            # Whoever it was is not known to be asking any more.
            structlog.contextvars.unbind_contextvars("user")
            set_body_pace(environ, STRANGER)
            # What the first turn left, such as its parsed form, must not be taken for this one's.
            for name in [name for name in environ if name.startswith(("werkzeug.", "flask."))]:
                del environ[name]
            if isinstance(environ["wsgi.input"], BytesIO):
                environ["wsgi.input"].seek(0)
            return self.app(environ, start_response)
