"""The receipt code of a guest: with it somebody shows in another browser that they are the one who delivered before.

It says who the guest is, and a MAC binds that to the link; nothing of it is stored. It has 100 bits, half of them the
MAC, and whoever tries codes is slowed down as one who tries passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from backoffice.domain.limits import MAX_RECEIPT_CODE

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U, which are read wrongly."""
_HALF: Final = 10
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


@dataclass(frozen=True, slots=True)
class GuestCodes:
    """Makes and checks them. `keys`: the first signs, all verify."""

    keys: tuple[bytes, ...] = field(repr=False)

    def new_guest(self) -> str:
        """Somebody who has not been here before."""
        return "".join(secrets.choice(_DIGITS) for _ in range(_HALF))

    def code(self, link_id: str, guest: str) -> str:
        """`XXXXX-XXXXX-XXXXX-XXXXX`."""
        text = guest + _mac(self.keys[0], link_id, guest)
        return "-".join(text[at : at + 5] for at in range(0, 2 * _HALF, 5))

    def guest_of(self, link_id: str, code: str) -> str:
        """Whose code it is, "" where it is none of this link's. Small letters, spaces and what is easily misread are
        taken as they are meant."""
        text = code[:MAX_RECEIPT_CODE].upper().translate(_READ_AS)
        guest, mac = text[:_HALF], text[_HALF:]
        if len(text) != 2 * _HALF or not set(text) <= set(_DIGITS):
            return ""
        known = [hmac.compare_digest(_mac(key, link_id, guest), mac) for key in self.keys]
        return guest if any(known) else ""


def _mac(key: bytes, link_id: str, guest: str) -> str:
    digest = hmac.new(key, f"guest {link_id} {guest}".encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest[:8]) >> 14
    return "".join(_DIGITS[number >> (5 * at) & 31] for at in range(_HALF))
