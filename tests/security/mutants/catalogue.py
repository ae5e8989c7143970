"""The mutations: read from the files beside this one, and put into a copy of the project.

[[mutation]]
item = "S1"                                  # of docs/security.md; a row of known holes by its first name
covers = ["CVE-…"]                           # rows of known holes that this proves too
without = "Secure on the cookie over TLS"    # what the mutated code does not do any more
file = "backoffice/web/cookies.py"
old = "…"                                    # stands in `file` exactly once
new = "…"
also = [["backoffice/…", "old", "new"]]      # further places
redundant = ["the age", "the end"]           # where each place is a control, and one is enough: their names, in order
test = "security/test_web_sessions.py::test_…"    # below tests/, and named in the row of the item
only = "upload.send"                         # where it has many parameters: part of the name of the one that notices
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
Place = tuple[str, str, str]
"""A file, what stands in it, and what takes its place."""


class DoesNotApply(Exception):
    """The code is not what the mutation was written for; the message says how."""


@dataclass(frozen=True, slots=True)
class Mutation:
    item: str
    without: str
    file: str
    old: str
    new: str
    test: str
    also: Sequence[Place] = ()
    covers: Sequence[str] = ()
    redundant: Sequence[str] = ()
    only: str = ""

    @property
    def items(self) -> tuple[str, ...]:
        """All that it proves."""
        return (self.item, *self.covers)

    @property
    def places(self) -> tuple[Place, ...]:
        return ((self.file, self.old, self.new), *self.also)

    def alone(self) -> list[Mutation]:
        """One for each of its redundant controls, without that one and nothing else. The named test passes then: the
        other one is enough."""
        return [
            replace(self, without=name, file=file, old=old, new=new, also=(), redundant=())
            for name, (file, old, new) in zip(self.redundant, self.places, strict=False)
        ]

    def texts(self, root: Path) -> dict[str, str]:
        """The mutated text of each of its files below `root`. Raises DoesNotApply."""
        found: dict[str, str] = {}
        for file, old, new in self.places:
            text = found.get(file) or _read(root / file)
            if (times := text.count(old)) != 1:
                raise DoesNotApply(f"its text stands {times} times in {file}")
            found[file] = text.replace(old, new)
        return found


@contextmanager
def mutated(mutation: Mutation, root: Path) -> Iterator[None]:
    """The files below `root` are mutated, and then as they were. Raises DoesNotApply."""
    texts = mutation.texts(root)
    before = {file: _read(root / file) for file in texts}
    try:
        _write(texts, root)
        yield
    finally:
        _write(before, root)


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def _write(texts: Mapping[str, str], root: Path) -> None:
    for file, text in texts.items():
        path = root / file
        path.write_text(text, "utf-8")
        # What was compiled is taken for the source of any file of the same second and size.
        if path.suffix == ".py":
            Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def load(directory: Path = HERE) -> list[Mutation]:
    """All of them, in the order of the files' names and then as they stand there."""
    return [
        Mutation(**entry)
        for path in sorted(directory.glob("*.toml"))
        for entry in tomllib.loads(path.read_text("utf-8"))["mutation"]
    ]


def part_of(mutations: Sequence[Mutation], number: int, of: int) -> list[Mutation]:
    """Part `number` (from 1) of as many as `of`: every one is in one of them, and neighbours, which cost alike, are in
    different ones."""
    return list(mutations[number - 1 :: of])
