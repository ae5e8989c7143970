"""What is a character at all, and which are seen: by our own table, and as far as this Python knows."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from backoffice.client.partial_file import safe_name
from backoffice.domain.files import clean_name
from backoffice.domain.invisible import has_invisible, has_no_character
from backoffice.domain.text import clean_line
from backoffice.errors import Invalid

SPACES = "\u00a0\u1680\u2000\u2003\u2009\u200a\u202f\u205f\u3000"


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_all_spaces_are_the_one_of_ascii(space: str) -> None:
    assert clean_name(f"Screenshot at 3.45{space}PM.png") == "Screenshot at 3.45 PM.png"
    assert clean_line(f"a{space}b", field="f", what="It", most=9) == "a b"
    assert safe_name(f"a{space}b", "the id") == "a b"
    for ends in (f"{space}a", f"a{space}"):
        with pytest.raises(Invalid):
            clean_name(ends)


def test_what_is_a_character_does_not_depend_on_python() -> None:
    """Of what this Python knows nothing is refused as unassigned, and nothing private or half is taken."""
    for code in range(sys.maxunicode + 1):
        kind, odd = unicodedata.category(chr(code)), has_no_character(chr(code))
        assert odd if kind in {"Co", "Cs"} else not odd or kind == "Cn", hex(code)


def test_all_that_is_ignored_when_it_is_shown_is_refused_alone() -> None:
    """By what this Python knows: format characters but the Arabic, Syriac and Kaithi signs that have a shape."""
    shown = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in {"Cf", "Zl", "Zp"}:
            assert has_invisible(f"a{chr(code)}b") is (code not in shown), hex(code)
