"""The lock in front of every view: signed in, holding the right, coming from our own page, and not too large.

All of it is settled before a byte of the body is parsed. The services decide again, knowing the object.
"""

from __future__ import annotations

from typing import Final, NoReturn

from flask import Flask, current_app, request
from werkzeug.exceptions import LengthRequired

from backoffice.domain.audit import ObjectRef
from backoffice.domain.permissions import Permission
from backoffice.errors import NotAllowed, NotSignedIn, TooLarge
from backoffice.web.body import confirm_first
from backoffice.web.body_headers import check_body_headers
from backoffice.web.client_socket import SMALL_BODY
from backoffice.web.context import services
from backoffice.web.csrf import FORMS, URL_ENCODED, check_csrf
from backoffice.web.identity import actor, holds, uses_bearer
from backoffice.web.route_access import SAFE_METHODS, Access, Who, access_of

MAX_FORM: Final = 256 * 1024


def init_route_guard(app: Flask) -> None:
    """To be set up after the identity, whose hook runs before this one."""
    app.before_request(_check_route)


def _check_route() -> None:
    if request.endpoint is None:
        return  # no such route or method: Flask is about to say so
    access = access_of(current_app, request.endpoint)
    if access is None:
        _refuse("a route for nobody")
    require_access(access)
    if request.method in SAFE_METHODS:
        return
    check_body_headers(request)
    if access.max_body is not None:
        confirm_first(request)
        _check_size(access.max_body if actor().signed_in else min(access.max_body, SMALL_BODY))
    if not uses_bearer():
        check_csrf(body_may_be_read=access.max_body is not None, own_header=access.own_header)


def _check_size(limit: int) -> None:
    request.max_content_length = limit
    if request.mimetype in FORMS and request.content_length is None:
        # Werkzeug would take such a form up to the limit and drop the rest without a word.
        raise LengthRequired
    if request.mimetype == URL_ENCODED:
        # Parsed as a whole, into as many fields as there are: many times its size.
        limit = min(limit, MAX_FORM)
    if (request.content_length or 0) > limit:
        raise TooLarge(f"At most {limit} bytes are taken here.", limit=limit)


def is_permitted(access: Access | None) -> bool:
    """Whether the person asking may call what demands this; what nobody declared (None) is for nobody.

    The gate's own question, and that of pages before they show a way to a route.
    """
    if access is None or access.who is Who.NOBODY:
        return False
    if access.who in (Who.PUBLIC, Who.ASSET):
        return True
    return actor().signed_in and _missing(access) is None


def require_access(access: Access) -> None:
    """Raise NotSignedIn or NotAllowed unless `is_permitted`. That a permission is missing is recorded."""
    if is_permitted(access):
        return
    if not actor().signed_in:
        raise NotSignedIn
    missing = _missing(access)
    _refuse("refused at the door" if missing is not None else "a route for nobody", missing)


def _refuse(because: str, permission: Permission | None = None) -> NoReturn:
    target = ObjectRef("route", request.endpoint or "")
    refusal = NotAllowed(missing=permission or "")
    services().audit.refuse(actor(), because, refusal, permission=permission, target=target)


def _missing(access: Access) -> Permission | None:
    """The first permission that is demanded and not held."""
    if access.permissions and not holds(*access.permissions):
        return access.permissions[0]
    return next((permission for permission in access.also if not holds(permission)), None)
