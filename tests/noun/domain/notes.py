"""Notes: the record and its rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from backoffice.domain.nouns import declare_noun
from backoffice.domain.permissions import AUDITOR, OPERATOR
from backoffice.domain.text import clean_line

WORDS = {"read": "See notes", "write": "Create, change and delete notes"}
ROLES = {"readers": (OPERATOR, AUDITOR), "writers": (OPERATOR,)}
NOTES = declare_noun("note", "Notes", **WORDS, **ROLES, recorded=("title", "color"), title="title")


class Color(StrEnum):
    YELLOW = "yellow"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Note:
    """Something to remember. Times in ms."""

    id: str
    title: str
    created_at: int
    updated_at: int
    color: Color = Color.YELLOW
    version: int = 1


clean_title = partial(clean_line, field="title", what="A title", least=1, most=80)
