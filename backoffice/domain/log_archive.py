"""Entries of the log in a file, what seals them, and what has left the log.

A file of the log is JSON Lines: a line for each entry, in the order of the log, with its id and its event exactly as
stored. The SHA-256 of the lines is that of the file, so `sha256sum` finds it. Seals follow each other without a gap,
and each has the one before in its `chain`: who keeps the last chain can tell whether any file of them was changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Generic, Self, TypeVar

from backoffice.domain.audit import AuditEntry
from backoffice.domain.paging import Page
from backoffice.domain.times import parse_time
from backoffice.errors import Invalid

T = TypeVar("T")
U = TypeVar("U")

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line; an event has some hundred."""
_LINE: Final = re.compile(rb'\{"id":"([0-9]{1,15}-[0-9]{1,19})","event":\{[ -~]*\}\}\n')
_ID: Final = re.compile(r"(?a:\d{1,15}-\d{1,19})")
_LAST_SEQUENCE: Final = "9" * 19
_LONGEST: Final = 40
"""Characters of an id or a time."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Entries that follow each other in the log: the ids of the first and the last, how many, and the SHA-256 of their
    lines (hexadecimal)."""

    first: str
    last: str
    entries: int
    sha256: str

    def as_data(self) -> dict[str, Any]:
        """As it stands in an event."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Seal:
    """That these entries were exported, and with which digest. `before` is the chain of the seal before, "" for the
    first; `at` is when, ms."""

    number: int
    extent: Extent
    before: str
    chain: str
    at: int

    @classmethod
    def after(cls, last: Seal | None, extent: Extent, at: int) -> Self:
        """The next one."""
        before = last.chain if last else ""
        return cls(last.number + 1 if last else 1, extent, before, chain(before, extent.sha256), at)

    def as_data(self) -> dict[str, Any]:
        """As it stands in an event."""
        return {"number": self.number, **self.extent.as_data(), "before": self.before, "chain": self.chain}

    def dump(self) -> str:
        """As it is stored."""
        return json.dumps({**self.as_data(), "at": self.at}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def load(cls, text: bytes) -> Self:
        """What `dump` has made."""
        row = json.loads(text)
        extent = Extent(row["first"], row["last"], row["entries"], row["sha256"])
        return cls(row["number"], extent, row["before"], row["chain"], row["at"])


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What has left the log: everything up to the entry `last`, `entries` in all, by the seals up to `number`. The last
    of these has `sha256` and `chain`; its entries left at `at`, ms."""

    number: int
    last: str
    entries: int
    sha256: str
    chain: str
    at: int

    def dump(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def load(cls, text: bytes | None) -> Self | None:
        """What `dump` has made, with whatever a later version adds; None where nothing was trimmed."""
        if not text:
            return None
        row = json.loads(text)
        return cls(row["number"], row["last"], row["entries"], row["sha256"], row["chain"], row["at"])

    def covers(self, entry_id: str) -> bool:
        """Whether an entry of this id would have left."""
        return position(entry_id) <= position(self.last)


@dataclass(frozen=True, slots=True)
class Archived:
    """The seals in their order; what has left the log; and up to which entry that is still being carried out ("": it
    is done)."""

    seals: tuple[Seal, ...]
    trimmed: Trimmed | None
    pending: str


@dataclass(frozen=True, slots=True)
class LogPage(Page[T], Generic[T]):
    """A page of the log. `trimmed`: where the log begins, None where nothing has left it."""

    trimmed: Trimmed | None = None

    def map(self, change: Callable[[T], U]) -> LogPage[U]:
        """The same page of changed items."""
        items = tuple(change(item) for item in self.items)
        return LogPage(items, self.total, self.exact, self.next_cursor, self.trimmed)


class Measure:
    """The extent of lines that are added one by one."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._first = self.last = ""
        self.entries = self.size = 0

    def add(self, entry_id: str, line: bytes) -> None:
        """One more line."""
        self._hash.update(line)
        self._first, self.last = self._first or entry_id, entry_id
        self.entries, self.size = self.entries + 1, self.size + len(line)

    @property
    def extent(self) -> Extent:
        return Extent(self._first, self.last, self.entries, self._hash.hexdigest())


def line_of(entry: AuditEntry) -> bytes:
    """An entry's line in a file of the log."""
    return b'{"id":"%s","event":%s}\n' % (entry.id.encode(), entry.raw)


def id_in(line: bytes) -> str:
    """The id of the entry whose line this is. Raises Invalid for another line."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise Invalid("This is not a whole line of an export of the log.")
    return found[1].decode()


def measure(lines: Iterable[bytes]) -> Extent:
    """The extent of a file of the log. Raises Invalid, which names the line, where it is none."""
    found = Measure()
    for line in lines:
        try:
            entry_id = id_in(line)
        except Invalid as error:
            raise Invalid(f"Line {found.entries + 1}: {error}") from None
        if found.last and position(entry_id) <= position(found.last):
            raise Invalid(f"Line {found.entries + 1}: the entry does not come after the one before.")
        found.add(entry_id, line)
    if not found.entries:
        raise Invalid("There is no entry in it.")
    return found.extent


def chain(before: str, sha256: str) -> str:
    """The chain of a seal: SHA-256 of the chain before and of the digest, a line each."""
    return hashlib.sha256(f"{before}\n{sha256}\n".encode()).hexdigest()


def position(entry_id: str) -> tuple[int, int]:
    """The place of an id in the order of the log."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence)


def after(entry_id: str) -> str:
    """The least id behind this one."""
    milliseconds, sequence = position(entry_id)
    return f"{milliseconds}-{sequence + 1}"


def since_bound(text: str) -> str:
    """The first id of what `since` names, an id or a time; "" for "". Raises Invalid."""
    return text if not text or _is_id(text) else f"{_time(text, 'since')}-0"


def until_bound(text: str) -> str:
    """The last id of what `until` names: an id, or a time before which the entries were written; "" for ""."""
    if not text or _is_id(text):
        return text
    milliseconds = _time(text, "until")
    return f"{milliseconds - 1}-{_LAST_SEQUENCE}" if milliseconds else "0-0"


def unmatched(seals: Iterable[Seal], events: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with the seals as they are stored, "" where nothing is: each goes on where the one before ended,
    and says what its event in the log says (of those that are still there)."""
    said = {event["data"].get("number"): event["data"] for event in events}
    last: Seal | None = None
    for seal in seals:
        if Seal.after(last, seal.extent, seal.at) != seal:
            return f"Seal {seal.number} does not go on from the one before."
        if said.setdefault(seal.number, seal.as_data()) != seal.as_data():
            return f"Seal {seal.number} is not as its event in the log."
        last = seal
    beyond = [number for number in said if last is None or number > last.number]
    return f"The log has an event of seal {min(beyond)}, which is not there." if beyond else ""


def _is_id(text: str) -> bool:
    return len(text) <= _LONGEST and _ID.fullmatch(text) is not None


def _time(text: str, field: str) -> int:
    with suppress(ValueError):
        if len(text) <= _LONGEST:
            return max(0, parse_time(text))
    raise Invalid(
        "This is neither the identifier of an entry nor a day or time, as in 2026-01-31 and RFC 3339.", field=field
    )
