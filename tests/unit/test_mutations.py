"""The mutations of `docs/security.md` (`manage.py mutations`) go with the code and the document as they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.security.mutants.catalogue import DoesNotApply, Mutation, load, part_of

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = load()
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = {
    item.partition(",")[0]: re.findall(r"`([\w/]+\.py::test_\w+)`", cell)
    for item, cell in re.findall(r"^\| ([A-Z][^|]*?) \| [^|]* \| ([^|]*) \|$", TEXT, re.MULTILINE)
}
"""Item of the checklist, first name of a row of known holes, or further control -> the tests that are named for it."""
UNPROVEN: dict[str, str] = {
    "CVE-2023-46136": "Werkzeug's parser looks at each byte once; of ours there is only the size of a body",
    "CVE-2023-23934": "Werkzeug ignores cookies without a name",
    "CVE-2024-1135": "gunicorn's parser refuses them",
    "CVE-2026-27641": "nothing makes a template of text, so that nothing can be taken away; I8 has the escapes",
}
"""Items and rows that are built and have no mutation, and why. The list only shrinks."""
MOST_UNPROVEN = 4


def each(mutation: Mutation) -> str:
    return f"{mutation.item}: without {mutation.without}"


def wrong(mutation: Mutation) -> Iterator[str]:
    try:
        texts = mutation.texts(ROOT)
        for file, text in texts.items():
            if file.startswith("tests/") or text == (ROOT / file).read_text("utf-8"):
                yield f"changes nothing of the product in {file}"
            if file.endswith(".py"):
                ast.parse(text)
    except (DoesNotApply, SyntaxError) as error:
        yield str(error)


def test_each_applies_once_and_leaves_code_that_can_be_read() -> None:
    found = {each(one): [*wrong(one)] for one in MUTATIONS}
    assert not {name: reasons for name, reasons in found.items() if reasons}


def test_each_has_to_be_noticed_by_a_test_that_its_item_names() -> None:
    assert not [(each(one), item) for one in MUTATIONS for item in one.items if one.test not in ROWS.get(item, ())]


def test_every_item_that_is_built_has_one_or_says_why_not() -> None:
    built = {item for item, tests in ROWS.items() if tests}
    assert set(UNPROVEN) == built.difference(*(mutation.items for mutation in MUTATIONS))
    assert len(UNPROVEN) <= MOST_UNPROVEN


def test_no_two_are_the_same() -> None:
    assert len({(one.item, one.without) for one in MUTATIONS}) == len(MUTATIONS)


def test_every_one_is_in_one_of_the_parts() -> None:
    parts = [part_of(MUTATIONS, number, 10) for number in range(1, 11)]
    assert sorted(map(each, MUTATIONS)) == sorted(each(one) for part in parts for one in part)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_redundant_controls_have_a_name_for_each_place_and_are_named_in_the_document() -> None:
    redundant = [one for one in MUTATIONS if one.redundant]
    for one in redundant:
        assert len(one.redundant) == len(one.places) == len(one.alone()), each(one)
    rows = "".join(f"| {one.item} | {'; '.join(one.redundant)} |\n" for one in redundant)
    assert f"| item | each of these is enough |\n|---|---|\n{rows}\n" in TEXT


def test_the_document_says_how_many_there_are() -> None:
    proven = {item for one in MUTATIONS for item in one.items}
    checklist = {item for item in proven if re.fullmatch(r"[A-Z]\d+", item)}
    holes = {item for item in proven if item.startswith(("CVE-", "GHSA-"))}
    further = len(proven - checklist - holes)
    said = (
        f"{len(MUTATIONS)} mutations for {len(checklist)} items, {len(holes)} rows of known holes and {further} further"
    )
    assert said in " ".join(TEXT.split())
