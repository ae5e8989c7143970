"""Names of files: what people's languages need, and every second form of a name, which obeys the same rules."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from backoffice.client.partial_file import LONGEST, safe_name
from backoffice.domain.ascii_names import ascii_name
from backoffice.domain.files import clean_name, clean_tags, numbered
from backoffice.domain.invisible import has_invisible, is_readable, without_invisible
from backoffice.domain.limits import MAX_NAME_BYTES
from backoffice.domain.text import clean_line, fold
from backoffice.domain.usernames import clean_username
from backoffice.errors import Invalid
from backoffice.web.download import disposition


@cache
def compatibility() -> list[str]:
    """Every character that folding turns into something else."""
    return [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if not 0xD800 <= code <= 0xDFFF and unicodedata.normalize("NFKD", chr(code)) != chr(code)
    ]


# -- number 1: forms of a name made after it was checked


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("．．／．．／etc／passwd", "etc_passwd"),
        ("a℅b.txt", "ac_ob.txt"),
        ("会議.xlsx", "file.xlsx"),
        ("файл.pdf", "file.pdf"),
        ("отчёт.tar.gz", "file.tar.gz"),
        ("会議2024.xlsx", "2024.xlsx"),
        ("Größe.txt", "Gro_e.txt"),
        ("naïve file.txt", "naive file.txt"),
        ("ＣＯＮ.txt", "_CON.txt"),
        ("COM¹", "_COM1"),
        ("nul.会議", "_nul._"),
        ("setup．exe", "setup_exe"),
        ("report…", "report"),
        (".会議", "._"),
        ("．bashrc", "bashrc"),
        ("%2e%2e%2fa", "_2e_2e_2fa"),
        ("C:a.txt", "C_a.txt"),
        ("‘a’ “b”.txt", "a_ _b.txt"),
        ("ﬁn.txt", "fin.txt"),
        ("！？", "file"),
        (".bashrc", ".bashrc"),
        ("report (2).pdf", "report (2).pdf"),
    ],
)
def test_the_plain_name_obeys_the_rules_of_names(name: str, plain: str) -> None:
    assert ascii_name(clean_name(name)) == plain


def is_safe(plain: str, name: str) -> bool:
    """What every derived form keeps to."""
    stem = plain.partition(".")[0].rstrip().lower()
    return (
        plain.isascii()
        and plain.isprintable()
        and clean_name(plain) == plain
        and not set(plain) & set('/\\:"%*?<>|')
        and (not plain.startswith(".") or name.startswith("."))
        and stem not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
    )


def test_every_compatibility_character_in_every_place() -> None:
    bad = []
    for char in compatibility():
        for name in (
            char,
            f"{char}{char}",
            f"{char}.txt",
            f"a{char}b.txt",
            f"{char}{char}{char}etc",
            f"a.{char}",
            f"co{char}",
        ):
            try:
                name = clean_name(name)
            except Invalid:
                continue
            if not is_safe(ascii_name(name), name):
                bad.append((name, ascii_name(name)))
    assert not bad


DECEIVING = st.deferred(lambda: st.one_of(st.characters(), st.sampled_from([*compatibility(), *"./\\:ab. %"])))


@given(st.text(alphabet=DECEIVING, max_size=90))
def test_whatever_the_name_the_forms_are_safe(text: str) -> None:
    try:
        name = clean_name(text)
    except Invalid:
        return
    assert is_safe(ascii_name(name), name)
    header = disposition(name)
    assert header.isascii()
    kind, said = parse_options_header(header)
    assert (kind, said["filename"]) == ("attachment", name)
    assert clean_name(numbered(name, 2)) == numbered(name, 2)
    if (
        "." in name.strip(".")
        and (suffix := name.rpartition(".")[2]).isascii()
        and suffix.isalnum()
        and len(suffix) <= 8
    ):
        assert ascii_name(name).endswith(f".{suffix}")


def test_a_name_that_folding_makes_longer_is_cut_before_its_ending() -> None:
    name = clean_name("㎯" * 80 + ".pdf")
    assert len(ascii_name(name)) == MAX_NAME_BYTES
    assert ascii_name(name).endswith(".pdf")


def test_a_numbered_name_is_not_cut_within_a_joined_emoji() -> None:
    for length in range(200, 256):
        name = "x" * (length % 11) + "👨‍👩‍👧" * 14
        if len(name.encode()) <= MAX_NAME_BYTES:
            assert clean_name(numbered(clean_name(name), 12)).endswith(" (12)")


# -- the command line's download: the site's answer is hostile


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("．．／etc／passwd", "．．／etc／passwd"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a.txt::$DATA", "a.txt__$DATA"),
        ("C:evil.exe", "C_evil.exe"),
        (".ssh", "_.ssh"),
        ("...", "the id"),
        ("a.", "a"),
        (" a. . ", "a"),
        ("a\u202etxt.exe", "a_txt.exe"),
        ("\u200b", "_"),
        ("a\ud800b", "a_b"),
        ("می‌خواهم.txt", "می‌خواهم.txt"),
        ("family 👨‍👩‍👧.jpg", "family 👨‍👩‍👧.jpg"),
        ("x" * 300 + ".tar", "x" * 251 + ".tar"),
    ],
)
def test_a_name_that_the_site_chose(name: str, safe: str) -> None:
    assert safe_name(name, "the id") == safe


@given(st.text(max_size=400), st.text(max_size=20))
def test_whatever_the_site_says_it_is_one_visible_name(name: str, instead: str) -> None:
    safe = safe_name(name, instead)
    assert safe
    assert not set(safe) & set("/\\:\0")
    assert not safe.startswith(".")
    assert is_readable(safe)
    assert len(safe.encode()) <= LONGEST


# -- number 2: joiners and the like are text where a script needs them

TEXT = {
    "persian": "می‌خواهم.txt",
    "persian with latin": "فایل PDF‌ها.pdf",
    "persian with a digit": "۵‌شنبه.txt",
    "persian with a mark": "خانهٔ‌ما.txt",
    "sinhala": "ශ්‍රී.pdf",
    "hindi": "क्‍ष.txt",
    "bengali, before the virama": "র‍্যাব.txt",
    "malayalam, at the end": "അവന്‍.txt",
    "family": "family 👨‍👩‍👧.jpg",
    "skin": "👩🏽‍🚒.jpg",
    "rainbow": "🏳️‍🌈.png",
    "heart": "❤️.txt",
    "heart on fire": "❤️‍🔥.txt",
    "nod": "🙂‍↔️.txt",
    "text style": "☎︎.txt",
    "keycap": "1️⃣.txt",
    "scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f.png",
    "a japanese place": "葛\U000e0100城.txt",
    "mongolian": "ᠮᠣᠩᠭᠣᠯ\u180eᠠ.txt",
    "mongolian variant": "ᠠ\u180b.txt",
    "arabic number sign": "\u0600۱۲.txt",
    "braille": "\u2813\u2811\u2807\u2807\u2815\u2800\u283a\u2815.txt",
    "an emoji of 2022": "\U0001fae8.png",
    "an emoji of 2025": "\U0001faea.png",
    "an emoji to come": "\U0001fadd.png",
    "a letter of 2024": "\U00010d4a.txt",
    "an ideograph of 2025": "\U000323b0.txt",
}
HIDDEN = {
    "joiner between latin letters": "a‍b",
    "non-joiner between latin letters": "pay‌pal",
    "first": "\u200dx",
    "last": "خ\u200c",
    "before the dot": "خ\u200c.txt",
    "two": "می‌‌خواهم",
    "joiner behind one emoji": "👨‍.txt",
    "joiner before an emoji": "a‍👨",
    "style on a letter": "a\ufe0fb",
    "style on a digit": "1\ufe0f.txt",
    "two styles": "❤\ufe0f\ufe0f.txt",
    "selector on a latin letter": "a\U000e0100",
    "tag alone": "a\U000e0067",
    "tags without an end": "🏴\U000e0067\U000e0062.txt",
    "tags on another flag": "🏳\U000e0067\U000e0062\U000e0073\U000e007f.txt",
    "zero width space": "a\u200bb",
    "word joiner": "a\u2060b",
    "soft hyphen": "a\u00adb",
    "bom": "\ufeffa",
    "override": "a\u202etxt.exe",
    "override in persian": "می\u202eخواهم",
    "embedding": "a\u202bb",
    "isolate": "a\u2066b",
    "mark": "a\u200fb",
    "arabic mark": "a\u061cb",
    "line": "a\u2028b",
    "paragraph": "a\u2029b",
    "filler": "a\u3164b",
    "half filler": "\uffa0",
    "grapheme joiner": "a\u034fb",
    "mongolian selector": "a\u180bb",
    "blank at the end": "a\u2800",
    "only a blank": "\u2800",
    "blank between latin letters": "a\u2800b",
    "two blanks in braille": "\u2813\u2800\u2800\u283a",
    "filler before the suffix": "invoice\u3164\u3164.exe.pdf",
    "hangul filler of a vowel": "a\u1160b",
    "khmer inherent vowel": "a\u17b4b",
    "musical format": "a\U0001d173b",
    "shorthand format": "a\U0001bca0b",
    "hieroglyph format": "a\U00013430b",
    "hieroglyph blank": "a\U00013441b",
    "khitan filler": "a\U00016fe4b",
    "a note without a head": "a\U0001d159b",
    "annotation": "a\ufff9b",
    "reserved and ignorable": "a\u2065b",
    "private use": "a\ue000b",
    "private use of plane 16": "a\U0010fffdb",
    "unassigned": "a\u0378b",
    "unassigned plane": "a\U00050000b",
    "no character": "a\uffffb",
}


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT.keys())
def test_what_languages_need_is_text(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    assert clean_name(text) == text
    assert clean_tags([text]) == (text.casefold(),)
    assert clean_line(text, field="f", what="It", most=99) == text


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_hides_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        clean_name(text)
    with pytest.raises(Invalid):
        clean_tags([text])
    with pytest.raises(Invalid):
        clean_line(text, field="f", what="It", most=99)


@pytest.mark.parametrize("name", ["می‌خواهم", "ශ්‍රී", "a‌b"])
def test_identifiers_stay_strict(name: str) -> None:
    with pytest.raises(Invalid):
        clean_username(name)


def test_names_that_differ_in_joiners_alone_count_as_the_same() -> None:
    assert fold("می‌خواهم.TXT") == fold("میخواهم.txt")
    assert fold("👨‍👩‍👧") == fold("👨👩👧")
    assert clean_tags(["می‌خواهم", "میخواهم"]) in {("می‌خواهم",), ("میخواهم",)}
    assert fold("Straße ﬁ") == "strasse fi"


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("".join([*TEXT.values(), *HIDDEN.values()])))))
def test_what_is_left_has_nothing_invisible(text: str) -> None:
    assert not has_invisible(without_invisible(text))
