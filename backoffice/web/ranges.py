"""Which bytes are asked for: `Range` and its conditions as RFC 9110 has them.

Werkzeug answers 416 to whatever it does not like in a `Range`; the RFC wants an unknown unit and a malformed
set ignored.
"""

from __future__ import annotations

import re
from typing import Final

_SET: Final = re.compile(r"bytes\s*=\s*(.*)", re.IGNORECASE | re.DOTALL)
_SPEC: Final = re.compile(r"([0-9]+)-([0-9]*)|-([0-9]+)")
_HUGE: Final = 10**19


class Unsatisfiable(Exception):
    """The range lies outside the file."""


def wanted_range(header: str, size: int) -> tuple[int, int] | None:
    """Bytes [start, stop) of the single range in `header`; None when the whole is to be sent.

    That is: no header, an unit other than bytes, a malformed set, several ranges (which a server may answer with the
    whole), or an empty file's last bytes. Raises Unsatisfiable.
    """
    found = _SET.fullmatch(header.strip())
    specs = [part.strip() for part in found[1].split(",") if part.strip()] if found else []
    if len(specs) != 1:
        return None
    spec = _SPEC.fullmatch(specs[0])
    if spec is None:
        return None
    if spec[3]:
        return _suffix(_number(spec[3]), size)
    first = _number(spec[1])
    last = _number(spec[2]) if spec[2] else _HUGE
    if last < first:
        return None
    if first >= size:
        raise Unsatisfiable
    return first, min(last + 1, size)


def _suffix(length: int, size: int) -> tuple[int, int] | None:
    if length == 0:
        raise Unsatisfiable
    return (max(0, size - length), size) if size else None


def _number(digits: str) -> int:
    """No file has more bytes than fit in 19 digits, and Python refuses to read thousands of them."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) < 19 else _HUGE
