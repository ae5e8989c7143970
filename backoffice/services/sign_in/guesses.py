"""How many guesses a password takes of somebody who knows what people choose, and what is known of its owner."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Final

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

from backoffice.domain.invisible import without_invisible
from backoffice.domain.text import fold
from backoffice.errors import WeakPassword

LEAST_GUESSES: Final = 10**8
"""What an attacker with 10,000 networks tries in nine years (`docs/security.md`, "Guessing")."""
JUDGED: Final = 72
"""Characters; what comes after them makes no password weaker, and to judge takes the square of the length."""
LEAST_WORD: Final = 3
"""Characters of an own word that is looked for: shorter ones are in everything."""
PRODUCT: Final = "backoffice"
_BLANK: Final = "\u2800"  # the Braille pattern without dots

_STANDS_FOR_LETTERS: Final = sorted({char for chars in L33T_TABLE.values() for char in chars})
_HIDDEN: Final = {ord(c): 0xE000 + n for n, c in enumerate(_STANDS_FOR_LETTERS) if not c.isdigit()}
MOST_STAND_INS: Final = 6
"""Kinds of characters that stand for letters (`p@$$w0rd!`) in a password in which signs are read so: with all of them
there are 736 readings, which would be looked up for seconds."""

_one_at_a_time = Lock()
"""zxcvbn keeps the own words of the person it judges for in a table of its module."""


def check_guesses(password: str, own: Iterable[str]) -> None:
    """Raises WeakPassword where fewer than `LEAST_GUESSES` find it, or where nothing of it is seen. `own`: names,
    addresses and hosts that an attacker would try first."""
    looks = unicodedata.normalize("NFKC", password)
    seen = "".join(without_invisible(char) for char in looks if unicodedata.category(char) != "Cc" and char != _BLANK)
    if not seen.strip():
        raise WeakPassword("A password has characters that can be seen.", field="password")
    if len(set(seen).intersection(_STANDS_FOR_LETTERS)) > MOST_STAND_INS:
        seen = seen.translate(_HIDDEN)
    with _one_at_a_time:
        found = zxcvbn(seen[:JUDGED], sorted({PRODUCT, *_words(own)}))
    if found["guesses"] >= LEAST_GUESSES:
        return
    if any(match.get("dictionary_name") == "user_inputs" for match in found["sequence"]):
        raise WeakPassword("This password is little more than your name; choose another.", field="password")
    raise WeakPassword("This password is among the first that are tried; choose another.", field="password")


def _words(own: Iterable[str]) -> Iterator[str]:
    """Each text, an address without its host, and their parts."""
    for text in map(fold, own):
        for word in (text, text.partition("@")[0], *re.split(r"[\W_]+", text)):
            if len(word) >= LEAST_WORD:
                yield word
