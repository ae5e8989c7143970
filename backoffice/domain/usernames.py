"""Names of users: which there can be, and which count as the same or look alike (UTS 39).

Letters, marks and digits of one script recommended for identifiers; Japanese and Korean with Han and, as UTS 39 has it
("highly restrictive"), with Latin. Two users never look alike: the store keeps one user for each `look`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final

from backoffice.domain.limits import MAX_USERNAME
from backoffice.domain.text import fold
from backoffice.domain.unicode_tables import COMMON, CONFUSABLE, SCRIPTS
from backoffice.errors import Invalid

_TOGETHER: Final = tuple(frozenset(scripts.split()) for scripts in (*SCRIPTS, "Latn Hani Hira Kana", "Latn Hani Hang"))
"""Scripts that one name may be written in."""
_INSIDE: Final = frozenset(".@+_-")
_SOFT_DOT: Final = re.compile("[ijl\u0131\u0237]\u0307")
_MARKS: Final = 4
"""Marks on one letter; no language needs more."""

RESERVED: Final = ("anonymous", "demo", "nobody", "root", "setup", "worker")
"""Names under which the site itself, or nobody, stands in the log."""
SYSTEM: Final = "system"
"""So does whatever begins like this."""


@cache
def _ranges() -> Sequence[tuple[int, int, str]]:
    """First and last character of each range, and its script; COMMON is that of all of them."""
    return [
        (int(start, 16), int(end or start, 16), script)
        for script, ranges in (*SCRIPTS.items(), ("", COMMON))
        for start, _, end in (one.partition("-") for one in ranges.split())
    ]


@lru_cache(maxsize=4096)
def _scripts(char: str) -> frozenset[str]:
    """The scripts that have this letter, mark or digit; none where there can be no such one in a name."""
    found = frozenset(script for start, end, script in _ranges() if start <= ord(char) <= end)
    return frozenset(SCRIPTS) if "" in found else found


@cache
def _prototypes() -> Mapping[int, str]:
    """What characters look like, as `str.translate` takes it."""
    entries = (entry.split(":") for entry in CONFUSABLE.split())
    return {int(code, 16): "".join(chr(int(one, 16)) for one in seen.split(",")) for code, seen in entries}


def clean_username(username: str, *, reserved: bool = False) -> str:
    """The name in NFKC, or `Invalid`. For names that are given: who has a name that an older version took keeps it.
    `reserved`: it may be one of those, as the settings of the site itself say it."""
    username = username.strip()
    if len(username) <= 4 * MAX_USERNAME:  # composing takes the square of the marks, and four make one at most
        username = unicodedata.normalize("NFKC", username)
    if not 0 < len(username) <= MAX_USERNAME or not _is_spelled(username) or _has_odd_marks(username):
        raise Invalid(
            f"A user name has 1 to {MAX_USERNAME} letters, digits and . _ - + @ between them.",
            field="username",
        )
    if not _is_of_one_script(username):
        raise Invalid(
            "A user name uses the letters and digits of one script, so that no two look alike.", field="username"
        )
    if not reserved and _is_reserved(username):
        raise Invalid("This name is reserved for the site itself.", field="username")
    return username


def same_name(username: str) -> str:
    """The form under which user names are unique."""
    return fold(username)


@lru_cache(maxsize=4096)
def look(username: str) -> str:
    """The form under which no two user names look alike: the skeleton of UTS 39, without case. As case says nothing in
    a name, and I is an l to the eye, i and l are one as well."""
    return fold(_skeleton(fold(_skeleton(unicodedata.normalize("NFKC", username))))).replace("i", "l")


def _skeleton(text: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).translate(_prototypes()))


def _is_reserved(username: str) -> bool:
    seen = look(username)
    return seen.startswith(look(SYSTEM)) or seen in {look(name) for name in RESERVED}


def _is_spelled(username: str) -> bool:
    ends = _scripts(username[0]) and (username[-1] == "_" or _scripts(username[-1]))
    return bool(ends) and all(char in _INSIDE or _scripts(char) for char in username)


def _is_of_one_script(username: str) -> bool:
    of_each = {_scripts(char) for char in username if char not in _INSIDE}
    digits = {ord(char) - int(unicodedata.decimal(char)) for char in username if char.isdecimal()}
    return len(digits) <= 1 and any(all(names & scripts for names in of_each) for scripts in _TOGETHER)


def _has_odd_marks(username: str) -> bool:
    """Marks that hide or pile up: on no letter, the same one twice, a dot where there is one, or too many."""
    parts = unicodedata.normalize("NFD", username)
    marks = "".join("m" if unicodedata.category(char).startswith("M") else "-" for char in parts)
    twice = any(one == other and unicodedata.category(one) == "Mn" for one, other in pairwise(parts))
    nowhere = any(
        mark == "m" and not before.isalnum() and base != "m"
        for (before, mark), base in zip(zip(parts, marks[1:], strict=False), marks, strict=False)
    )
    return marks.startswith("m") or nowhere or twice or "m" * (_MARKS + 1) in marks or bool(_SOFT_DOT.search(parts))
