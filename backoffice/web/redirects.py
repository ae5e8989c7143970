"""Where a browser may be sent: a path of this site, and nothing else (H8, CWE-601)."""

from __future__ import annotations

from backoffice.web.local_paths import is_local_path

MAX_TARGET = 2000


def safe_next(target: str | None, otherwise: str = "/") -> str:
    """`target` when it is a path of this site, else `otherwise`."""
    return target if target and len(target) <= MAX_TARGET and is_local_path(target) else otherwise
