"""The words of a text, for search: what an index is made of and what a question is made of are cut by one function.

A *run* is what stands between punctuation and spaces; a combining mark belongs to what is before it (Unicode TR 29,
WB4). Within a run words begin where letters and digits meet (two of each at least: `mp3` is one word) and where the
case changes (`myPDFReport`). What is kept of a word goes on to the end of its run, so that `reportfinal` is found as
well as `final`. Scripts that are written without spaces are cut before each character, and pairs of characters are
kept.

Case, accents and width count nothing, neither in the text nor in the question. A change of case divides texts only: who
looks for JavaScript means `javascript.pdf` as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.text import MAX_FOLD, fold, without_joiners

MAX_WORDS = 32
"""Words of a text that an index holds: of 32 characters without spaces, each."""
MAX_WORD = 40
"""Characters of a word that an index holds."""
MAX_NEEDLES = 12
"""Beginnings of words that are looked for in an index. The others are compared with what was found by these."""

_UNSPACED, _MARK = "文", "゛"
"""How a character of a script without spaces, and a mark on it, stand in a shape (`_shape`)."""
_ASCII_RUN = re.compile("[A-Za-z0-9]+")
_RUN = re.compile(f"[A-Za-z0-9]+|(?:{_UNSPACED}{_MARK}*)+")
_FIRST_FORM_RUN = re.compile(r"[^\W_]+")
_DIGITS = re.compile("(?<=[A-Za-z]{2})(?=[0-9]{2})|(?<=[0-9]{2})(?=[A-Za-z]{2})")
_DIGITS_OR_CASE = re.compile(f"{_DIGITS.pattern}|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SCRIPTS_WITHOUT_SPACES = re.compile(
    "[\u3005-\u3007\u3021-\u3029\u3038-\u303c\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # Han, Hiragana, Katakana
    "\u0e01-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff]"  # Khmer
)
_LETTERS_WITH_STROKES = str.maketrans(
    {"\u0131": "i", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe"}
)
"""Letters that people type without their stroke (or with their dot) and that Unicode does not decompose."""
_CLASSES = {"Lu": "A", "Lt": "A", "Nd": "0"}


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a question, which has to begin a word of a text. `needles`: what an index is asked for; each of them
    begins an entry of every text in which the term is."""

    text: str
    needles: tuple[str, ...]


def index_words(text: str) -> tuple[str, ...]:
    """The distinct words of a text as an index holds them, in order, at most `MAX_WORDS`."""
    found = dict.fromkeys(entry for _, entry in _words(text))
    return tuple(found)[:MAX_WORDS]


def first_form_words(text: str) -> tuple[str, ...]:
    """As the first form of an index held the words of a text: whole runs alone, with their accents."""
    return tuple(dict.fromkeys(one[:MAX_WORD] for one in _FIRST_FORM_RUN.findall(fold(text))))


def terms(question: str) -> tuple[Term, ...]:
    """The distinct words of a question, in order."""
    found: dict[str, Term] = {}
    text, shape = _prepared(question[:MAX_SEARCH])
    for start, end, unspaced in _runs(shape):
        if unspaced:
            own = _characters(text, shape, start, end)
            term = "".join(own)
            # The last character stands alone where a text ends, and with the next one elsewhere.
            found[term] = Term(term, tuple(_pairs(own)[:-1]) or (term,))
            continue
        for term in _cut(text, shape, start, end, _DIGITS):
            found[term] = Term(term, (term[:MAX_WORD],))
    return tuple(found.values())


def needles(wanted: tuple[Term, ...]) -> tuple[str, ...]:
    """What an index is asked for, at most `MAX_NEEDLES`."""
    return tuple(dict.fromkeys(needle for term in wanted for needle in term.needles))[:MAX_NEEDLES]


def has_words(text: str, wanted: tuple[Term, ...]) -> bool:
    """Whether each term begins a word of the text. Nothing is cut off here."""
    if text.isascii():
        # Then every word is a part of this, and most texts can be told apart without cutting them.
        folded = search_fold(text)
        if not all(term.text in folded for term in wanted):
            return False
        if all(_begins_run(folded, term.text) for term in wanted):
            return True
    own = [word for word, _ in _words(text)]
    return all(any(word.startswith(term.text) for word in own) for term in wanted)


def _begins_run(folded: str, term: str) -> bool:
    """Whether letters and digits that follow each other begin with the term, in a text of ASCII. A term has nothing
    else."""
    at = folded.find(term)
    while at > 0 and folded[at - 1].isalnum():
        at = folded.find(term, at + 1)
    return at >= 0


def has_parts(text: str, question: str) -> bool:
    """Whether what stands between the spaces of the question is in the text, anywhere; or all its words are, cut at
    changes of case too."""
    whole, own = search_fold(text), [word for word, _ in _words(text)]
    return all(
        search_fold(token) in whole
        or (any(pieces := _pieces(token)) and all(any(word.startswith(piece) for word in own) for piece in pieces))
        for token in question[:MAX_SEARCH].split()
        if has_text(token)
    )


def has_text(question: str) -> bool:
    """Whether there is anything in it to look for."""
    return bool(search_fold(question[:MAX_SEARCH]).strip())


def search_fold(text: str) -> str:
    """The form in which a search compares: `fold` without accents."""
    if text.isascii():
        return text[:MAX_FOLD].lower()
    decomposed = unicodedata.normalize("NFD", fold(text).translate(_LETTERS_WITH_STROKES))
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if not _is_accent(char)))


def _is_accent(char: str) -> bool:
    """Marks above and below (of Latin, Greek, Cyrillic …), points of Hebrew, Arabic and Syriac. Not what makes another
    letter: viramas, voicing of kana, vowels of Indic scripts and tones of Thai."""
    place = unicodedata.combining(char)
    return place == 1 or 10 <= place <= 36 or place >= 200


def _prepared(text: str) -> tuple[str, str]:
    """The text with its shape."""
    text = text[:MAX_FOLD]
    if text.isascii():
        return text, text
    text = without_joiners(unicodedata.normalize("NFKC", text))
    return text, _shape(text)


def _shape(text: str) -> str:
    """For each character one that says of what kind it is: `A` upper case, `a` any other letter, `0` a digit, _UNSPACED
    and _MARK, `-` between words. ASCII is its own shape."""
    shape: list[str] = []
    for char in text:
        category = unicodedata.category(char)
        if char.isascii():
            shape.append(char)
        elif category[0] == "M":
            before = shape[-1] if shape else "-"
            shape.append(_MARK if before in {_UNSPACED, _MARK} else before.lower() if before.isalnum() else "-")
        elif not char.isalnum():
            shape.append("-")
        elif _SCRIPTS_WITHOUT_SPACES.match(char) and category != "Nd":
            shape.append(_UNSPACED)
        else:
            shape.append(_CLASSES.get(category, "a"))
    return "".join(shape)


def _runs(shape: str) -> Iterator[tuple[int, int, bool]]:
    """Start, end, and whether its script has no spaces."""
    for found in _RUN.finditer(shape):
        yield found.start(), found.end(), shape[found.start()] == _UNSPACED


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Each word to the end of its run, and what an index keeps of it."""
    text, shape = _prepared(text)
    if text is shape:
        yield from _ascii_words(text)
        return
    for start, end, unspaced in _runs(shape):
        if unspaced:
            own = _characters(text, shape, start, end)
            yield from (("".join(own[at:]), pair) for at, pair in enumerate(_pairs(own)))
            continue
        word = search_fold(text[start:end])
        yield word, word[:MAX_WORD]
        for cut in _DIGITS_OR_CASE.finditer(shape, start, end):
            word = search_fold(text[cut.start() : end])
            yield word, word[:MAX_WORD]


def _ascii_words(text: str) -> Iterator[tuple[str, str]]:
    """The same of a text of ASCII, which most names are: its lower case is its folded form."""
    folded = text.lower()
    for found in _ASCII_RUN.finditer(text):
        start, end = found.span()
        word = folded[start:end]
        yield word, word[:MAX_WORD]
        # In lower case letters alone, or digits alone, nothing begins in between.
        if not (word.isdigit() or (word.isalpha() and text[start:end] == word)):
            for cut in _DIGITS_OR_CASE.finditer(text, start, end):
                word = folded[cut.start() : end]
                yield word, word[:MAX_WORD]


def _characters(text: str, shape: str, start: int, end: int) -> list[str]:
    """The characters of a run without spaces, folded, each with its marks."""
    starts = [at for at in range(start, end) if shape[at] == _UNSPACED]
    return [search_fold(text[first:last]) for first, last in pairwise([*starts, end])]


def _pairs(characters: list[str]) -> list[str]:
    """Each character and the next; the last one alone."""
    return [first + second for first, second in pairwise([*characters, ""])]


def _cut(text: str, shape: str, start: int, end: int, at: re.Pattern[str]) -> list[str]:
    """The words of one run, each up to the next one."""
    places = [start, *(cut.start() for cut in at.finditer(shape, start, end)), end]
    return [search_fold(text[first:last]) for first, last in pairwise(places)]


def _pieces(token: str) -> list[str]:
    """The words of one token, each up to the next one."""
    text, shape = _prepared(token)
    return [piece for start, end, _ in _runs(shape) for piece in _cut(text, shape, start, end, _DIGITS_OR_CASE)]
