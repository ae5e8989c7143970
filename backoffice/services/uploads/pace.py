"""How fast an upload comes, as far as its record tells."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.services.uploads.limits import CONNECTION_SECONDS, UploadLimits

STILL_MS = 60_000
"""After so long without a chunk it is said to stand still."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed`: bytes a second, on average from the beginning to the last chunk; 0: nothing to tell yet. `left`: seconds
    until all is there, None where that cannot be said. `still_ms`: how long nothing has come, 0 while it comes."""

    speed: int
    left: int | None
    still_ms: int


def pace_of(upload: Upload, limits: UploadLimits, now: int) -> Pace:
    """At `now` (ms). When the last chunk came is told by the time of expiry, which each chunk moves."""
    last = _last_sign(upload, limits, now)
    took, quiet = last - upload.created_at, now - last
    speed = upload.bytes * 1000 // took if took >= 1000 else 0
    still = quiet if quiet >= STILL_MS else 0
    left = None
    if upload.size != UNKNOWN and speed and not still:
        left = max(0, upload.size - upload.bytes) // speed
    return Pace(speed, left, still)


def _last_sign(upload: Upload, limits: UploadLimits, now: int) -> int:
    """When it was begun or a chunk came last. One that comes in one body expires sooner; near the end of its days an
    upload does not get more time, and then it may seem to stand still for longer than it does."""
    spans = (limits.upload_seconds, min(limits.upload_seconds, CONNECTION_SECONDS))
    signs = (upload.expires_at - seconds * 1000 for seconds in spans)
    return max((sign for sign in signs if upload.created_at <= sign <= now), default=upload.created_at)
