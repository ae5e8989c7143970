"""Headers of a part of a form (RFC 7578) that change what its bytes mean."""

from __future__ import annotations

from typing import Final

from werkzeug.datastructures import Headers

from backoffice.errors import UnsupportedBody

IDENTITY: Final = frozenset({"", "identity"})
"""Content codings that change nothing."""
PLAIN: Final = frozenset({"", "identity", "binary", "8bit", "7bit"})
"""Likewise transfer encodings of mail, which HTTP does not have."""


def check_part_headers(headers: Headers) -> None:
    """Raises UnsupportedBody for a part that is packed, or a piece of something."""
    if headers.get("Content-Transfer-Encoding", "").strip().lower() not in PLAIN:  # RFC 7578, section 4.7: not in HTTP
        raise UnsupportedBody("Send the parts as they are: Content-Transfer-Encoding is not undone here.")
    if headers.get("Content-Encoding", "").strip().lower() not in IDENTITY or "Content-Range" in headers:
        raise UnsupportedBody("Send the parts as they are, and whole.")
