"""Folding text for comparison, and the words of a text for search."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")
MAX_WORDS = 12
MAX_WORD = 40
MAX_FOLD = 4096
"""Characters of a text that are looked at: to bring combining marks into order takes the square of their number, and
what is kept anywhere is shorter."""


def fold(text: str) -> str:
    """The form under which two texts count as the same: NFKC, case folded, NFKC again (Unicode TR 31)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[:MAX_FOLD]).casefold())


def words(text: str) -> tuple[str, ...]:
    """The distinct folded words of `text` in order, at most 12 of at most 40 characters."""
    found = dict.fromkeys(word[:MAX_WORD] for word in _WORD.findall(fold(text)))
    return tuple(found)[:MAX_WORDS]
