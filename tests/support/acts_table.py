"""The table of acts as a page of the documentation.

.venv/bin/python -m tests.support.acts_table    writes it into docs/access.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from backoffice.domain.acts import Act, Whose, all_acts

PAPER: Final = Path(__file__).resolve().parents[2] / "docs" / "access.md"
_MARKS: Final = re.compile(r"(<!-- table -->\n).*(<!-- end -->)", re.DOTALL)


def table() -> str:
    """One line an act."""
    head = "| act | what | takes | whose | rank: holds | behind the request | entry |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(_cells(act))} |\n" for act in all_acts())


def _cells(act: Act) -> tuple[str, ...]:
    takes = f"`{act.takes}`" if act.takes is not None else "being signed in"
    if act.whose is Whose.OWN_OR_ALL and act.others != act.takes:
        takes += f"; of others `{act.others}`"
    event = f"`{act.event}`" if act.event is not None else "–"
    return (f"`{act.name}`", act.text, takes, act.whose.value, act.rank.value, act.proof.value, event)


def with_table(paper: str) -> str:
    """The paper with the table as it is now."""
    return _MARKS.sub(lambda found: f"{found[1]}\n{table()}\n{found[2]}", paper)


if __name__ == "__main__":
    PAPER.write_text(with_table(PAPER.read_text("utf-8")), "utf-8")
