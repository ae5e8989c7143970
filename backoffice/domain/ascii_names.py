"""The name of a file in plain ASCII: for headers that cannot say more, and for whatever else needs a second form of it.

A form of a name that is made after the name was checked can mean something else: full-width dots and slashes fold to
`../`, a name in another script to nothing but its ending, superscripts to the name of a device. So nothing but letters
and digits comes out of folding, and what comes out obeys the rules of names again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from backoffice.domain.limits import MAX_NAME_BYTES

NEUTRAL: Final = "file"
"""What stands where nothing of a name is left."""
_GAP: Final = "\0"
_UNSAFE: Final = frozenset('"%*/:<>?\\|')
"""Syntax of headers, of paths, or of names on some system."""
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_MAX_SUFFIX: Final = 16


def ascii_name(name: str) -> str:
    """`name`, which is clean, in ASCII: a name by itself, without anything that is syntax somewhere, and no device.

    It begins with a dot only where `name` does, and keeps the ending; what cannot be said is `_`, and a part before the
    first dot of which nothing is left is `file`.
    """
    first, *rest = (_part(part) for part in name.split("."))
    if name and name[0] != ".":
        first = first or NEUTRAL
    plain = ".".join((first, *(part or "_" for part in rest)))
    return _cut(defused(plain))


def defused(name: str) -> str:
    """`name`, with `_` before it where it is that of a device on Windows, whatever its ending."""
    return f"_{name}" if _DEVICE.fullmatch(name.partition(".")[0].rstrip()) else name


def _part(part: str) -> str:
    """A piece of a name between dots."""
    if part.isascii():
        return "".join("_" if char in _UNSAFE or not char.isprintable() else char for char in part)
    folded = "".join(_folded(char) for char in part)
    # What is missing at an end leaves no trace; within, one mark for all of it.
    return re.sub(f"{_GAP}+", "_", folded.strip(f"{_GAP} "))


def _folded(char: str) -> str:
    if char.isascii():
        return "_" if char in _UNSAFE or not char.isprintable() else char
    if char.isspace():
        return " "
    found = [one for one in unicodedata.normalize("NFKD", char) if not unicodedata.combining(one)]
    return "".join(one if one.isascii() and one.isalnum() else _GAP for one in found)


def _cut(name: str) -> str:
    """As long as names may be; folding one character can give several."""
    if len(name) <= MAX_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = dot + suffix if stem and len(suffix) <= _MAX_SUFFIX else ""
    return name[: MAX_NAME_BYTES - len(tail)].rstrip(" .") + tail
