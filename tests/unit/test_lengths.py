"""Files and functions stay short: 300 and 40 lines. What is longer is listed here, and the list only shrinks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE, FUNCTION = 300, 40
LONGER: dict[str, int] = {
    "tests/contract/test_file_chunks.py": 404,
    "tests/contract/test_paging.py": 307,
    "tests/contract/test_streams.py": 422,
    "tests/contract/test_upload_machine.py": 327,
    "tests/contract/test_upload_stores.py": 311,
    "tests/unit/test_body.py": 302,
    "tests/unit/test_chunks_store.py": 425,
    "tests/unit/test_download.py": 370,
    "tests/unit/test_noun_kit.py": 309,
    "tests/unit/test_settings.py": 315,
    "tests/unit/test_upload_page.py": 401,
}
"""Files, and functions as `file::function`, with their present length. Whoever shortens one lowers its number or takes
it out; a new one is split instead."""


def sources() -> Iterator[Path]:
    for folder in ("backoffice", "tests", "benchmarks"):
        yield from (ROOT / folder).rglob("*.py")
    yield ROOT / "manage.py"


def functions(node: ast.AST, names: tuple[str, ...] = ()) -> Iterator[tuple[str, int]]:
    """The functions below a node, by their dotted names: how many lines there are from `def` on, without the docstring.
    What stands in another function counts by itself and in the other."""
    for child in ast.iter_child_nodes(node):
        own = names
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own = (*names, child.name)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(child, clean=False) is not None
            yield ".".join(own), lines(child) - (lines(child.body[0]) if documented else 0)
        yield from functions(child, own)


def lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def lengths(path: Path) -> Iterator[tuple[str, int]]:
    """Of a file and of its functions, those above the limit."""
    name, text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
    if (count := len(text.splitlines())) > FILE:
        yield name, count
    for function, count in functions(ast.parse(text)):
        if count > FUNCTION:
            yield f"{name}::{function}", count


def test_files_and_functions_are_short() -> None:
    assert {name: count for path in sources() for name, count in lengths(path)} == LONGER


def test_a_function_is_measured_from_def_to_its_last_line_without_its_docstring() -> None:
    text = '''
class Thing:
    @property
    def name(self):
        """Two
        lines."""

        def inner(): return 1

        return (
            inner()
        )

async def plain():
    pass
'''
    assert list(functions(ast.parse(text))) == [("Thing.name", 7), ("Thing.name.inner", 1), ("plain", 2)]
