"""Who is asking: Flask-Login and Flask-Principal, wrapped here and used nowhere else.

A bearer token or the session cookie is taken to the services once per request; what comes back is the `Actor`. It may
be remembered from an earlier request. Then the first thing that is asked of the store confirms it, or the request
begins again (`identity_retry.py`): a right taken away is gone with the next request. A request that carries an
`Authorization` header is judged by it alone: a bad token never falls back to the cookie.

Flask-Principal lets everybody through an empty Permission, reads `a & b` as "or" and `a | b` as "a without b", and
keeps identities in the session after sign-out. So: `AnyPermission` below, no sessions, and a strong reference to the
signal handler.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NoReturn, cast

import structlog
from flask import Flask, Request, Response, current_app, g, request
from flask_login import LoginManager, UserMixin
from flask_principal import Identity, Need, Principal, RoleNeed, UserNeed, identity_loaded
from flask_principal import Permission as PrincipalPermission

from backoffice.domain.access import ANONYMOUS, Actor
from backoffice.domain.acts import Act
from backoffice.domain.audit import ObjectRef
from backoffice.domain.permissions import Permission
from backoffice.domain.sessions import Session
from backoffice.domain.users import User
from backoffice.domain.waits import begin_waits, end_waits, renew_waits
from backoffice.errors import BackofficeError, NotFound, NotSignedIn
from backoffice.services.tokens import NOT_VALID
from backoffice.services.uploads.secrets import split_address
from backoffice.web.body import hold_body, keep_confirming
from backoffice.web.client_socket import SIGNED_IN, set_body_pace
from backoffice.web.context import REQUEST_ID, services
from backoffice.web.cookies import session_secret
from backoffice.web.identity_retry import IDENTITY_CHANGED
from backoffice.web.metrics import metrics_of
from backoffice.web.readiness import nobody_matters
from backoffice.web.route_access import access_of, permissions_for

VIA_PAGES: Final = "web"
MAX_CREDENTIAL: Final = 512
UPLOAD_ADDRESS: Final = "upload_address"
"""The variable of a path that may have the secret of an upload."""
MAX_AGENT_HEADER: Final = 512


@dataclass(frozen=True, slots=True)
class CurrentUser(UserMixin):  # type: ignore[misc]  # Flask-Login ships no type marker
    """The one who is signed in. `session` is None for a token."""

    actor: Actor
    user: User
    session: Session | None = None

    def get_id(self) -> str:
        return self.actor.id


class AnyPermission(PrincipalPermission):  # type: ignore[misc]  # nor does Flask-Principal
    """Holds at least one of these permissions. Never empty, and never combined by operators that mean
    something else."""

    def __init__(self, *any_of: Permission) -> None:
        if not any_of:
            raise ValueError("an empty permission would let everybody in")
        super().__init__(*(_need(permission) for permission in any_of))

    def __and__(self, other: object) -> NoReturn:
        raise TypeError("Flask-Principal reads & as 'or'; ask for each permission by itself")

    def __or__(self, other: object) -> NoReturn:
        raise TypeError("Flask-Principal reads | as a difference; name all permissions in one AnyPermission(...)")


def actor() -> Actor:
    """The one who asks; `ANONYMOUS` with address and request id when nobody is signed in."""
    return cast(Actor, g.actor)


def may(*acts: Act, everybody: bool = False) -> bool:
    """Whether the one who asks may do one of these acts to something, whosever it is; `everybody`: to what is somebody
    else's. Pages ask before they show a way there; the services decide, knowing the object."""
    return holds(*permissions_for(acts, everybody=everybody))


def holds(*any_of: Permission) -> bool:
    """Whether the one who asks holds at least one of these: the web's one question about permissions."""
    return bool(_permission(any_of).can())


@lru_cache(maxsize=256)
def _permission(any_of: tuple[Permission, ...]) -> AnyPermission:
    return AnyPermission(*any_of)


def anonymous() -> Actor:
    """This client as nobody in particular: for signing in and for one-time links."""
    return cast(Actor, g.anonymous)


def current_user_or_none() -> CurrentUser | None:
    """The one who is signed in, with their record; None for a stranger."""
    return cast("CurrentUser | None", g.get("person"))


def current_user_or_401() -> CurrentUser:
    """Raises NotSignedIn for a stranger."""
    found = current_user_or_none()
    if found is None:
        raise NotSignedIn
    return found


def signed_in_session() -> Session:
    """The browser session of this request; raises NotSignedIn for strangers and for tokens. That a token tried is
    recorded: it may have been stolen."""
    session = current_user_or_401().session
    if session is None:
        route = ObjectRef("route", request.endpoint or "")
        services().audit.denied(actor(), route, "a token where a person is needed")
        raise NotSignedIn("This needs a session in a browser, not a token.")
    return session


def uses_bearer() -> bool:
    """Whether the request proves itself by a header, which no other site can make a browser send, or by the secret of
    an upload, which no other site knows."""
    return bool(g.get("bearer", False))


def init_identity(app: Flask) -> None:
    """Set up both libraries so that `actor()` is right before the first view, and after every change of rights."""
    app.config["SESSION_PROTECTION"] = None
    # No name that a client can send: else a stray `remember_token` cookie would keep our loader from being asked.
    app.config["REMEMBER_COOKIE_NAME"] = "\0"
    login = LoginManager(app, add_context_processor=False)
    login.request_loader(lambda _request: current_user_or_none())
    # It would look for its remember-me cookie after each request, and make every answer vary with the cookie.
    app.after_request_funcs[None].remove(login._update_remember_cookie)  # noqa: SLF001
    principal = Principal(app, use_sessions=False)
    count_identities = _counter(app)

    @principal.identity_loader  # type: ignore[untyped-decorator]
    def identify() -> Identity | None:
        access = access_of(app, request.endpoint or "")
        if nobody_matters(access, request):
            return None
        person = _load(request)
        count_identities()
        return Identity(person.get_id()) if person is not None else None

    @identity_loaded.connect_via(app)  # type: ignore[untyped-decorator]
    def provide(_sender: Flask, identity: Identity) -> None:
        asking = current_user_or_401().actor
        identity.provides |= {UserNeed(asking.id), *(RoleNeed(name) for name, _ in asking.roles)}
        identity.provides |= _needs(asking.permissions)

    # Signals keep weak references only: without this the handler is collected and nobody has any right.
    app.extensions["backoffice.identity"] = (login, principal, identify, provide)


def _counter(app: Flask) -> Callable[[], None]:
    """What passes on how identities were found since it was called last."""
    count = metrics_of(app).counter("identities", "Identities of requests: remembered, read, changed, dropped", "how")
    show = metrics_of(app).gauge("identities_remembered", "Identities that the web processes remember")

    def pass_on() -> None:
        identities = services().identities
        for how, times in identities.counts().items():
            for _ in range(times):
                count(how)
            if how != "remembered":
                show(len(identities))

    return pass_on


def nobody_yet() -> None:
    """The first hook of a request: so that even an error on the way to the identity finds an actor."""
    begin_waits()
    services().identities.begin_request()
    environ = request.environ
    g.actor = g.anonymous = Actor(
        id=ANONYMOUS.id,
        name=ANONYMOUS.name,
        via=VIA_PAGES,
        ip=environ.get("REMOTE_ADDR") or "",
        agent=environ.get("HTTP_USER_AGENT", "")[:MAX_AGENT_HEADER],
        request_id=environ[REQUEST_ID],
    )


def confirm_identity(response: Response) -> Response:
    """The first hook after a view: nothing is answered on the strength of what is remembered alone. Raises
    IdentityChanged."""
    identities = services().identities
    if response.status_code >= 500:  # a failure tells nothing
        identities.begin_request()
    if identities.unconfirmed:
        try:
            identities.confirm()
        except BackofficeError as error:
            response = current_app.make_response(current_app.handle_user_exception(error))
    if response.status_code >= 500:
        end_waits()
    else:
        renew_waits()  # what the answer streams may take its time
    return response


def _load(incoming: Request) -> CurrentUser | None:
    """Whose request is this? Asked once, before the view; Flask-Login's `current_user` is then the same."""
    header = incoming.headers.get("Authorization")
    found = _from_address_or_session(incoming) if header is None else _from_header(header)
    if found is not None:
        g.person, g.actor = found, found.actor
        set_body_pace(incoming.environ, SIGNED_IN)
        identities = services().identities
        if identities.unconfirmed:
            hold_body(incoming.environ, identities.confirm)
        if found.actor.ground is not None:
            keep_confirming(incoming.environ, found.actor.ground.confirm)
        structlog.contextvars.bind_contextvars(user=found.actor.id)
    return found


def _from_header(header: str) -> CurrentUser:
    """The person of a bearer token; NotSignedIn when the header is anything else."""
    scheme, _, text = header.partition(" ")
    text, asking = text.strip(), anonymous()
    if scheme.lower() != "bearer" or not text or len(text) > MAX_CREDENTIAL:
        services().tokens.refuse(replace(asking, via="api"), "no bearer token")
        raise NotSignedIn("The Authorization header is not a valid bearer token.")
    found = services().tokens.authenticate(
        text, ip=asking.ip, agent=asking.agent, request_id=asking.request_id, remembered=_may_be_remembered()
    )
    if found is None:
        services().identities.begin_request()
        raise NotSignedIn(NOT_VALID)
    g.bearer = True
    return CurrentUser(*found)


def _from_address_or_session(incoming: Request) -> CurrentUser | None:
    """The owner of an upload whose secret is in the address, or else who is signed in. NotFound where a secret lets
    nobody in: whether there is such an upload is not said."""
    upload_id, secret = split_address((incoming.view_args or {}).get(UPLOAD_ADDRESS, ""))
    if not secret:
        return _from_session(incoming)
    asking = anonymous()
    owner = services().upload_secrets.authenticate(
        upload_id, secret, ip=asking.ip, agent=asking.agent, request_id=asking.request_id
    )
    if owner is not None:
        g.bearer = True
        return CurrentUser(*owner)
    found = _from_session(incoming)
    if found is None:
        raise NotFound
    return found


def _from_session(incoming: Request) -> CurrentUser | None:
    secret = session_secret(incoming)
    if not secret or len(secret) > MAX_CREDENTIAL:
        return None
    asking = anonymous()
    found = services().sessions.authenticate(
        secret,
        ip=asking.ip,
        agent=asking.agent,
        via=VIA_PAGES,
        request_id=asking.request_id,
        remembered=_may_be_remembered(),
    )
    if found is None:
        services().identities.begin_request()
        return None
    return CurrentUser(found.actor, found.user, found.session)


def _may_be_remembered() -> bool:
    return IDENTITY_CHANGED not in request.environ


@lru_cache(maxsize=1024)
def _needs(permissions: frozenset[Permission]) -> frozenset[Need]:
    return frozenset(map(_need, permissions))


def _need(permission: Permission) -> Need:
    return Need("permission", str(permission))
