"""Which record bytes belong to, by the identifier under which they lie: an upload, a file that holds what it came with,
or whatever names them as its content."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backoffice.domain.text import fold
from backoffice.errors import Conflict
from backoffice.stores import files as file_store
from backoffice.stores import uploads as upload_store
from backoffice.stores.client import Command
from backoffice.stores.file_indexes import SHORT
from backoffice.stores.fsck.repair import Changed, Repairer
from backoffice.stores.records.commit import Commit

ATTEMPTS = 20
"""How often it is looked where bytes belong that go from one record to another meanwhile."""


@dataclass(frozen=True, slots=True)
class Home:
    """`chunks`: of the file or version whose bytes they are, None where there is none; `upload`: there is one, which
    has any number. `own`: what the file of that identifier holds instead, None where there is no such file."""

    chunks: int | None
    upload: bool
    own: str | None = None

    def has(self, index: int) -> bool:
        """Whether the chunk belongs to it."""
        return self.upload or (self.chunks is not None and index < self.chunks)

    @property
    def missing(self) -> bool:
        return self.chunks is None and not self.upload


class Homes:
    """Asks the records. What holds which content is an index, so it takes two steps."""

    def __init__(self, repairer: Repairer) -> None:
        self._repairer, self._db, self._keys = repairer, repairer.db, repairer.keys

    def of(self, ids: Sequence[str]) -> list[Home]:
        """As of some moment each: what looks homeless may be on its way from one record to another."""
        holders = [_text(one) for one in self._db.many([self._holder_question(one) for one in ids])]
        rows = self._db.many([command for pair in zip(ids, holders, strict=True) for command in self._questions(*pair)])
        return [_home(holder, *rows[3 * at : 3 * at + 3]) for at, holder in enumerate(holders)]

    def now(self, content: str, *more: Command) -> tuple[Home, list[Any]]:
        """As of one moment, with the answers to `more` questions of the same moment. Raises Conflict where that takes
        too long."""
        for _ in range(ATTEMPTS):
            holder = _text(self._db.call(*self._holder_question(content)))
            asked = [self._holder_question(content), *self._questions(content, holder), *more]
            again, *answers = self._repairer.read_atomically(asked)
            if _text(again) == holder:
                return _home(holder, *answers[:3]), answers[3:]
        raise Conflict

    def check_missing(self, commit: Commit, content: str, home: Home) -> None:
        """Let the commit raise Changed where the bytes belong to something by then. `home`: as they were found."""
        record = self._keys.record(file_store.NOUN, content)
        commit.check("absent", self._keys.record(upload_store.NOUN, content), error=Changed())
        commit.check("unset", self._keys.unique(file_store.NOUN, "content"), fold(content), error=Changed())
        if home.own is None:
            commit.check("absent", record, error=Changed())
        else:
            commit.check("equal", record, SHORT["content"], home.own, error=Changed())

    def _holder_question(self, content: str) -> Command:
        return ("HGET", self._keys.unique(file_store.NOUN, "content"), fold(content))

    def _questions(self, content: str, holder: str) -> list[Command]:
        record, fields = self._keys.record(file_store.NOUN, content), (SHORT["total_chunks"], SHORT["content"])
        return [
            ("HMGET", record, *fields),
            ("HGET", self._keys.record(file_store.NOUN, holder or content), SHORT["total_chunks"]),
            ("EXISTS", self._keys.record(upload_store.NOUN, content)),
        ]


def _home(holder: str, own: list[bytes | None], held: bytes | None, upload: int) -> Home:
    total, content = own
    if total is not None and content is None:
        return Home(_number(total), bool(upload))
    elsewhere = _text(content) if total is not None else None
    return Home(_number(held) if holder and held is not None else None, bool(upload), own=elsewhere)


def _number(text: bytes) -> int:
    """Of a record that cannot be read, any: nothing is said of its bytes."""
    return int(text) if text.isdigit() else sys.maxsize


def _text(found: bytes | None) -> str:
    return (found or b"").decode()
