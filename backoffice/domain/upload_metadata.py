"""What a tus client says of its upload (`Upload-Metadata`, tus 1.0.0, "Creation"): keys, each with a value in Base64.

Nothing has to be said, and what is said is the client's own: four keys are read here, under the names that clients
give them, and all come back as they were sent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from backoffice.domain.files import FileSpec
from backoffice.domain.folders import Place
from backoffice.domain.limits import MAX_UPLOAD_METADATA
from backoffice.errors import Invalid

FIELD: Final = "Upload-Metadata"
NAMELESS: Final = "unnamed"
"""The name of a file of which none was said."""
_KEY: Final = re.compile(r"[!-+\--~]+")
_NAMES: Final = ("filename", "name")
_TYPES: Final = ("filetype", "type")
_FOLDERS: Final = ("folder",)
_PATHS: Final = ("folder_path",)


def parse_metadata(text: str) -> dict[str, bytes]:
    """Keys and values. Raises Invalid where it is not of that form, a key comes twice, or it is too long."""
    if len(text) > MAX_UPLOAD_METADATA:
        raise Invalid(f"{FIELD} has at most {MAX_UPLOAD_METADATA} characters.", field=FIELD)
    found: dict[str, bytes] = {}
    for pair in text.split(",") if text.strip(" ") else ():
        key, _, value = pair.strip(" ").partition(" ")
        if not _KEY.fullmatch(key):
            raise Invalid(f"{FIELD}: a key has printable ASCII characters, and no space or comma.", field=FIELD)
        if key in found:
            raise Invalid(f"{FIELD}: a key comes twice.", field=FIELD)
        try:
            found[key] = base64.b64decode(value.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise Invalid(f"{FIELD}: a value is not Base64 (RFC 4648, section 4).", field=FIELD) from None
    return found


def spec_of(text: str, name: str = NAMELESS) -> FileSpec:
    """The file that an upload of this metadata becomes; `name`: where it says none. Raises Invalid."""
    said = parse_metadata(text)
    return FileSpec(name=_text(said, _NAMES) or name, mime_type=_text(said, _TYPES), folder=_text(said, _FOLDERS))


def place_of(text: str) -> Place:
    """Where it says that the file goes. Raises Invalid."""
    said = parse_metadata(text)
    path = _text(said, _PATHS)
    return Place.of(_text(said, _FOLDERS), path.split("/") if path else ())


def metadata_of(name: str, mime_type: str) -> str:
    """What a client says of a file that is so called, under the names that nearly all give."""
    said = {_NAMES[0]: name, _TYPES[0]: mime_type}
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())


def _text(said: Mapping[str, bytes], keys: tuple[str, ...]) -> str:
    """The first value under these keys that is not empty."""
    value = next((said[key] for key in keys if said.get(key)), b"")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Invalid(f"{FIELD}: the value of {keys[0]} is not UTF-8.", field=FIELD) from None
