"""Guests of a request for files: strangers who have its address, and deliver something.

A guest is who holds a proof of the link: of a cookie, or by a receipt code (`guest_codes.py`). Each request asks anew
whether the link is open. What guests then do is in `guest_sending.py`.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from backoffice.domain.access import Actor
from backoffice.domain.deliveries import clean_guest_name, guest_credential
from backoffice.domain.links import Link
from backoffice.domain.permissions import Permissions
from backoffice.domain.versions import Version
from backoffice.errors import BadCredentials
from backoffice.services.deliveries import Deliveries
from backoffice.services.ground import CredentialGround
from backoffice.services.guest_codes import GuestCodes
from backoffice.services.guest_sending import GuestSending
from backoffice.services.link_requests import OpenRequest, Requests
from backoffice.services.sign_in.throttle import consume, link_ways
from backoffice.services.uploads.service import Uploads

GUEST: Final = "a guest"
"""How each of them is called in the log: what they call themselves is nobody's name."""
ROLES: Final = (("guest", frozenset({Permissions.FILES_WRITE})),)


@dataclass(frozen=True, slots=True)
class Guest:
    """Who has shown that they were here before. `mark`: of the link's password that they gave, "" = it had none;
    `name`: what they call themselves."""

    id: str
    mark: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Guests:
    """Every method raises NotFound (recorded) where the link is not open, TooMany after many of these."""

    requests: Requests
    uploads: Uploads
    deliveries: Deliveries
    codes: GuestCodes

    def look(self, visitor: Actor, token: str, guest: Guest | None = None) -> tuple[OpenRequest, bool]:
        """What is requested and by whom, and whether this guest may go on, or has to give the password first. In the
        log once in a while; nothing changes."""
        opened = self.requests.look_request(visitor, token)
        return opened, _may(opened.link, guest)

    def enter(
        self, visitor: Actor, token: str, password: str, code: str, guest: Guest | None, name: str = ""
    ) -> tuple[Link, Guest]:
        """Who they are from now on: the guest of the `code`, where one is given, else who they were, or somebody new;
        `name`: what they call themselves, "" = as before.

        Raises BadCredentials for a wrong password or code (recorded; `details["field"]`), TooMany after many of them,
        Invalid.
        """
        called = clean_guest_name(name)
        link = self.requests.open_request(visitor, token).link
        known, found = _may(link, guest), ""
        if not known or code:
            way = consume(self.requests.throttle, link_ways(link.id, visitor.ip))
            if not known and not self.requests.passwords.verify(link.password, password):
                raise self._refusal(visitor, link, "password", "This is not the password of the link.")
            found = self.codes.guest_of(link.id, code) if code else ""
            if code and not found:
                raise self._refusal(visitor, link, "code", "This is no receipt code of this request.")
            self.requests.throttle.succeed(way)
        found = found or (guest.id if guest is not None else self.codes.new_guest())
        return link, Guest(found, _mark(link), called or (guest.name if guest is not None else ""))

    def receipt_code(self, link: Link, guest: Guest) -> str:
        """What a guest keeps, to be known again in another browser."""
        return self.codes.code(link.id, guest.id)

    def sending(self, visitor: Actor, token: str, guest: Guest | None) -> GuestSending:
        """What this guest may do by this link. Raises BadCredentials where it takes a password that was not given."""
        opened = self.requests.open_request(visitor, token)
        if guest is None or not _may(opened.link, guest):
            raise BadCredentials("Open the page of this request first.", field="password")
        actor = self._actor(visitor, token, guest, opened)
        throttle = self.requests.throttle
        return GuestSending(actor, opened.link, self.uploads, self.deliveries, throttle, guest.name)

    def _actor(self, visitor: Actor, token: str, guest: Guest, opened: OpenRequest) -> Actor:
        """Somebody who may write within the owner's files, as long as the link is open."""
        link = opened.link
        actor = replace(
            visitor,
            id=link.id,
            name=GUEST,
            roles=ROLES,
            credential=guest_credential(link.id, guest.id),
            acts_for=link.owner,
        )

        def read() -> tuple[Actor, Sequence[Version]]:
            again = self.requests.open_request(visitor, token)
            if not _may(again.link, guest):
                raise BadCredentials("The password of the link is another one now.", field="password")
            return actor, again.versions

        return replace(actor, ground=CredentialGround(opened.versions, read, lambda _: False))

    def _refusal(self, visitor: Actor, link: Link, field: str, told: str) -> BadCredentials:
        self.requests.record_refusal(visitor, f"wrong {field}", link)
        return BadCredentials(told, field=field)


def _may(link: Link, guest: Guest | None) -> bool:
    """Whether it takes no password, or this guest gave the one that it has now."""
    return not link.password or (guest is not None and hmac.compare_digest(guest.mark, _mark(link)))


def _mark(link: Link) -> str:
    return sha256(link.password.encode()).hexdigest()[:16] if link.password else ""
