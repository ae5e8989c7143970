"""Addresses that differ in one argument, as those of the rows of a list do."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from flask import url_for

_MARK: Final = "0x0x0"
"""What no address of ours has before the argument that it stands for."""


class UrlPattern:
    """`UrlPattern("files.details_view", "id")(file.id)` is `url_for("files.details_view", id=file.id)`, but `url_for` is
    asked once, and not for each row. `others` are the arguments that are always the same. Good for one request."""

    __slots__ = ("_after", "_before")

    def __init__(self, endpoint: str, argument: str, **others: Any) -> None:
        # The argument comes first, so that nothing in the others can be taken for it.
        self._before, _, self._after = url_for(endpoint, **{argument: _MARK}, **others).partition(_MARK)

    def __call__(self, value: str) -> str:
        return f"{self._before}{quote(value, safe='')}{self._after}"
