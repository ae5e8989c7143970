"""Addresses that differ in one identifier, as those of the rows of a list do."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

_STAND_IN: Final = secrets.token_hex(16)
"""Nobody can put it into an address by searching for it."""


class UrlPattern:
    """`UrlPattern(lambda key: url_for("files.details_view", id=key))` gives what the function gives, for any
    identifier; the function is asked once, and not for each row. Good for one request."""

    __slots__ = ("_after", "_before")

    def __init__(self, address_of: Callable[[str], str]) -> None:
        self._before, _, self._after = address_of(_STAND_IN).partition(_STAND_IN)

    def __call__(self, key: str) -> str:
        plain = key if key.isascii() and key.isalnum() else quote(key, safe="")
        return f"{self._before}{plain}{self._after}"
