"""`docs/security.md` names tests: each of them exists, and each item of the checklist and each attack is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(test_\w+)`", TEXT)))
ROWS = re.findall(r"^\| ([A-Z][^|]*?) \| [^|]* \| ([^|]*) \|$", TEXT, re.MULTILINE)
ATTACKS = re.findall(r"^\| (\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", TEXT, re.MULTILINE)
ITEMS = {"S": 8, "A": 10, "K": 4, "H": 9, "F": 15, "Z": 10, "I": 10, "D": 8}
"""Sections of the checklist, and how many items each has."""


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_test_named_exists() -> None:
    files = {file for file, _ in NAMED}
    there = {file: functions(file) for file in files if (ROOT / "tests" / file).exists()}
    assert not [(file, test) for file, test in NAMED if test not in there.get(file, ())]


def test_every_item_of_the_checklist_is_there_once() -> None:
    found = [item for item, _ in ROWS if re.fullmatch(r"[A-Z]\d+", item)]
    assert found == [f"{section}{number}" for section, count in ITEMS.items() for number in range(1, count + 1)]


def test_every_row_has_a_test_or_says_why_not() -> None:
    for item, cell in ROWS:
        assert "::" in cell or cell.startswith(("*feature not built*", "*not built*")), item


def test_the_counts_are_right() -> None:
    checklist = [cell for item, cell in ROWS if re.fullmatch(r"[A-Z]\d+", item)]
    holes = [cell for item, cell in ROWS if item.startswith(("CVE-", "GHSA-"))]
    tested = [sum("::" in cell for cell in cells) for cells in (checklist, holes)]
    said = f"{tested[0]} of {len(checklist)} items and {tested[1]} of {len(holes)} rows of known holes"
    assert said in " ".join(TEXT.split())


def test_every_attack_is_there_with_what_it_does_now_and_a_test() -> None:
    assert [int(number) for number, *_ in ATTACKS] == list(range(1, 28))
    for number, *cells, tests in ATTACKS:
        assert all(cell.strip() for cell in cells), number
        assert re.search(r"`[\w/]+\.py::test_\w+`", tests), number


def test_tests_that_name_an_attack_stand_in_its_row() -> None:
    rows = {number: tests for number, *_, tests in ATTACKS}
    for path in (ROOT / "tests" / "security").glob("test_attacks*.py"):
        named = [re.match(r"test_attack_(\d+)_", test) for test in functions(f"security/{path.name}")]
        found = [match for match in named if match]
        assert found
        for match in found:
            assert f"`security/{path.name}::{match.string}`" in rows[match[1]], match.string
