"""The source of the product as syntax trees, each module read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "backoffice"


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Name and syntax tree of each module, of these folders or of all."""
    for name, tree in _parsed().items():
        if not folders or name.startswith(folders):
            yield name, tree


@cache
def _parsed() -> dict[str, ast.Module]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8")) for path in paths}


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All of a module."""
    return tuple(ast.walk(tree))


def imported(tree: ast.Module) -> set[str]:
    """The first parts of all that a module imports."""
    found = set()
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@cache
def calls(tree: ast.Module) -> tuple[tuple[str, ast.Call], ...]:
    """Each call with the text of what is called."""
    return tuple((ast.unparse(node.func), node) for node in nodes(tree) if isinstance(node, ast.Call))


def names(tree: ast.Module) -> set[str]:
    """All names in a module, however they are used."""
    found = set()
    for node in nodes(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
    return found
