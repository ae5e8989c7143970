"""How texts and questions are cut into words."""

from __future__ import annotations

import unicodedata
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.domain.words import (
    MAX_NEEDLES,
    MAX_WORD,
    MAX_WORDS,
    has_parts,
    has_text,
    has_words,
    index_words,
    needles,
    terms,
)

NAMES = {
    "orbit.png": ("orbit", "png"),
    "backup.tar.gz": ("backup", "tar", "gz"),
    "png of a png.png": ("png", "of", "a"),
    "a_b-c.d": ("a", "b", "c", "d"),
    "report2024.pdf": ("report2024", "2024", "pdf"),
    "IMG_0042.jpg": ("img", "0042", "jpg"),
    "2024report": ("2024report", "report"),
    "song.mp3": ("song", "mp3"),
    "myPDFReport": ("mypdfreport", "pdfreport", "report"),
    "HTTPServer": ("httpserver", "server"),
    "README": ("readme",),
    "iPhone": ("iphone", "phone"),
    "résumé.odt": ("resume", "odt"),
    "ÅRSRAPPORT": ("arsrapport",),
    "łódź": ("lodz",),
    "Straße": ("strasse",),
    "İstanbul.txt": ("istanbul", "txt"),
    "ISPARTA ısı": ("isparta", "isi"),
    "отчёт": ("отчет",),
    "Ελλάδα": ("ελλαδα",),
    "مُحَمَّد": ("محمد",),
    "می\u200cخواهم": ("میخواهم",),
    "हिन्दी.pdf": ("हिन्दी", "pdf"),
    "\uff46\uff55\uff4c\uff4c": ("full",),
    "会議資料 2024.xlsx": ("会議", "議資", "資料", "料", "2024", "xlsx"),
    "資料report": ("資料", "料", "report"),
    "ガイド": ("ガイ", "イド", "ド"),
    "\uff76\uff9e\uff72\uff84\uff9e": ("ガイ", "イド", "ド"),
    "ประชุม": ("ปร", "ระ", "ะชุ", "ชุม", "ม"),
    "ລາວ": ("ລາ", "າວ", "ວ"),
    "ខ្មែរ": ("ខ្មែ", "មែរ", "រ"),
    "မြန်မာ": ("မြန်", "န်မာ", "မာ"),
    "회의 자료.hwp": ("회의", "자료", "hwp"),
    "👨\u200d👩\u200d👧.jpg": ("jpg",),
    "": (),
    " _-!": (),
}


@pytest.mark.parametrize(("text", "words"), NAMES.items(), ids=[ascii(one) for one in NAMES])
def test_what_an_index_holds(text: str, words: tuple[str, ...]) -> None:
    nfc = [unicodedata.normalize("NFC", word) for word in words]
    assert [unicodedata.normalize("NFC", word) for word in index_words(text)] == nfc
    for form in ("NFC", "NFD"):
        assert index_words(unicodedata.normalize(form, text)) == index_words(text)


FOUND = [
    ("orbit.png", "orbit.png"),
    ("orbit.png", "ORBIT PNG"),
    ("orbit.png", "png orb"),
    ("backup.tar.gz", "tar.gz"),
    ("my résumé.pdf", "resume"),
    ("my resume.pdf", "résumé"),
    ("İstanbul.txt", "istanbul"),
    ("istanbul.txt", "İSTANBUL"),
    ("会議資料 2024.xlsx", "資料"),
    ("会議資料 2024.xlsx", "議資料 2024"),
    ("会議資料 2024.xlsx", "料"),
    ("รายงานการประชุม.pdf", "ประชุ"),
    ("report2024.pdf", "report2024"),
    ("report2024.pdf", "report20"),
    ("report2024.pdf", "report2"),
    ("report 2024.pdf", "report2024"),
    ("IMG_0042.jpg", "img0042"),
    ("IMG_0042.jpg", "0042"),
    ("javascript.js", "JavaScript"),
    ("theJavaScript.js", "script"),
    ("theJavaScript.js", "javascript"),
    ("x" * 64 + ".bin", "x" * 50),
    ("हिन्दी पाठ.txt", "हिन्दी"),
]
NOT_FOUND = [
    ("orbit.png", "rbit"),
    ("orbit.png", "orbit.jpg"),
    ("会議資料.xlsx", "料資"),
    ("会議と資料.xlsx", "会議資料"),
    ("x" * 64 + ".bin", "x" * 50 + "y"),
    ("か.txt", "が"),
]


@pytest.mark.parametrize(("text", "question"), FOUND, ids=ascii)
def test_each_word_of_the_question_begins_a_word_of_the_text(text: str, question: str) -> None:
    assert has_words(text, terms(question))
    held = index_words(text)
    assert all(any(word.startswith(needle) for word in held) for needle in needles(terms(question)))


@pytest.mark.parametrize(("text", "question"), NOT_FOUND, ids=ascii)
def test_what_has_not_the_words(text: str, question: str) -> None:
    assert not has_words(text, terms(question))


@pytest.mark.parametrize(
    ("text", "question", "there"),
    [
        ("orbit.png", "rbit", True),
        ("orbit.png", "RBIT.P", True),
        ("orbit.png", "t.p rb", True),
        ("orbit.png", "tp", False),
        ("my_report.txt", "MyReport", True),
        ("Résumé.txt", "esume", True),
        ("👍.jpg", "👍", True),
        ("a_b", "_", True),
        ("ab", "_", False),
    ],
)
def test_parts_are_found_anywhere(text: str, question: str, there: bool) -> None:
    assert has_parts(text, question) is there


def test_there_is_something_to_look_for() -> None:
    assert has_text("!")
    for nothing in ("", " \t", "\u200d", " \u200c \u00a0"):
        assert not has_text(nothing)


def test_a_text_has_no_end_of_words_and_a_question_neither() -> None:
    many = " ".join(f"w{number}" for number in range(100))
    assert len(index_words(many)) == MAX_WORDS
    assert len(needles(terms(many))) == MAX_NEEDLES
    assert has_words(many, terms("w77"))
    assert max(map(len, index_words("x" * 300))) == MAX_WORD


LETTERS = st.text(st.sampled_from("aZ09é\u0301_. 資料ガすประชุกمßİ\u200dx̂दि्"), max_size=40)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(name=st.one_of(LETTERS, st.text(max_size=60)))
def test_every_text_is_found_by_itself(name: str) -> None:
    wanted = terms(name)
    assert has_words(name, wanted)
    held = index_words(name)
    if len(held) < MAX_WORDS:
        assert all(any(word.startswith(needle) for word in held) for needle in needles(wanted))
    assert has_parts(name, name)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(name=LETTERS, end=st.integers(0, 40))
def test_a_question_that_is_found_has_its_needles_in_the_index(name: str, end: int) -> None:
    """Otherwise an index would hide what the comparison with the text finds."""
    wanted, held = terms(name[:end]), index_words(name)
    if has_words(name, wanted) and len(held) < MAX_WORDS:
        assert all(any(word.startswith(needle) for word in held) for needle in needles(wanted))


ASCII: Final = st.text(st.sampled_from("aAbB01._ "), max_size=12)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(name=ASCII, question=st.text(st.sampled_from("aAbB01."), max_size=3))
def test_a_short_way_says_the_same_as_the_words(name: str, question: str) -> None:
    wanted, held = terms(question), index_words(name)
    assert has_words(name, wanted) is all(any(word.startswith(term.text) for word in held) for term in wanted)
