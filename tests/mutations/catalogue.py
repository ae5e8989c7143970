"""The mutations: read from the files beside this one, and put into a copy of the project.

[[mutation]]
item = "S1"                                  # of docs/security.md; a row of known holes by its first name
covers = ["CVE-…"]                           # rows of known holes that this proves too
without = "Secure on the cookie over TLS"    # what the mutated code does not do any more
file = "backoffice/web/cookies.py"
old = "…"                                    # stands in `file` exactly once
new = "…"
also = [["backoffice/…", "old", "new"]]      # further places, where two controls stand in for each other
test = "security/test_web_sessions.py::test_…"    # below tests/, and named in the row of the item
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


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
    also: Sequence[tuple[str, str, str]] = ()
    covers: Sequence[str] = ()

    @property
    def items(self) -> tuple[str, ...]:
        """All that it proves."""
        return (self.item, *self.covers)

    def texts(self, root: Path) -> dict[str, str]:
        """The mutated text of each of its files below `root`. Raises DoesNotApply."""
        found: dict[str, str] = {}
        for file, old, new in ((self.file, self.old, self.new), *self.also):
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
