"""Checksums of what is sent: in header fields (RFC 9530), and in a field of a form, a query or JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from flask import Request
from pydantic import Field

from backoffice.errors import Invalid

DIGEST: Final = "RFC 9530: `sha-256=:<Base64>:`; the server checks it"
"""How the description explains a digest field."""
Checksum = Annotated[str, Field(pattern=r"^sha256:[0-9a-fA-F]{64}$")]
"""`sha256:` and 64 hexadecimal digits."""


def checksum_bytes(checksum: str | None) -> bytes | None:
    """The digest in a `Checksum`."""
    return bytes.fromhex(checksum.removeprefix("sha256:")) if checksum else None


def digest_field(request: Request, header: str) -> bytes | None:
    """SHA-256 of a digest field (RFC 9530), beside which other algorithms may stand. Raises Invalid when there are only
    others: who asked for a check must not believe that it was made."""
    text = request.headers.get(header, "")
    if not text:
        return None
    members = [one.strip() for one in text.split(",") if one.strip().lower().startswith("sha-256=")]
    if not members:
        raise Invalid(f"{header}: of the algorithms, sha-256 is the one that is checked here.", field=header)
    value = members[-1].partition("=")[2]  # the last of a key counts (RFC 8941, section 4.2.2)
    try:
        digest = base64.b64decode(value.strip(":").encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        digest = b""
    if len(digest) != 32 or not (value.startswith(":") and value.endswith(":")):
        raise Invalid(f"{header} is not of the form sha-256=:<Base64>:.", field=header)
    return digest


def single_digest(*given: bytes | None) -> bytes | None:
    """The one digest among those given; Invalid when two differ."""
    found = {one for one in given if one is not None}
    if len(found) > 1:
        raise Invalid("The checksums given differ from each other.", field="checksum")
    return found.pop() if found else None
