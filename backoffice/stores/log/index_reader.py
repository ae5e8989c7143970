"""Reading the indexes of the log (`log_index.lua`): one trip where the newest entries are asked for, two where the
answer is in segments, another one where these have changed in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from backoffice.domain.audit import AuditEntry
from backoffice.domain.log_archive import Trimmed
from backoffice.errors import Unavailable
from backoffice.stores.client import Arg, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.log_index import WIDTH, pack, unpack

ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class Window:
    """Entries of an index. `total`: how many there are in the asked span, `ids` and `entries`: the asked ones of these,
    newest first, the entries without those that have left the log."""

    total: int
    ids: tuple[str, ...]
    entries: tuple[AuditEntry, ...]
    trimmed: Trimmed | None


@dataclass(frozen=True, slots=True)
class IndexReader:
    """Asks without changing anything, also when memory is full."""

    db: Db
    keys: Keys

    def window(self, index: bytes, *, before: str, count: int, read: int, since: str = "", until: str = "") -> Window:
        """The last `count` entries before `before`, of which `read` at most are read from the log. Bounds are ids, ""
        = none: the entries counted and found are from `since` on and below `until`."""
        bounds = [pack(one) if one else b"" for one in (before, since, until)]
        named = [index, self.keys.segments(index), self.keys.audit, self.keys.seals]
        total, ids, row, trimmed = self._ask([index], named, ["page", *bounds, count, read], pairs=False)
        entries = tuple(AuditEntry(one.decode(), raw) for one, raw in zip(row[::2], row[1::2], strict=True))
        return Window(int(total), tuple(unpack(ids)[::-1]), entries, Trimmed.load(trimmed))

    def last(self, index: bytes, entry: bytes, count: int) -> bytes:
        """The last `count` packed entries up to this one, as one string, in rising order."""
        above = (int.from_bytes(entry, "big") + 1).to_bytes(WIDTH, "big")
        named = [index, self.keys.segments(index), self.keys.audit, self.keys.seals]
        found: bytes = self._ask([index], named, ["page", above, b"", b"", count, 0], pairs=False)[1]
        return found

    def ranks(self, questions: Sequence[tuple[bytes, bytes]]) -> list[tuple[int, bool]]:
        """For each (index, packed entry) the number of entries below it, and whether it is there itself."""
        if not questions:
            return []
        indexes = list(dict.fromkeys(index for index, _ in questions))
        numbers = {index: number for number, index in enumerate(indexes, 1)}
        named = [key for index in indexes for key in (index, self.keys.segments(index))]
        asked = [arg for index, entry in questions for arg in (numbers[index], entry)]
        found = self._ask(indexes, named, ["ranks", len(indexes), len(questions), *asked], pairs=True)
        return [(int(below), bool(there)) for below, there in zip(found[::2], found[1::2], strict=True)]

    def _ask(self, indexes: Sequence[bytes], named: Sequence[bytes], args: Sequence[Arg], *, pairs: bool) -> list[Any]:
        """The answer, with the segments that it takes. `pairs`: they are said with the number of their index."""
        given: list[tuple[int, int]] = []
        for _ in range(ATTEMPTS):
            keys = [*named, *(self.keys.segment(indexes[pair - 1], number) for pair, number in given)]
            said = [part for pair, number in given for part in ((pair, number) if pairs else (number,))]
            status, *rest = self.db.script("log_index", keys, [*args, *said], allow_oom=True)
            if status == b"ok":
                answer: list[Any] = rest
                return answer
            missing = list(map(int, rest))
            given += zip(missing[::2], missing[1::2], strict=True)
        raise Unavailable
