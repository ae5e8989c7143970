"""Bringing what an earlier version stored into the form of this one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from backoffice.domain.system import SCHEMA

WORDS_FORM: Final = 3
"""In which names are cut into words; 1 knew only their beginnings, with accents, and 2 left these where they were."""


@dataclass(frozen=True, slots=True)
class Migration:
    """`name` and `what` for operators. `schema`: the form of the store from its beginning on; it is higher than before
    where an earlier version must not run beside it. `online`: the worker does it, while people go on working; else
    `migrate` alone, and no process of the site may run."""

    number: int
    name: str
    what: str
    schema: int = SCHEMA
    online: bool = True


@dataclass(frozen=True, slots=True)
class MigrationState:
    """How far it is. `steps`: that were taken, where it has begun and is not done."""

    migration: Migration
    done: bool
    steps: int = 0


MIGRATIONS: Final = (
    Migration(1, "looks", "no two user names look alike: how those look that there are"),
    Migration(2, "indexes", "links, folders and uploads are found by what later versions ask for"),
    Migration(3, "log", "long indexes of the log are cut into pieces"),
    Migration(4, "words", "files, folders, users, links and tokens are found by parts of their names, without accents"),
)
"""In their order; a later version adds its own behind these."""

LOOK_SECONDS: Final = 3.0
"""How often a process that runs asks whether a later version has changed the form of the store."""
SETTLE_SECONDS: Final = 10.0
"""Between that change and the first step of its migration: by then all have asked."""


def newer_reason(schema: int) -> str:
    """Why this version must not touch a store of that form, "" when it may."""
    if schema <= SCHEMA:
        return ""
    return (
        f"A later version has the store in form {schema}; this one knows {SCHEMA}. Start the later version,"
        " or put back a backup from before."
    )
