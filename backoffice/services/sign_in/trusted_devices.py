"""Browsers that signed in before: a cookie that proves it, so that an attacker's failures do not lock its owner out."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from backoffice.domain.ids import is_id, new_id

MOST = 5
"""Accounts that one browser is remembered for."""


@dataclass(frozen=True, slots=True)
class TrustedDevices:
    """Makes and checks `<device id>.<mac>.<mac>…`, one MAC for each account that signed in with the browser.

    `keys`: the first signs, all verify. The cookie gives no access; it only chooses where failures are counted.
    """

    keys: tuple[bytes, ...] = field(repr=False)

    def known(self, cookie: str, user_id: str) -> str:
        """The device's id if this user signed in with it before, else ""."""
        device, macs = _split(cookie)
        for key in self.keys if device else ():
            expected = _mac(key, device, user_id)
            if any(hmac.compare_digest(expected, mac) for mac in macs):
                return device
        return ""

    def remember(self, cookie: str, user_id: str) -> str:
        """The cookie with this user in it; a new one if `cookie` is none of ours. "" where there is no key to sign."""
        if not self.keys:
            return ""
        device, macs = _split(cookie)
        if not device:
            device, macs = new_id(), []
        mac = _mac(self.keys[0], device, user_id)
        return ".".join([device, mac, *[other for other in macs if other != mac][: MOST - 1]])


def _mac(key: bytes, device: str, user_id: str) -> str:
    return hmac.new(key, f"device {device} {user_id}".encode(), hashlib.sha256).hexdigest()


def _split(cookie: str) -> tuple[str, list[str]]:
    """Device id and MACs; "" for a cookie of another form."""
    device, *macs = cookie[:1000].split(".")
    if not cookie.isascii() or not is_id(device):
        return "", []
    return device, macs[:MOST]
