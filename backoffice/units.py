"""Sizes and durations as people write them: `512MiB`, `1.5GB`, `30m`, `7d`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

UNLIMITED: Final = "unlimited"
"""What people write where a size may be none."""
_SIZES: Final = {
    "": 1,
    "b": 1,
    "k": 1024,
    "kb": 1000,
    "kib": 1024,
    "m": 1024**2,
    "mb": 1000**2,
    "mib": 1024**2,
    "g": 1024**3,
    "gb": 1000**3,
    "gib": 1024**3,
    "t": 1024**4,
    "tb": 1000**4,
    "tib": 1024**4,
}
_SHOWN: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_QUANTITY: Final = re.compile(r"(?a:(\d{1,18}(?:\.\d{1,9})?)\s*([A-Za-z]*))")


def parse_size(text: str) -> int:
    """Bytes meant by `text`: a plain number, `kB MB GB TB` (thousands) or `KiB MiB GiB TiB`, `K M G T` (1024s).

    Raises ValueError with a sentence fit for an operator.
    """
    return _parse(text, _SIZES, "a size such as 1048576, 512MiB or 10GB")


def filesize(size: int) -> str:
    """`1536000` -> `1.5 MB` (thousands, as disks and browsers count); below 0 is unknown. All that is shown or
    printed is in these."""
    if size < 0:
        return "unknown"
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_SHOWN) - 1:
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 99.5 else 1
    return f"{value:.{digits}f} {_SHOWN[unit]}"


def written_size(size: int) -> str:
    """A text that `parse_size` reads as exactly `size`, as short as that goes."""
    for name, factor in (
        ("TiB", 1024**4),
        ("TB", 1000**4),
        ("GiB", 1024**3),
        ("GB", 1000**3),
        ("MiB", 1024**2),
        ("MB", 1000**2),
    ):
        if size and size % factor == 0:
            return f"{size // factor} {name}"
    return f"{size} B"


def parse_duration(text: str) -> int:
    """Whole seconds meant by `text`: a plain number, or one with `s m h d w`. Raises ValueError likewise."""
    return _parse(text, _SECONDS, "a duration such as 90, 30m, 12h or 7d")


def _parse(text: str, units: dict[str, int], wanted: str) -> int:
    found = _QUANTITY.fullmatch(text.strip())
    factor = units.get(found[2].lower()) if found else None
    if found is None or factor is None:
        raise ValueError(f"must be {wanted}, not {text!r}")
    value = Decimal(found[1]) * factor
    if value != value.to_integral_value():
        raise ValueError(f"must come to a whole number, not {text!r}")
    return int(value)
