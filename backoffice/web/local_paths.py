"""Where a form may send the browser back to: a path of this site, and nothing else (CWE-601)."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_local_path(target: str) -> bool:
    """Whether `target` is an absolute path of this site, whatever browsers do to repair it.

    Browsers drop tabs and line ends, read a backslash as a slash, and take `//host` for another site; addresses made by
    `url_for` have none of these, so anything but plain visible ASCII is refused outright.
    """
    if not target.startswith("/") or target.startswith("//"):
        return False
    if not (target.isascii() and target.isprintable()) or " " in target or "\\" in target:
        return False
    parts = urlsplit(target)
    return not parts.scheme and not parts.netloc
