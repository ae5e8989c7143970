"""What a browser may go on with by share links: a signed cookie, so that a download that was cut is not counted again,
and the password of a folder is asked for once.

Nothing of it is stored. It says no more than that a download of this content was counted while the link had this
password, or that the password was right: with another one, or another content of the file, it is worth nothing. Whether
the link is open and what lies in its folder is asked each time.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from flask import after_this_request, request
from flask.wrappers import Response
from werkzeug.http import parse_range_header

from backoffice.domain.ids import is_id
from backoffice.domain.limits import LINK_AGAIN_SECONDS, LINK_TICKET_SECONDS
from backoffice.domain.links import Link
from backoffice.web.context import settings
from backoffice.web.cookies import LINKS, cookie_name, is_secure

FILE: Final = ""
"""That of the link."""
SHOWN: Final = "text"
"""The same, as a text on the page."""
ARCHIVE: Final = "zip"
"""All that lies in a folder."""
_LET_IN: Final = "key"
"""By the password."""
MOST: Final = 15
"""Downloads that a browser has tickets for; with one more the oldest goes."""
MOST_PASSWORDS: Final = 5
_LONGEST: Final = 3_000


class _Ticket(NamedTuple):
    """`subject`: a link, or a link and what of it, `<link>-<what>`; `begun`: when (s), as it stands in the cookie."""

    subject: str
    begun: str
    mac: str


def may_have_ticket(link_id: str, what: str) -> bool:
    """Whether the cookie names one at all: whether it is any good is known only with the link."""
    return any(one.subject == _subject(link_id, what) for one in _held())


def has_ticket(link: Link, what: str, content: str) -> bool:
    """Whether this browser has begun a download by this link lately, and goes on with it: what begins with the first
    byte once more is the same download for some minutes only. `what`: FILE, SHOWN, ARCHIVE, or which file of a
    folder; `content`: that it has now, "" = of an archive."""
    begun = _begun(link.id, what, _counted(link, content))
    return begun is not None and (_goes_on() or just_begun(link, what, content))


def just_begun(link: Link, what: str, content: str) -> bool:
    """Whether it was begun so lately that the whole may be sent once more."""
    begun = _begun(link.id, what, _counted(link, content))
    return begun is not None and time.time() - begun < LINK_AGAIN_SECONDS


def has_proof(link: Link) -> bool:
    """Whether this browser was let in by the password that the link has now."""
    return _begun(link.id, _LET_IN, link.password) is not None


def give_tickets(link: Link, content: str, *what: str) -> None:
    """Let the browser go on with the download of this content that begins with this answer."""
    _give(link.id, what, _counted(link, content))


def give_proof(link: Link) -> None:
    """Let the browser in without asking for the password again."""
    _give(link.id, (_LET_IN,), link.password)


def _subject(link_id: str, what: str) -> str:
    return f"{link_id}-{what}" if what else link_id


def _counted(link: Link, content: str) -> str:
    """What a ticket is bound to."""
    return f"{content} {link.password}"


def _mac(key: bytes, subject: str, begun: str, bound: str) -> str:
    """`bound`: what it is good for alone: the hash of a password, or what `_counted` makes, "" = anything."""
    ending = f" {bound}" if bound else ""
    return hmac.new(key, f"share link {subject} {begun}{ending}".encode(), hashlib.sha256).hexdigest()


def _keys() -> list[bytes]:
    """The first signs, all verify."""
    return [key.reveal().encode() for key in settings().secret_keys]


def _held() -> list[_Ticket]:
    """What the cookie has, the oldest first, without those whose time is over; nothing of it is verified. It is
    `<subject>.<begun>.<mac>` for each, with `/` between them."""
    text = request.cookies.get(cookie_name(LINKS), "")
    least, found = time.time() - LINK_TICKET_SECONDS, []
    for one in text.split("/")[: MOST + MOST_PASSWORDS] if text.isascii() and len(text) <= _LONGEST else ():
        subject, _, rest = one.partition(".")
        begun, _, mac = rest.partition(".")
        link_id, _, what = subject.partition("-")
        known = is_id(link_id) and (what in (FILE, SHOWN, ARCHIVE, _LET_IN) or is_id(what))
        if known and begun.isdigit() and len(begun) < 12 and int(begun) > least and len(mac) == 64:
            found.append(_Ticket(subject, begun, mac))
    return found


def _begun(link_id: str, what: str, bound: str) -> int | None:
    """When it was begun last (s)."""
    subject = _subject(link_id, what)
    good = [
        int(one.begun)
        for one in _held()
        if one.subject == subject
        and any(hmac.compare_digest(one.mac, _mac(key, subject, one.begun, bound)) for key in _keys())
    ]
    return max(good, default=None)


def _goes_on() -> bool:
    """Whether what is asked for begins further on in the file, as after a cut."""
    wanted = parse_range_header(request.headers.get("Range"))
    return wanted is not None and all((start or 0) > 0 for start, _ in wanted.ranges)


def _kept(tickets: Sequence[_Ticket], *, passwords: bool, most: int) -> list[_Ticket]:
    """The newest of one sort."""
    return [one for one in tickets if one.subject.endswith(f"-{_LET_IN}") is passwords][-most:]


def _give(link_id: str, what: Sequence[str], bound: str) -> None:
    """What the browser had it keeps as it was; only what is new is signed."""
    subjects, now = [_subject(link_id, one) for one in what], str(int(time.time()))
    held = [one for one in _held() if one.subject not in subjects]
    held += [_Ticket(one, now, _mac(_keys()[0], one, now, bound)) for one in subjects]
    kept = (*_kept(held, passwords=True, most=MOST_PASSWORDS), *_kept(held, passwords=False, most=MOST))
    value = "/".join(".".join(one) for one in kept)

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
