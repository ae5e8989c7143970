"""Who a browser has delivered as, by requests for files: a signed cookie.

Nothing of it is stored. It says which guest of a link somebody is, of which password they know, and what they call
themselves; whether the link is open is asked each time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from flask import request

from backoffice.domain.deliveries import GUEST
from backoffice.domain.ids import is_id
from backoffice.domain.links import Link, split_link_token
from backoffice.services.guests import Guest
from backoffice.web.context import settings
from backoffice.web.cookies import GUEST as COOKIE
from backoffice.web.cookies import cookie_name, give_cookie

MOST: Final = 5
"""Links that a browser is known by; with one more the oldest goes, and its receipt code brings it back."""
SECONDS: Final = 365 * 24 * 3600
_LONGEST: Final = 3_000


def proof_of(token: str) -> Guest | None:
    """Which guest of this link the browser is, None where it is none yet."""
    parts = split_link_token(token)
    return _held().get(parts[0]) if parts is not None else None


def give_proof(link: Link, guest: Guest) -> None:
    """Let the browser be that guest from now on."""
    held = {**{one: of for one, of in _held().items() if one != link.id}, link.id: guest}
    newest = list(held.items())[-MOST:]
    give_cookie(COOKIE, "/".join(_entry(_keys()[0], link_id, of) for link_id, of in newest), SECONDS)


def _held() -> dict[str, Guest]:
    """Link -> guest, the newest last: the cookie is `<link>.<guest>.<mark>.<name>.<mac>` for each, with `/` between
    them."""
    text, found = request.cookies.get(cookie_name(COOKIE), ""), {}
    for one in text.split("/")[:MOST] if text.isascii() and len(text) <= _LONGEST else ():
        link_id, guest, mark, name, _ = (*one.split("."), "", "", "", "")[:5]
        if not (is_id(link_id) and GUEST.fullmatch(guest)):
            continue
        of = Guest(guest, mark, _decoded(name))
        if any(hmac.compare_digest(one, _entry(key, link_id, of)) for key in _keys()):
            found[link_id] = of
    return found


def _entry(key: bytes, link_id: str, guest: Guest) -> str:
    said = f"{link_id}.{guest.id}.{guest.mark}.{_encoded(guest.name)}"
    mac = hmac.new(key, f"guest proof {said}".encode(), hashlib.sha256).hexdigest()
    return f"{said}.{mac}"


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""


def _keys() -> list[bytes]:
    """The first signs, all verify."""
    return [key.reveal().encode() for key in settings().secret_keys]
