"""Types of files: what a sender said, or what the ending of the name stands for (RFC 9110, section 8.3)."""

from __future__ import annotations

import mimetypes
import re
from typing import Final

from backoffice.errors import Invalid

OCTETS: Final = "application/octet-stream"
UNSAID: Final = frozenset(
    {
        OCTETS,
        "application/x-www-form-urlencoded",  # curl --data-binary, wget --body-file
        "binary/octet-stream",
        "application/binary",
        "application/x-binary",
        "application/octetstream",
        "application/x-octet-stream",
        "application/unknown",
        "application/x-unknown",
        "unknown/unknown",
        "application/download",
        "application/x-download",
        "application/force-download",
    }
)
"""What tools say of any bytes. Nobody means it of a file, so it counts as nothing said."""

_TOKEN: Final = "[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"  # noqa: S105 - RFC 6838, section 4.2
_MIME: Final = re.compile(f"{_TOKEN}/{_TOKEN}")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_TYPES: Final = mimetypes.MimeTypes()
"""Python's own table, whatever the machine has installed."""
for _suffix, _type in {
    ".md": "text/markdown",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".7z": "application/x-7z-compressed",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
}.items():
    _TYPES.add_type(_type, _suffix)  # what the Python of some versions does not know
_NOT_IN_NAMES: Final = re.compile(r"[/:]")


def guess_type(name: str) -> str:
    """The type that the ending of `name` stands for."""
    # The table takes it for an address otherwise, whose scheme can name a type and whose host can be malformed.
    return _TYPES.guess_type(_NOT_IN_NAMES.sub("_", name))[0] or OCTETS


def clean_mime_type(mime_type: str) -> str:
    """`type/subtype` in lower case without parameters, "" for "". Raises Invalid for what is none; nothing is put in
    its place."""
    if not mime_type:
        return ""
    essence = mime_type.partition(";")[0].strip(" \t").lower()
    if not mime_type.isprintable() or not _MIME.fullmatch(essence):
        raise Invalid("The type of the file is not of the form type/subtype (RFC 6838).", field="mime_type")
    return essence


def mime_type_of(said: str, name: str, kept: str = "") -> str:
    """The type of a file: what its sender said, else the one that it has and keeps, else what its name says. Raises
    Invalid as `clean_mime_type`."""
    essence = clean_mime_type(said)
    return kept or guess_type(name) if not essence or essence in UNSAID else essence
