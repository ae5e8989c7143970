"""Which downloads by share links a browser has begun: a signed cookie, so that a download that was cut goes on without
being counted again.

Nothing of it is stored. It says no more than that a download was counted; whether the link is open is asked each time.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Final

from flask import after_this_request, request
from flask.wrappers import Response
from werkzeug.http import parse_range_header

from backoffice.domain.ids import is_id
from backoffice.domain.limits import LINK_AGAIN_SECONDS, LINK_TICKET_SECONDS
from backoffice.web.context import settings
from backoffice.web.cookies import LINKS, cookie_name, is_secure

MOST: Final = 10
"""Links that a browser has tickets for; with one more the oldest goes."""
_LONGEST: Final = 1_500


def _mac(key: bytes, link_id: str, begun: int) -> str:
    return hmac.new(key, f"share link {link_id} {begun}".encode(), hashlib.sha256).hexdigest()


def _keys() -> list[bytes]:
    """The first signs, all verify."""
    return [key.reveal().encode() for key in settings().secret_keys]


def _held() -> dict[str, int]:
    """Link -> when its download began (s), without those whose time is over: the cookie is `<link>.<begun>.<mac>` for
    each, with `/` between them."""
    text = request.cookies.get(cookie_name(LINKS), "")
    least, found = time.time() - LINK_TICKET_SECONDS, {}
    for one in text.split("/")[:MOST] if text.isascii() and len(text) <= _LONGEST else ():
        link_id, _, rest = one.partition(".")
        begun, _, mac = rest.partition(".")
        if not (is_id(link_id) and begun.isdigit() and len(begun) < 12 and int(begun) > least):
            continue
        if any(hmac.compare_digest(mac, _mac(key, link_id, int(begun))) for key in _keys()):
            found[link_id] = int(begun)
    return found


def has_ticket(link_id: str) -> bool:
    """Whether this browser has begun a download by this link lately, and goes on with it: what begins with the first
    byte once more is the same download for some minutes only."""
    return link_id in _held() and (_goes_on() or just_begun(link_id))


def just_begun(link_id: str) -> bool:
    """Whether it was begun so lately that the whole may be sent once more."""
    begun = _held().get(link_id)
    return begun is not None and time.time() - begun < LINK_AGAIN_SECONDS


def _goes_on() -> bool:
    """Whether what is asked for begins further on in the file, as after a cut."""
    wanted = parse_range_header(request.headers.get("Range"))
    return wanted is not None and all((start or 0) > 0 for start, _ in wanted.ranges)


def give_ticket(link_id: str) -> None:
    """Let the browser go on with the download that begins with this answer."""
    held = _held() | {link_id: int(time.time())}
    newest = sorted(held.items(), key=lambda one: one[1])[-MOST:]
    key = _keys()[0]
    value = "/".join(f"{one}.{begun}.{_mac(key, one, begun)}" for one, begun in newest)

    @after_this_request
    def give(response: Response) -> Response:
        response.set_cookie(
            cookie_name(LINKS),
            value,
            max_age=LINK_TICKET_SECONDS,
            secure=is_secure(request, settings()),
            httponly=True,
            samesite="Lax",
            path="/",
        )
        return response
