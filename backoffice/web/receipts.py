"""What a guest of a request for files keeps of what they delivered: a text."""

from __future__ import annotations

from collections.abc import Sequence

from backoffice.domain.deliveries import Delivered
from backoffice.domain.times import rfc3339
from backoffice.services.link_requests import OpenRequest


def receipt_text(opened: OpenRequest, delivered: Sequence[Delivered], code: str) -> str:
    """Names, sizes, SHA-256 and times (UTC), and the code by which the guest is known again."""
    lines = [
        f"Delivered to {opened.sharer}: {opened.link.name}",
        f"Receipt code: {code}",
        "",
    ]
    for one in delivered:
        digest = one.sha256 or "(not known yet)"
        size = "" if one.size is None else f"{one.size} bytes, "
        state = "waits to be accepted" if one.waiting else "accepted"
        lines += [one.name, f"  {size}{rfc3339(one.created_at)}, {state}", f"  SHA-256 {digest}", ""]
    return "\n".join(lines)
