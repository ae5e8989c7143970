"""Uploads under way, as pages with a tray have them: what their script is told, and rows of the unfinished ones."""

from __future__ import annotations

import json
from typing import Final

from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.services.uploads.limits import UploadLimits

UNFINISHED: Final = 50
"""Unfinished uploads on a page."""
PAGE_CHUNK: Final = 4 * 1024 * 1024
"""Bytes that a browser sends at once: fewer requests than with the store's own chunks, and little to send again."""


def chunk_size(limits: UploadLimits) -> int:
    """What the page's script should send at once."""
    return min(max(limits.chunk_size, PAGE_CHUNK), limits.max_chunk_size)


def unfinished_row(one: Upload, cancel: str) -> dict[str, object]:
    """As a page lists it. `resumable`: a file picked again can go on with it; `cancel`: address of the form."""
    known = one.size != UNKNOWN
    return {
        "id": one.id,
        "cancel": cancel,
        "name": one.name,
        "size": one.size,
        "chunks": one.total_chunks,
        "bytes": one.bytes,
        "percent": one.bytes * 100 // one.size if known and one.size else None,
        "resumable": known and one.total_chunks != UNKNOWN,
        "expires_at": one.expires_at,
        "folder": one.folder,
        "path": json.dumps(one.folder_path),
    }
