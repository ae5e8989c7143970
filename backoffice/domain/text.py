"""Folding text for comparison."""

from __future__ import annotations

import re
import unicodedata

from backoffice.domain.invisible import is_readable, plain_spaces
from backoffice.errors import Invalid

_JOINERS = re.compile("[\u200c\u200d]")
MAX_FOLD = 4096
"""Characters of a text that are looked at: to bring combining marks into order takes the square of their number, and
what is kept anywhere is shorter."""


def caseless(text: str) -> str:
    """NFKC, case folded, NFKC again: as it may be shown."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[:MAX_FOLD]).casefold())


def fold(text: str) -> str:
    """The form under which two texts count as the same: `caseless` without joiners, which NFKC_Casefold (Unicode TR 31)
    leaves out, too: two names that differ in them alone look the same to many."""
    folded = caseless(text)
    return folded if folded.isascii() else unicodedata.normalize("NFKC", without_joiners(folded))


def without_joiners(text: str) -> str:
    """The text without what only says how letters are joined."""
    return _JOINERS.sub("", text)


def clean_line(text: str, *, field: str, what: str, least: int = 0, most: int) -> str:
    """The text without spaces around it, and with plain ones in it. Raises Invalid unless it is one line of `least` to
    `most` characters, all of them readable (`is_readable`); `field` is where it was entered, `what` begins the sentence
    that is told."""
    text = plain_spaces(text.strip())
    if least <= len(text) <= most and is_readable(text) and text.encode("utf-8", "replace").decode() == text:
        return text
    raise Invalid(f"{what} is one line of {f'{least} to' if least else 'at most'} {most} characters.", field=field)
