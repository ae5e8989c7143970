"""Where a form may send the browser back to: a path of this site, and nothing else (CWE-601)."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_UP: Final = re.compile(r"/(?:\.|%2e){2}(?:[/?#]|$)", re.IGNORECASE)
"""A step up, as browsers read it."""


def is_local_path(target: str, root: str = "") -> bool:
    """Whether `target` is an absolute path of this site, whatever browsers do to repair it. `root`: the path that the
    site is below, as `/files`; what is beside it on the host belongs to others.

    Browsers drop tabs and line ends, read a backslash as a slash, and take `//host` for another site; addresses made by
    `url_for` have none of these, so anything but plain visible ASCII is refused outright.
    """
    if not target.startswith("/") or target.startswith("//"):
        return False
    if not (target.isascii() and target.isprintable()) or " " in target or "\\" in target:
        return False
    parts = urlsplit(target)
    if root and (not f"{parts.path}/".startswith(f"{root}/") or _UP.search(parts.path)):
        return False
    return not parts.scheme and not parts.netloc
