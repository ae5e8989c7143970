"""Writes `backoffice/domain/unicode_tables.py` anew, from the properties that ICU has of the newest Unicode.

    python3 -m venv /tmp/icu && /tmp/icu/bin/pip install pyicu    # or icukit-pyicu, which brings ICU along
    /tmp/icu/bin/python tests/unit/make_unicode_tables.py && ruff format backoffice/domain/unicode_tables.py

Once for each new version of Unicode is enough. Code points only ever become allowed by that, never refused: what is
assigned stays, and so do scripts. A prototype of a confusable can change; `fsck --fix` then brings the index of user
names into its form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import icu

TARGET = Path(__file__).parents[2] / "backoffice" / "domain" / "unicode_tables.py"
WIDTH = 116

# The scripts recommended for identifiers (UAX 31, table 5); Han, Hangul and kana may stand with each other and with
# Latin, as UTS 39 has it (section 5.2, "highly restrictive").
RECOMMENDED = """
    Arab Armn Beng Cyrl Deva Ethi Geor Grek Gujr Guru Hang Hani Hebr Hira Kana Khmr Knda Laoo Latn Mlym Mymr Orya Sinh
    Taml Telu Thaa Thai Tibt
"""
# Left blank by fonts, though Unicode counts them as signs: Braille without dots, a note without a head, Egyptian and
# Khitan fillers.
BLANK = {0x2800, 0x1D159, 0x13441, 0x13442, 0x16FE4}

HEAD = '''"""What Unicode {version} says of characters, as far as names need it.

Written by `tests/unit/make_unicode_tables.py`. Python's own tables are not asked what is assigned: each version of
Python has those of another year (3.11 knows Unicode 14, 3.13 Unicode 15.1), and a name is good or not wherever it is
looked at. Made from the Unicode Character Database and the data of UTS 39, copyright of Unicode, Inc.
(https://www.unicode.org/license.txt).

Ranges are hexadecimal code points, the last one included.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "{version}"
'''


def points(pattern: str) -> set[int]:
    return {ord(one) for one in icu.UnicodeSet(pattern) if len(one) == 1}


def ranges(codes: Iterable[int]) -> str:
    ordered = sorted(codes)
    starts = [ordered[0], *(b for a, b in pairwise(ordered) if b != a + 1)]
    ends = [*(a for a, b in pairwise(ordered) if b != a + 1), ordered[-1]]
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in zip(starts, ends, strict=True))


def wrapped(text: str, indent: str = "    ") -> str:
    lines = [""]
    for word in text.split():
        if len(indent) + len(lines[-1]) + len(word) + 4 > WIDTH:
            lines.append("")
        lines[-1] += f"{word} "
    lines[-1] = lines[-1].rstrip()
    return "\n".join(f'{indent}"{line}"' for line in lines)


def constant(name: str, text: str, about: str) -> str:
    return f'{name}: Final = (\n{wrapped(text)}\n)\n"""{about}"""\n'


def confusables(letters: set[int]) -> str:
    checker = icu.SpoofChecker()
    reached = {char for code in letters for char in unicodedata.normalize("NFD", chr(code)) + chr(code).casefold()}
    found = {}
    for char in sorted(reached | set(".@+-_")):
        skeleton = checker.getSkeleton(0, char)
        if skeleton != unicodedata.normalize("NFD", char) and not icu.UnicodeSet("[:sc=Hangul:]").contains(char):
            found[ord(char)] = skeleton
    return " ".join(f"{code:x}:{','.join(f'{ord(c):x}' for c in seen)}" for code, seen in found.items())


def main() -> None:
    ideographs = points("[:Unified_Ideograph:]")
    letters = points("[[:Identifier_Status=Allowed:]&[[:L:][:M:][:Nd:][:Nl:]]]") | ideographs
    scripts = {name: points(f"[:scx={name}:]") & letters for name in RECOMMENDED.split()}
    common = points("[[:scx=Common:][:scx=Inherited:]]") & letters
    lines = "\n".join(f'    "{name}": (\n{wrapped(ranges(codes), " " * 8)}\n    ),' for name, codes in scripts.items())
    unassigned = points("[[:Cn:]-[:DI:]-[:ExtPict:]]")
    parts = [
        HEAD.format(version=icu.UNICODE_VERSION),
        constant(
            "HIDDEN",
            ranges(points("[[:DI:][:Cf:][:Zl:][:Zp:]-[:PCM:]]")),
            "Default_Ignorable_Code_Point, and"
            " format characters and separators, but for those that have a shape\n(Prepended_Concatenation_Mark).",
        ),
        constant("BLANK", ranges(BLANK), "Characters that fonts leave empty, though they are signs."),
        constant("SPACES", ranges(points("[:Zs:]")), "Space_Separator."),
        constant(
            "NO_CHARACTERS",
            ranges(unassigned | points("[:Co:]") | points("[:Cs:]")),
            "Unassigned, private use"
            " and surrogates; but for what is reserved for pictures:\nphones have new ones every year.",
        ),
        f"SCRIPTS: Final = {{\n{lines}\n}}\n",
        '"""Letters, marks and digits that UTS 39 allows in identifiers, and all unified ideographs, by recommended ',
        'script.\nUTS 39 leaves out rare ideographs; names of people have them."""\n',
        constant("COMMON", ranges(common), "The same of no script, or of any."),
        constant(
            "CONFUSABLE",
            confusables(letters),
            "What they look like, where that is something else (UTS 39, section 4): its prototype.",
        ),
    ]
    TARGET.write_text("".join(parts), "utf-8")


if __name__ == "__main__":
    main()
