"""A client of tus that asks how far its upload is gets an answer that tells it, if one can be had within seconds.

tus-js-client, and Uppy with it, takes any failure of this HEAD for the end of the upload and begins anew, from the
first byte. So while the store cannot be reached, as when it starts again, the question waits for it, a few at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

from backoffice.web.admission import leave

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SECONDS: Final = 5.0
STEP_SECONDS: Final = 0.5
WAITING: Final = 4
"""Requests of a process that wait at once; further ones are answered as things stand."""
_UNAVAILABLE: Final = "503 "


class PatientHead:
    """WSGI middleware. `path`: of the site, as `/files`; "" at the top of its host."""

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self.app, self._below = app, ("/tus/", f"{path}/tus/")
        self._places = BoundedSemaphore(WAITING)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "HEAD" or not environ.get("PATH_INFO", "").startswith(self._below):
            return self.app(environ, start_response)
        end, first = time.monotonic() + SECONDS, dict(environ)
        status, headers, body = _answer(self.app, environ)
        if status.startswith(_UNAVAILABLE) and self._places.acquire(blocking=False):
            try:
                while status.startswith(_UNAVAILABLE) and time.monotonic() < end:
                    _close(body)
                    leave(
                        environ
                    )  # it is counted where it enters, each time; what is cleared is not taken off any more
                    time.sleep(STEP_SECONDS)
                    environ.clear()
                    environ.update(first)
                    status, headers, body = _answer(self.app, environ)
            finally:
                self._places.release()
        start_response(status, headers)
        return body


def _answer(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
    """Status, headers and body."""
    said: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _failure: Any = None) -> Any:
        said.append((status, headers))

    body = app(environ, start_response)
    return *said[-1], body


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
