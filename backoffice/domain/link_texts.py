"""Which files the page of a share link shows as a text, instead of offering them alone."""

from __future__ import annotations

from backoffice.domain.files import File
from backoffice.domain.limits import MAX_LINK_TEXT


def may_be_text(file: File) -> bool:
    """Whether it says that it is one, and is no longer than a page shows."""
    return file.mime_type.startswith("text/") and 0 < file.size <= MAX_LINK_TEXT


def as_text(data: bytes) -> str | None:
    """The text that these bytes are; None where they are none: no UTF-8, or with a NUL, which no page can show."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
