"""Every regular expression over what a client sends costs its length (CVE-2026-8159, I-1): all are walked."""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import backoffice
from tests.support.processor_time import least_seconds

# What these are given comes from operators, from the machine or from our own sources.
OF_OPERATORS = ("backoffice.client", "backoffice.commands", "backoffice.embedded", "backoffice.settings")
SHORT, LONG = 5_000, 100_000
SHORT_SECONDS, LONG_SECONDS = 0.05, 0.5
"""Of processor time; linear ones take a hundredth. Where the cost is a square, it shows with the short text."""
WORST = 4
"""Texts that are also tried long: those that cost most when short."""
PIECES = (
    *"a0A-_./\\\"'=;,:@%()[]{}<>+* \t\r\n\x00é\u200d",
    *(
        "a ",
        "a,",
        "a=",
        "a;",
        "0-",
        "a/",
        "a.",
        '\\"',
        '"\\',
        "\r\n",
        "\r\n ",
        "ab",
        "a\u0301",
        "{}",
        "[]",
        "--",
        "&a=",
    ),
    *("=?a?=", "%2", 'a="', "bytes=0-", "Bearer ", "content-length:", "\r\ncontent-length:0", "\r\nexpect:", '"a",'),
)
ENDS = ("", "!", "\x00", '"', "\r\n")


def written(name: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Those that stand in calls of the module's functions: `re.sub("…", …)`."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    for node in ast.walk(ast.parse(Path(spec.origin).read_text("utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str | bytes)
            and node.func.attr not in {"compile", "escape"}
        ):
            yield f"{name}:{node.lineno}", re.compile(node.args[0].value)


def kept(name: str, value: object, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Those in a value of a module, also within classes, tables and lists."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth < 3:
        if isinstance(value, dict):
            inner: list[Any] = [*value.items()]
        elif isinstance(value, list | tuple | set | frozenset):
            inner = [*enumerate(value)]
        elif isinstance(value, type) and value.__module__.startswith("backoffice."):
            inner = [*vars(value).items()]
        else:
            inner = []
        for key, part in inner:
            yield from kept(f"{name}.{key}", part, depth + 1)


@cache
def patterns() -> dict[str, re.Pattern[Any]]:
    found: dict[tuple[Any, int], tuple[str, re.Pattern[Any]]] = {}
    for module in pkgutil.walk_packages(backoffice.__path__, "backoffice."):
        if module.name.startswith(OF_OPERATORS) or module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for key, value in vars(loaded).items():
            for name, pattern in kept(f"{module.name}.{key}", value):
                found.setdefault((pattern.pattern, pattern.flags), (name, pattern))
        for name, pattern in written(module.name):
            found.setdefault((pattern.pattern, pattern.flags), (name, pattern))
    return dict(found.values())


WHOLE_ONLY = {
    "backoffice.server.access_log._NAMED_PATH",
    "backoffice.server.access_log._SECRET_PATH",
    "backoffice.web.devices._PROGRAM",
    "backoffice.web.ranges._SPEC",
}
"""These are compared with a text from its beginning and never searched for."""


def costly(pattern: re.Pattern[Any], *, search: bool = True) -> tuple[str, float] | None:
    """A hostile text that costs too much, with its seconds."""

    def spent(piece: str, end: str, size: int, most: float) -> float:
        text: Any = piece * (size // len(piece)) + end
        if isinstance(pattern.pattern, bytes):
            text = text.encode()
        compared = least_seconds(lambda: pattern.fullmatch(text), most)
        return max(compared, least_seconds(lambda: pattern.sub(text[:0], text), most)) if search else compared

    tried = []
    for piece, end in itertools.product(PIECES, ENDS):
        cost = spent(piece, end, SHORT, SHORT_SECONDS)
        if cost > SHORT_SECONDS:
            return piece + end, cost
        tried.append((cost, piece, end))
    for _, piece, end in sorted(tried)[-WORST:]:
        cost = spent(piece, end, LONG, LONG_SECONDS)
        if cost > LONG_SECONDS:
            return piece + end, cost
    return None


def test_there_are_some() -> None:
    assert len(patterns()) > 20
    assert {"backoffice.web.client_socket._LENGTH", "backoffice.web.middleware._HOST"} <= patterns().keys()


def test_cve_2026_8159_a_hostile_text_costs_its_length() -> None:
    """One test of all, for finding them takes seconds of each process that would collect a test of each."""
    found = {name: costly(pattern, search=name not in WHOLE_ONLY) for name, pattern in patterns().items()}
    assert {name: worst for name, worst in found.items() if worst} == {}


def test_one_that_costs_the_square_is_found() -> None:
    assert costly(re.compile(r".*[/\\]"))
