"""The web application, assembled. Everything it needs is given; nothing happens on import."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Flask, request

from backoffice.domain import limits
from backoffice.domain.access import Actor
from backoffice.domain.acts import act_named, decide_act
from backoffice.services.container import Services
from backoffice.settings import Settings
from backoffice.traces import tracing
from backoffice.web.admission import init_admission
from backoffice.web.application import Application
from backoffice.web.assets import init_assets
from backoffice.web.body import drain_after
from backoffice.web.compression import init_compression
from backoffice.web.context import init_services
from backoffice.web.cookies import CsrfSessionInterface
from backoffice.web.csrf import init_csrf
from backoffice.web.errors import init_errors
from backoffice.web.formats import init_formats
from backoffice.web.headers import csp_nonce, init_headers
from backoffice.web.health import init_health
from backoffice.web.identity import actor, confirm_identity, init_identity, nobody_yet
from backoffice.web.identity_retry import IdentityRetry
from backoffice.web.method_override import MethodOverride
from backoffice.web.middleware import SiteMiddleware
from backoffice.web.mount import Mount
from backoffice.web.patient_head import PatientHead
from backoffice.web.public_address import public_path
from backoffice.web.redirects import keep_within
from backoffice.web.route_access import Access, Who, check_declared, declare
from backoffice.web.route_guard import init_route_guard
from backoffice.web.store_check import FormWatch, check_before_use
from backoffice.web.traced_requests import ROUTE, TracedRequests

Part = Callable[[Flask], None]
"""Registers the routes of one part of the site: pages, API, admin."""

MAX_FORM_PARTS = 1000
MAX_FORM_MEMORY = 512 * 1024


@dataclass(frozen=True, slots=True)
class Current:
    """Who is asking, as templates see it."""

    actor: Actor

    @property
    def name(self) -> str:
        return self.actor.name

    @property
    def is_authenticated(self) -> bool:
        return self.actor.signed_in

    def may(self, act: str) -> bool:
        """Whether to show a link or a button for this act on what is one's own; the services decide."""
        return decide_act(self.actor, act_named(act), self.actor.id).allowed


def make_app(
    services: Services, settings: Settings, parts: Sequence[Part], check: Callable[[], None] | None = None
) -> Flask:
    """The application with all `parts`. `check`: whether the store may be used, to be asked before anything else is
    asked of it (`store_check.py`). Raises RuntimeError when a route does not say who may call it.

    The order matters where a hook needs what another has done. Before a view, from the first line to the last: note the
    endpoint for the log, start the clock, set an actor for errors on the way, check the store, find out who asks, let
    not too many in, guard the route. After it, from the last line to the first: keep assets, compress, drain a refused
    body, count, add the headers.
    """
    app = Application("backoffice.web", static_url_path="/static")
    _configure(app, settings)
    init_services(app, services, settings)
    app.before_request(_note_endpoint)
    init_headers(app, settings)
    init_health(app)
    app.after_request(drain_after)
    app.after_request(keep_within)
    init_compression(app)
    init_assets(app)
    init_errors(app)
    app.before_request(nobody_yet)
    if check is not None:
        check_before_use(app, check)
    FormWatch(services.migrations.newer).init_app(app)
    init_identity(app)
    init_admission(app)
    init_csrf(app, settings)
    init_route_guard(app)
    _init_leftover_babel(app)
    init_formats(app)
    app.context_processor(_for_templates)
    app.jinja_env.globals["field_limits"] = limits  # macros see no context
    for part in parts:
        part(app)
    _declare_static(app)
    check_declared(app)
    app.after_request(confirm_identity)  # registered last, so it is the first
    inner: Any = IdentityRetry(app.wsgi_app)
    if path := public_path(settings):
        inner = Mount(inner, path, app.url_map)
    inner = PatientHead(inner, public_path(settings))
    inner = MethodOverride(inner, public_path(settings))
    if (traces := tracing()) is not None:
        inner = TracedRequests(inner, traces)
    app.wsgi_app = SiteMiddleware(inner, settings)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, settings: Settings) -> None:
    keys = [key.reveal() for key in settings.secret_keys]
    if not keys:
        raise RuntimeError("an application without a key to sign with would trust every cookie")
    app.config.update(
        SECRET_KEY=keys[0],
        SECRET_KEY_FALLBACKS=keys[1:],
        MAX_FORM_PARTS=MAX_FORM_PARTS,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_MEMORY,
        # No page of errors may ever be a console (CVE-2024-34069); tests see the same answers as everybody.
        DEBUG=False,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.session_interface = CsrfSessionInterface()
    app.json.sort_keys = False  # type: ignore[attr-defined]


def _init_leftover_babel(app: Flask) -> None:
    """Our texts are in one language, so flask-babel is not among the requirements. Where it is installed all the same
    (an environment of an earlier version has it), Flask-Admin uses it, and every admin page would fail without this."""
    if importlib.util.find_spec("flask_babel") is not None:
        importlib.import_module("flask_babel").Babel(app)


def _note_endpoint() -> None:
    structlog.contextvars.bind_contextvars(endpoint=request.endpoint)
    if request.url_rule is not None:
        request.environ[ROUTE] = request.url_rule.rule


def _for_templates() -> dict[str, Any]:
    return {"current": Current(actor()), "csp_nonce": csp_nonce}


def _declare_static(app: Flask) -> None:
    """The files of the pages are for everybody, a sign-in page has them, too."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.rpartition(".")[2] == "static":
            declare(app, rule.endpoint, Access(Who.ASSET))
