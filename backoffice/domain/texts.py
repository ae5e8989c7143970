"""Texts that are written on the page: what they are called, and what their bytes are."""

from __future__ import annotations

from typing import Final

from backoffice.domain.files import OCTETS
from backoffice.domain.limits import MAX_TEXT_WRITTEN
from backoffice.domain.mime_types import guess_type
from backoffice.errors import Invalid

ENDING: Final = ".txt"
PLAIN_TEXT: Final = "text/plain"


def text_name(name: str) -> str:
    """The name of a text, with an ending where it was given none."""
    plain = name.strip(". ")
    return name if not plain or "." in plain else f"{name.strip()}{ENDING}"


def text_type(name: str) -> str:
    """The MIME type of a text of this name: never that of something else, whatever its ending says."""
    found = guess_type(name)
    return PLAIN_TEXT if found == OCTETS or found.partition("/")[0] in {"image", "audio", "video"} else found


def text_bytes(text: str) -> bytes:
    """In UTF-8, with ends of lines of one character, as forms do not send them. Raises Invalid: too long."""
    data = text.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace")
    if len(data) > MAX_TEXT_WRITTEN:
        raise Invalid(
            f"The text is longer than {MAX_TEXT_WRITTEN // 1024} KiB: upload it as a file.",
            field="text",
            limit=MAX_TEXT_WRITTEN,
        )
    return data
