"""What of a file can be looked at without taking it along, and as what. It is a table: whatever is not in it is taken
along, and nothing is sent under a type that a sender made up.

No script of a file ever runs. Text is sent as text whatever it is written in; images are drawn as images, where they
cannot act; sound and film are played. A PDF can act, and is not shown: in a sandboxed frame Chromium shows none at all,
and under the header `Content-Security-Policy: sandbox` it shows one and runs its scripts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.domain.files import OCTETS, File
from backoffice.domain.limits import MAX_IMAGE_SHOWN

PLAIN: Final = "text/plain; charset=utf-8"


class PreviewKind(StrEnum):
    IMAGE = "image"
    TEXT = "text"
    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file is shown. `type`: as what it is sent; of an image, as what it stands in the page that shows it."""

    kind: PreviewKind
    type: str


_AS_THEY_ARE: Final = {
    PreviewKind.IMAGE: ("png", "jpeg", "gif", "webp", "avif", "bmp", "svg+xml"),
    PreviewKind.AUDIO: ("mpeg", "mp4", "aac", "ogg", "flac", "wav", "webm"),
    PreviewKind.VIDEO: ("mp4", "ogg", "webm"),
}
_SHOWN: Final = {
    f"{kind}/{subtype}": Preview(kind, f"{kind}/{subtype}")
    for kind, subtypes in _AS_THEY_ARE.items()
    for subtype in subtypes
} | {
    # Other names of these.
    "image/jpg": Preview(PreviewKind.IMAGE, "image/jpeg"),
    "image/x-ms-bmp": Preview(PreviewKind.IMAGE, "image/bmp"),
    "image/vnd.microsoft.icon": Preview(PreviewKind.IMAGE, "image/x-icon"),
    "image/x-icon": Preview(PreviewKind.IMAGE, "image/x-icon"),
    "audio/mp3": Preview(PreviewKind.AUDIO, "audio/mpeg"),
    "audio/x-wav": Preview(PreviewKind.AUDIO, "audio/wav"),
    "audio/vnd.wave": Preview(PreviewKind.AUDIO, "audio/wav"),
    "audio/x-flac": Preview(PreviewKind.AUDIO, "audio/flac"),
    "audio/mp4a-latm": Preview(PreviewKind.AUDIO, "audio/mp4"),
    "audio/x-m4a": Preview(PreviewKind.AUDIO, "audio/mp4"),
    "audio/opus": Preview(PreviewKind.AUDIO, "audio/ogg"),
    "video/x-m4v": Preview(PreviewKind.VIDEO, "video/mp4"),
    # Browsers play what these hold where it is what an MP4 holds, too.
    "video/quicktime": Preview(PreviewKind.VIDEO, "video/mp4"),
}
_WRITTEN: Final = frozenset(
    {
        "application/json",
        "application/ld+json",
        "application/x-ndjson",
        "application/xml",
        "application/xhtml+xml",
        "application/yaml",
        "application/toml",
        "application/javascript",
        "application/ecmascript",
        "application/sql",
        "application/x-sh",
        "application/x-csh",
        "application/x-httpd-php",
        "message/rfc822",
    }
)
"""Types that are text, besides all of `text/…`."""
_TEXT_NAMES: Final = (
    *(".log", ".ini", ".cfg", ".conf", ".env", ".sql", ".rst", ".tex", ".go", ".rs", ".ts", ".tsx", ".jsx", ".lua"),
    *(".rb", ".php", ".ps1", ".bat", ".diff", ".patch", ".srt"),
)
"""Endings of names of texts whose type is not known. Wrong ones do no harm: what is shown is text in any case."""
_PDF: Final = "application/pdf"


def preview_of(file: File) -> Preview | None:
    """How the file is shown; None where it is not (`why_not_shown`)."""
    found = _SHOWN.get(file.mime_type)
    if found is None and is_text(file):
        return Preview(PreviewKind.TEXT, PLAIN)
    if found is not None and found.kind is PreviewKind.IMAGE and file.size > MAX_IMAGE_SHOWN:
        return None
    return found


def is_text(file: File) -> bool:
    """Whether it is a text, by its type or, where that is not known, by its name."""
    if file.mime_type == OCTETS:
        return file.name.lower().endswith(_TEXT_NAMES)
    return file.mime_type.startswith("text/") or file.mime_type in _WRITTEN


def why_not_shown(file: File) -> str:
    """Why there is no preview, in a sentence."""
    if file.mime_type in _SHOWN:
        return "The image is too large to be shown here."
    if file.mime_type == _PDF:
        return "PDFs are not shown here: they can hold scripts, which browsers run even where a page may run none."
    return "Files of this type cannot be shown safely."
