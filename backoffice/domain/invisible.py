"""Characters that nobody sees: text where a script or an emoji needs them, refused everywhere else. And those that are
none: unassigned, or for private use.

Persian is written with ZERO WIDTH NON-JOINER, Sinhala and Bengali with ZERO WIDTH JOINER, families and flags are emoji
joined by it or tagged, Japanese names have variation selectors. Which neighbours make such a character text is said by
RFC 5892 (appendix A.1 and A.2), UAX 31 (section 2.3) and UTS 51 (emoji sequences). Bidi controls, line separators and
the like have no such place: they change how the text around them is shown.

What is a character is said by our own table, not by Python's, so that all versions of Python take the same names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

from backoffice.domain.unicode_tables import BLANK, HIDDEN, NO_CHARACTERS, SPACES


def char_class(ranges: str) -> str:
    """Ranges of `unicode_tables.py` as the inside of a character class."""
    return re.sub("[0-9a-f]+", lambda code: f"\\U{code[0]:0>8}", ranges).replace(" ", "")


_HIDDEN: Final = re.compile(f"[{char_class(HIDDEN)}{char_class(BLANK)}]")
_OTHER_SPACE: Final = re.compile(f"(?! )[{char_class(SPACES)}]")
_CONTROL: Final = re.compile("[\0-\x1f\x7f-\x9f]")
_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""The flag of a part of a country (UTS 51, ED-14a)."""

# Scripts whose letters join: Arabic, Syriac, NKo, Mandaic, Mongolian, Phags-pa, Manichaean, Psalter Pahlavi, Hanifi
# Rohingya, Sogdian, Old Uyghur, Chorasmian, Adlam.
_JOINING: Final = re.compile(
    "[\u0620-\u06ff\u0700-\u077f\u07c0-\u07ff\u0840-\u08ff\u1807-\u18aa\ua840-\ua871\U00010ac0-\U00010ae4"
    "\U00010b80-\U00010baf\U00010d00-\U00010d23\U00010f30-\U00010faf\U00010fb0-\U00010fc4\U0001e900-\U0001e943]"
)
_MONGOLIAN: Final = re.compile("[\u1820-\u1878\u1880-\u18aa]")
_HANGUL_LEADING: Final = re.compile("[\u1100-\u115e\ua960-\ua97c]")
_HANGUL_VOWEL: Final = re.compile("[\u1161-\u11a7\ud7b0-\ud7c6]")
_HIEROGLYPH: Final = re.compile("[\U00013000-\U0001342f]")
# Python has no table of emoji, and its table of characters may be older than the newest ones: blocks of symbols.
_EMOJI: Final = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_IDEOGRAPH: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\U00020000-\U0003347f]")
_SKIN: Final = re.compile("[\U0001f3fb-\U0001f3ff]")
_ZWNJ: Final = "\u200c"
_ZWJ: Final = "\u200d"
_TEXT_STYLE: Final = "\ufe0e"
_EMOJI_STYLE: Final = "\ufe0f"
_KEYCAP: Final = "\u20e3"
_BLANK: Final = "\u2800"
_BRAILLE: Final = re.compile("[\u2801-\u28ff]")
_VIRAMA: Final = 9  # canonical combining class
_MARKS: Final = 8
"""How many marks on one letter are looked past; no language has as many."""


@cache
def _no_character() -> re.Pattern[str]:
    """Made when it is asked for: commands that see plain ASCII alone start without it."""
    return re.compile(f"[{char_class(NO_CHARACTERS)}]")


def has_invisible(text: str) -> bool:
    """Whether there is an invisible character in `text` where it is not text."""
    return next(_invisible(text), None) is not None


def has_no_character(text: str) -> bool:
    """Whether there is something in `text` that is no character: unassigned, for private use, or half of a pair. What
    is reserved for pictures is taken for one: phones have new ones before anybody's tables do."""
    return not text.isascii() and _no_character().search(text) is not None


def is_readable(text: str) -> bool:
    """Whether `text` is one line of which everything is shown: no control characters, no spaces but the one of ASCII,
    nothing that is no character, and invisible ones only where scripts and emoji need them."""
    if text.isascii():
        return text.isprintable()
    return not any(kind.search(text) for kind in (_CONTROL, _OTHER_SPACE, _no_character())) and not has_invisible(text)


def plain_spaces(text: str) -> str:
    """`text` with the space of ASCII for every other one: no-break (French, the names of screenshots on a Mac),
    ideographic (Japanese), and those of typography. They look like it and mean the same between words; NFKC, by which
    names are compared, makes the same of nearly all of them."""
    return text if text.isascii() else _OTHER_SPACE.sub(" ", text)


def without_invisible(text: str) -> str:
    """`text` without the invisible characters that are not text."""
    gone = set(_invisible(text))
    return "".join(char for at, char in enumerate(text) if at not in gone) if gone else text


def made_readable(text: str, instead: str) -> str:
    """`text` with `instead` for each character that is not readable, and plain spaces."""
    text = plain_spaces(text)
    if is_readable(text):
        return text
    gone = set(_invisible(text))
    return "".join(
        instead if at in gone or _CONTROL.match(char) or _no_character().match(char) else char
        for at, char in enumerate(text)
    )


def _invisible(text: str) -> Iterator[int]:
    """Where they are."""
    found = None if text.isascii() else _HIDDEN.search(text)
    if found is None:
        return
    flags = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
    for found in _HIDDEN.finditer(text):
        at = found.start()
        if at not in flags and not _is_text(text, at):
            yield at


def _is_text(text: str, at: int) -> bool:
    char = text[at]
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if not before:
        return char == "\u115f" and bool(_HANGUL_VOWEL.match(after))
    if char in (_ZWNJ, _ZWJ):
        return _joins_letters(text, at) or (char == _ZWJ and _joins_emoji(text, at))
    if char in (_TEXT_STYLE, _EMOJI_STYLE):
        return bool(_EMOJI.match(before)) or (before in "0123456789#*" and after == _KEYCAP)
    if "\ufe00" <= char <= "\ufe0d":
        return not before.isascii() and unicodedata.category(before) in {"Lo", "So", "Sm"} and not _HIDDEN.match(before)
    if "\U000e0100" <= char <= "\U000e01ef":
        return bool(_IDEOGRAPH.match(before))
    if "\u180b" <= char <= "\u180f":
        return bool(_MONGOLIAN.match(before))
    if char == _BLANK:  # the space of Braille
        return bool(_BRAILLE.match(before) and _BRAILLE.match(after))
    if char == "\u034f":  # keeps two marks apart
        return unicodedata.category(before) == "Mn" and unicodedata.category(after or " ") == "Mn"
    if char in "\u115f\u1160":  # the place of a missing letter in a syllable
        return bool(_HANGUL_VOWEL.match(after) if char == "\u115f" else _HANGUL_LEADING.match(before))
    return "\U00013430" <= char <= "\U0001343f" and bool(_HIEROGLYPH.match(before) and _HIEROGLYPH.match(after))


def _joins_letters(text: str, at: int) -> bool:
    """Behind a virama; before one (Bengali and Kannada write ra so); or between two letters or digits, one of which is
    of a script that joins."""
    if unicodedata.combining(text[at - 1]) == _VIRAMA:
        return True
    after = text[at + 1 : at + 2]
    if not after:
        return False
    before = _letter_before(text, at)
    if unicodedata.combining(after) == _VIRAMA:
        return bool(before) and unicodedata.category(before) == "Lo" and text[at + 2 : at + 3].isalpha()
    letters = before[:1].isalnum() and after.isalnum()
    return letters and bool(_JOINING.match(before) or _JOINING.match(after))


def _letter_before(text: str, at: int) -> str:
    """The character that the marks before `at` stand on."""
    for place in range(at - 1, max(-1, at - 2 - _MARKS), -1):
        if unicodedata.category(text[place]) != "Mn" or _HIDDEN.match(text[place]):
            return text[place]
    return ""


def _joins_emoji(text: str, at: int) -> bool:
    """Between two emoji, the first of which may have a skin tone or a style (UTS 51, ED-16)."""
    place = at - 1
    while place > 0 and at - place <= 2 and (text[place] == _EMOJI_STYLE or _SKIN.match(text[place])):
        place -= 1
    after = text[at + 1 : at + 2]
    return bool(_EMOJI.match(text[place]) and _EMOJI.match(after)) and not _SKIN.match(after)


def is_blank(char: str) -> bool:
    """Whether a character of text leaves an empty place: white space, and the Braille pattern without dots."""
    return char.isspace() or char == _BLANK
