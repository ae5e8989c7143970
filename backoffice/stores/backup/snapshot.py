"""The records and the log as of one moment, read while others change them.

The connection is told which keys change (`tracked.py`). So all records are read once, one after the other, those that
have changed meanwhile once more, and so on, each time fewer; at last a transaction reads what is left, together with
the newest entries of the log. Where something else had changed just before it, it is done again with that. What it has
read then, and what was read before and has not changed since, is the state of the moment in which it was carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backoffice.domain.log_archive import line_of
from backoffice.domain.times import now_ms
from backoffice.errors import Unavailable
from backoffice.stores.backup.contents import NEED, need_of
from backoffice.stores.backup.kinds import Class, Kind, kind_of
from backoffice.stores.backup.output import Output
from backoffice.stores.backup.tar import Part
from backoffice.stores.backup.tracked import Tracked
from backoffice.stores.backup.values import Value, answered, questions
from backoffice.stores.client import Command, Db
from backoffice.stores.files import NOUN as FILES
from backoffice.stores.keys import Keys
from backoffice.stores.log.audit import entries_of

KEYS: Final = 2000
"""That one step of a scan looks at; of few of them the value is read."""
SCAN: Final = 500
"""Records that are read again together."""
FEW: Final = 500
"""Records that one transaction reads: some ms of the store."""
ROUNDS: Final = 50
"""How often what has changed is read again before that transaction, though it does not become fewer."""
TRIES: Final = 1000
"""Of the transaction: others may change something in each turn of a busy store."""
LINES: Final = 2 * 1024**2
"""Bytes of lines that a member has."""
ENTRIES: Final = 500
_NEED: Final = [name.encode() for name in NEED]


@dataclass(slots=True)
class Lines:
    """Lines on their way into members."""

    output: Output
    part: Part
    count: int = 0
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, line: bytes) -> None:
        """One more."""
        self._lines.append(line)
        self._size += len(line)
        self.count += 1
        if self._size >= LINES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._lines:
            self.output.add_lines(self.part, self._lines)
            self._lines, self._size = [], 0


@dataclass(slots=True)
class Snapshot:
    """Reads them. `named`: by record, the content that it needs, as it was read last; `last`: the last entry of the log
    that was read."""

    db: Db
    keys: Keys
    records: Lines
    entries: Lines
    now: Callable[[], int] = now_ms
    named: dict[str, str] = field(default_factory=dict)
    last: str = ""
    _tracked: Tracked | None = None
    _prefix: bytes = b""
    _frequent: tuple[bytes, ...] = ()
    """How keys begin of which there is one for each file, and none is a record."""

    def __post_init__(self) -> None:
        self._frequent = (self.keys.audit_index("object", ""), self.keys.chunk_map(""))
        self._prefix = self.keys.name_of(self.keys.record(FILES, ""))

    # -- all of it

    def begin(self) -> Iterator[int]:
        """Read all records, and the log as far as it goes; after each piece how many keys it was."""
        self.close()
        self.named.clear()
        self._tracked = tracked = Tracked(self.db, self.keys)
        position, keys = tracked.call(*self._scan(0))
        known: dict[bytes, Kind] = {}
        replies: Sequence[Any] = ()
        while int(position):
            # The next keys are asked for together with the records of these; those before are noted meanwhile.
            following = self._known(keys)
            receive = tracked.ask([self._scan(int(position)), *_questions(following)])
            self._note(known, replies)
            (position, keys), *replies = receive()
            known = following
            yield len(known)
        self._note(known, replies)
        self._read(keys)
        yield len(keys)
        newest = tracked.call("XREVRANGE", self.keys.audit, "+", "-", "COUNT", 1)
        yield from self._log_until(newest[0][0].decode() if newest else "")

    def catch_up(self) -> Iterator[int]:
        """Read again what has changed since, until it is little; after each piece how many keys it was."""
        tracked = self._opened
        for _ in range(ROUNDS):
            self.listen()
            # Also where few records have changed: entries may be very many, and the transaction reads what is left.
            yield from self._log_until("+")
            if len(self._changed()) <= FEW:
                return
            keys = list(tracked.take())
            for start in range(0, len(keys), SCAN):
                self._read(keys[start : start + SCAN])
                yield len(keys[start : start + SCAN])

    def listen(self) -> None:
        """Take what is told of changes, which the server keeps in its memory until then."""
        self._opened.call("PING")

    def settle(self) -> None:
        """Read the rest, as of one moment. Raises Unavailable where too much changes."""
        tracked = self._opened
        for _ in range(TRIES):
            dirty = self._known(tracked.take())
            log: Command = ("XRANGE", self.keys.audit, f"({self.last}" if self.last else "-", "+")
            replies, before = tracked.at_one_moment([*_questions(dirty), log])
            self._note(dirty, replies[:-1])
            self._note_entries(replies[-1])
            if all(key in dirty or self._kind(key) is None for key in before):
                return
        raise Unavailable("The store changes too fast for a backup; try again at a quieter time.")

    def flush(self) -> None:
        """All that was read is in the archive."""
        self.records.flush()
        self.entries.flush()

    def close(self) -> None:
        """What changes is not told any more."""
        if self._tracked is not None:
            self._tracked.close()
            self._tracked = None

    # -- pieces

    @property
    def _opened(self) -> Tracked:
        if self._tracked is None:
            raise Unavailable
        return self._tracked

    def _kind(self, key: bytes) -> Kind | None:
        """Of a key whose value is in the archive."""
        if key.startswith(self._frequent):
            return None
        kind = kind_of(self.keys, key)
        return kind if kind is not None and kind.of is Class.RECORD else None

    def _changed(self) -> list[bytes]:
        return [key for key in self._opened.changed if self._kind(key) is not None]

    def _scan(self, cursor: int) -> Command:
        return ("SCAN", cursor, "MATCH", self.keys.control_keys, "COUNT", KEYS)

    def _known(self, keys: Iterable[bytes]) -> dict[bytes, Kind]:
        return {key: kind for key in keys if (kind := self._kind(key)) is not None}

    def _read(self, keys: Iterable[bytes]) -> None:
        known = self._known(keys)
        self._note(known, self._opened.many(_questions(known)))

    def _note(self, known: dict[bytes, Kind], replies: Sequence[Any]) -> None:
        at, now = 0, self.now()
        for key, kind in known.items():
            count = 2 if kind.expires else 1
            value = answered(self.keys.name_of(key), kind, replies[at : at + count], now)
            at += count
            self.records.add(value.line())
            if value.name.startswith(self._prefix):
                self._note_file(value)

    def _note_file(self, value: Value) -> None:
        file_id = value.name[len(self._prefix) :].decode()
        fields = value.fields
        need = need_of(file_id, [fields.get(name) for name in _NEED])
        if need is None:
            self.named.pop(file_id, None)
        else:
            # The same object where it can be: there may be millions.
            self.named[file_id] = file_id if need.content == file_id else need.content

    def _log_until(self, last: str) -> Iterator[int]:
        """The log up to this entry; "" = nothing. In pieces."""
        while last:
            start = f"({self.last}" if self.last else "-"
            rows = self._opened.call("XRANGE", self.keys.audit, start, last, "COUNT", ENTRIES)
            self._note_entries(rows)
            yield len(rows)
            if len(rows) < ENTRIES:
                return

    def _note_entries(self, rows: Any) -> None:
        for entry in entries_of(rows):
            self.entries.add(line_of(entry))
            self.last = entry.id


def _questions(known: Mapping[bytes, Kind]) -> list[Command]:
    return [command for key, kind in known.items() for command in questions(key, kind)]
