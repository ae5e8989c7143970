"""The request headers of tus 1.0.0, read strictly, and the answer that is due to each error."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from flask import Request

from backoffice.domain.uploads import FINAL, PARTIAL
from backoffice.errors import (
    BackofficeError,
    BodyCut,
    ChecksumMismatch,
    Completing,
    Invalid,
    OffsetMismatch,
    UnsupportedBody,
    UnsupportedVersion,
    UploadClosed,
)
from backoffice.services.uploads.checked_body import ALGORITHMS, Checksum
from backoffice.web.api.parsing import MAX_BYTES, MAX_DIGITS
from backoffice.web.errors import status_of

VERSION: Final = "1.0.0"
RESUMABLE: Final = "Tus-Resumable"
OFFSET_OCTETS: Final = "application/offset+octet-stream"
MISMATCH: Final = 460
"""tus 1.0.0, "Checksum": of its own."""


_SOON: Final = {"Retry-After": "1"}


def check_version(request: Request) -> None:
    """Raises UnsupportedVersion: the header is part of every request but OPTIONS."""
    if request.headers.get(RESUMABLE) != VERSION:
        raise UnsupportedVersion(f"{RESUMABLE}: {VERSION} has to be sent.")


def number(request: Request, name: str) -> int | None:
    """A number of bytes; None where the header is not there. Raises Invalid for what is not digits alone."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) <= MAX_BYTES):
        raise Invalid(f"{name} is a whole number, written in digits only.", field=name)
    return int(text)


def announced(request: Request) -> int | None:
    """`Upload-Length`, None with `Upload-Defer-Length: 1`. Raises Invalid unless it is one of the two."""
    length, deferred = number(request, "Upload-Length"), request.headers.get("Upload-Defer-Length")
    if deferred not in {None, "1"}:
        raise Invalid("Upload-Defer-Length is 1, or is left out.", field="Upload-Defer-Length")
    if (length is None) is (deferred is None):
        raise Invalid("Send Upload-Length or Upload-Defer-Length, and not both.", field="Upload-Length")
    return length


def checksum_of(request: Request) -> Checksum | None:
    """`Upload-Checksum: <algorithm> <Base64>`. Raises Invalid."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Invalid(f"Upload-Checksum: the algorithms are {' and '.join(ALGORITHMS)}.", field="Upload-Checksum")
    try:
        digest = base64.b64decode(value.strip().encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        digest = b""
    if len(digest) != ALGORITHMS[algorithm]:
        raise Invalid(f"Upload-Checksum: the value is not {algorithm} in Base64.", field="Upload-Checksum")
    return Checksum(algorithm, digest)


def concat_of(request: Request) -> tuple[bool, tuple[str, ...]]:
    """`Upload-Concat`: whether it is to be a part, and the last parts of the addresses of which it is to be made; none
    of both where the header is not there. Raises Invalid."""
    text = request.headers.get("Upload-Concat")
    if text is None or text.strip() == PARTIAL:
        return text is not None, ()
    kind, _, listed = text.partition(";")
    addresses = tuple(_last_part(one) for one in listed.split())
    if kind.strip() != FINAL or not addresses or "" in addresses:
        raise Invalid("Upload-Concat: `partial`, or `final;` and addresses of uploads.", field="Upload-Concat")
    if "Upload-Length" in request.headers or "Upload-Defer-Length" in request.headers or has_body(request):
        raise Invalid("What is made of others has the length and the bytes of those.", field="Upload-Concat")
    return False, addresses


def _last_part(address: str) -> str:
    try:
        return urlsplit(address).path.rpartition("/")[2]
    except ValueError:
        return ""


def has_body(request: Request) -> bool:
    """Whether bytes come, or may come."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def check_type(request: Request) -> None:
    """Raises UnsupportedBody unless the bytes come under the one type that they may have."""
    if request.mimetype != OFFSET_OCTETS:
        raise UnsupportedBody(f"Send the bytes as {OFFSET_OCTETS}.")


def status_and_headers(error: BackofficeError) -> tuple[int, Mapping[str, str]]:
    """What tus says for it. Clients give an upload up after a 400 and begin it anew after a 404, and try again after a
    5xx: so what will be over in a moment, and a body that stopped, of which all is kept that came, are a 503."""
    match error:
        case ChecksumMismatch():
            return MISMATCH, {}
        case OffsetMismatch():
            return status_of(error), {"Upload-Offset": str(error.details["offset"])}
        case UnsupportedVersion():
            return status_of(error), {"Tus-Version": VERSION}
        case UploadClosed() if error.details.get("state") == FINAL:
            return 403, {}
        case UploadClosed() if error.details.get("state") == "completing":
            return 503, _SOON
        case Completing() | BodyCut():
            return 503, _SOON
    return status_of(error), {}
