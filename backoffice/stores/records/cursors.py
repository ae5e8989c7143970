"""Cursors: where a page ended, as text that is opaque to clients and safe in a URL."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from typing import Any

from backoffice.errors import Invalid
from backoffice.stores.records.collection import score

LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class Mark:
    """The last member seen of a sorted set; `number` is its score, "" where members are ordered by themselves."""

    number: str
    member: str


def encode_cursor(index: str, mark: Mark) -> str:
    """The cursor for what comes after this member of an index."""
    text = json.dumps([index, mark.number, mark.member], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode(errors="surrogatepass")).decode().rstrip("=")


def decode_cursor(cursor: str, index: str, *, numbered: bool) -> Mark:
    """The member that a cursor names. Raises Invalid for one that `encode_cursor` did not make for this index: what a
    client sends ends up in commands."""
    try:
        return _parse(cursor, index, numbered)
    except (ValueError, TypeError, RecursionError):
        raise Invalid("The cursor is not valid for this list.", field="cursor") from None


def is_cursor_of(cursor: str, index: str) -> bool:
    """Whether the cursor says that it was made for this index. Raises nothing."""
    try:
        made_for = _unpacked(cursor)[0]
    except (ValueError, TypeError, LookupError, RecursionError):
        return False
    return bool(made_for == index)


def encode_stretch(index: str, number: int, member: bytes) -> str:
    """The cursor for what comes after this member of the stretch of that number, where several follow each other."""
    return encode_cursor(index, Mark("", f"{number}{member.decode()}"))


def decode_stretch(cursor: str, index: str) -> tuple[int, str]:
    """Number of the stretch and member that a cursor names. Raises Invalid for one that
    `encode_stretch` did not make."""
    member = decode_cursor(cursor, index, numbered=False).member
    if member[:1] not in {"1", "2"}:
        raise Invalid("The cursor is not valid for this list.", field="cursor")
    return int(member[0]), member[1:]


def _unpacked(cursor: str) -> Any:
    if len(cursor) > LONGEST:
        raise ValueError("too long")
    return json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))


def _parse(cursor: str, index: str, numbered: bool) -> Mark:
    made_for, number, member = _unpacked(cursor)
    if made_for != index or not isinstance(member, str) or not isinstance(number, str):
        raise ValueError("made for another list")
    if bool(number) != numbered or not math.isfinite(float(number or 0)):
        raise ValueError("made for another order")
    # Text that cannot be encoded is a ValueError too.
    return Mark(number and score(float(number)), member.encode().decode())
