"""The type of a file whose sender did not say it."""

from __future__ import annotations

import mimetypes
import re
from typing import Final

from backoffice.domain.files import OCTETS

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
