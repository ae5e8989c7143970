"""Numbers that people meet stand in one module, and nowhere else under another name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from backoffice.domain import limits

PACKAGE = Path(limits.__file__).resolve().parents[1]
NUMBERS = {name: value for name, value in vars(limits).items() if name.isupper()}
TELLING = {limits.MAX_EMAIL, limits.MAX_TOKEN_DAYS}
"""Those that are nothing else by chance."""


@cache
def sources() -> dict[str, str]:
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8")
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".html"}
    }


@pytest.mark.parametrize("name", NUMBERS)
def test_a_limit_is_used_and_defined_once(name: str) -> None:
    texts = {one: text for one, text in sources().items() if name in text}
    defined = [one for one, text in texts.items() if re.search(rf"^{name}(: \w+)? = ", text, re.MULTILINE)]
    assert defined == ["domain/limits.py"]
    assert sum(len(re.findall(rf"\b{name}\b", text)) for text in texts.values()) > 1, f"{name} limits nothing"


def test_no_limit_is_written_as_a_number_elsewhere() -> None:
    found = {
        f"{path.relative_to(PACKAGE)}: {value}"
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".html"} and path.name not in {"limits.py", "unicode_tables.py"}
        for value in re.findall(r"(?<![\w.*])(\d{3,})(?![\w.])", path.read_text("utf-8"))
        if int(value) in TELLING
    }
    assert not found


def test_the_pages_bound_their_fields_by_name() -> None:
    for path in (PACKAGE / "web" / "templates").rglob("*.html"):
        assert not re.search(r"(min|max)length=[\"']?[1-9]", path.read_text("utf-8")), path.name
