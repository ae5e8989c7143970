"""Texts that are written on the page: what they are called, and what their bytes are."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from backoffice.domain.files import OCTETS
from backoffice.domain.limits import MAX_TEXT_WRITTEN
from backoffice.domain.mime_types import guess_type
from backoffice.errors import Invalid

ENDING: Final = ".txt"
PLAIN_TEXT: Final = "text/plain"
MARK: Final = b"\xef\xbb\xbf"
"""Some programs begin a text in UTF-8 with it, and take one without it for another encoding."""


def text_name(name: str) -> str:
    """The name of a text, with an ending where it was given none."""
    plain = name.strip(". ")
    return name if not plain or "." in plain else f"{name.strip()}{ENDING}"


def text_type(name: str) -> str:
    """The MIME type of a text of this name: never that of something else, whatever its ending says."""
    found = guess_type(name)
    return PLAIN_TEXT if found == OCTETS or found.partition("/")[0] in {"image", "audio", "video"} else found


class LineEnd(StrEnum):
    """What ends the lines of a text. A form sends each in its own way, so a text that is changed keeps what it had."""

    LF = "lf"
    CRLF = "crlf"

    @property
    def characters(self) -> str:
        return "\r\n" if self is LineEnd.CRLF else "\n"

    @classmethod
    def of(cls, text: str) -> LineEnd:
        """What ends all lines of the text; of one in which both do, LF."""
        return cls.CRLF if "\r\n" in text and text.count("\r\n") == text.count("\n") else cls.LF


def text_of(data: bytes) -> str | None:
    """The text that these bytes are in UTF-8, which a form can hold and give back; None: it would change them."""
    if len(data) > MAX_TEXT_WRITTEN or b"\0" in data:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if _encoded(text, LineEnd.of(text), is_marked(data)) == data else None


def is_marked(data: bytes) -> bool:
    """Whether a text begins with the mark; one that is changed keeps it. It is no character of the text."""
    return data.startswith(MARK)


def text_bytes(text: str, ends: LineEnd = LineEnd.LF, *, marked: bool = False) -> bytes:
    """In UTF-8, with these ends of lines, after the mark where it has one. Raises Invalid: too long."""
    data = _encoded(text, ends, marked)
    if len(data) > MAX_TEXT_WRITTEN:
        raise Invalid(
            f"The text is longer than {MAX_TEXT_WRITTEN // 1024} KiB: upload it as a file.",
            field="text",
            limit=MAX_TEXT_WRITTEN,
        )
    return data


def _encoded(text: str, ends: LineEnd, marked: bool) -> bytes:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return (MARK if marked else b"") + plain.replace("\n", ends.characters).encode(errors="replace")
