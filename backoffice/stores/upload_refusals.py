"""What `upload.lua` refuses, as errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backoffice.domain.uploads import IN_ORDER
from backoffice.errors import (
    BackofficeError,
    ChunkConflict,
    ChunksMissing,
    Completing,
    Conflict,
    Invalid,
    NotFound,
    OffsetMismatch,
    QuotaExceeded,
    TooLarge,
    Unavailable,
    UploadClosed,
)
from backoffice.stores.chunk_maps import unpack_map


def refusal_of(status: str, rest: Sequence[Any]) -> BackofficeError:
    """What a status of `upload.lua` means."""
    match status:
        case "missing":
            return NotFound()
        case "closed":
            return UploadClosed(state=rest[0].decode())
        case "stream":
            return Conflict("This upload goes on in order, by another program.", state=IN_ORDER)
        case "cut":
            return Conflict("This upload was cut otherwise.")
        case "conflict":
            return ChunkConflict(chunk_index=int(rest[0]))
        case "offset":
            return OffsetMismatch(offset=int(rest[0]))
        case "too_big":
            return TooLarge("The chunks are larger than the file was announced or may be.")
        case "quota":
            return QuotaExceeded(limit=int(rest[0]))
        case "size":
            return Invalid("The length of this upload was declared before.", field="size", size=int(rest[0]))
        case "busy":
            return Completing(retry_after=1)
        case "incomplete":
            return ChunksMissing(missing=unpack_map(rest[3], rest[2], int(rest[1])).missing)
        case "lost":
            return Unavailable()
    return Conflict(status)
