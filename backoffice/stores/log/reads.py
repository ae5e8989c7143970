"""Readings of files: the first one of a span is an entry of the log, more of the same kind by the same reader are
counted."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from secrets import token_hex
from typing import Final

from backoffice.domain.audit import AuditEvent, CountedReads, ObjectRef, stored_actor
from backoffice.domain.files import Piece
from backoffice.domain.limits import READS_SECONDS
from backoffice.errors import Conflict, VersionMismatch
from backoffice.stores.client import Arg, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.segments import Appending
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import DAY_SECONDS, KEEP_SECONDS, Commit, charged, facets, too_much, weight

SPAN_MS: Final = READS_SECONDS * 1000
LATE_MS: Final = 60_000
"""For so long after its end processes may find a span that their clock has not seen end."""


class _Changed(Conflict):
    """Another one was counted meanwhile, or somebody else wrote it."""


class RedisReads:
    """`read.lua`, and what it has counted."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def record(
        self,
        event: AuditEvent,
        start: int,
        stop: int,
        *,
        piece: Piece,
        acts: int | None,
        version: tuple[bytes, str, str] | None = None,
        chunk: bytes | None = None,
        content: str = "",
    ) -> bytes | None:
        """Record or count that bytes [start, stop) of the event's object are asked for; what `chunk` holds. `acts`: how
        many the reader may have in a day. `version`: the key of the file's record, the field and what it has to hold.
        `content`: which of the contents that the object has had; "" = the first.

        Raises VersionMismatch, TooMany.
        """
        actor, text = event.actor, event.canonical()
        span = event.at // SPAN_MS
        name = f"{_reader(event, piece, content)}.{span}"
        most = acts if charged(event) else None
        keys = [
            self._keys.request(token_hex(16)),
            self._keys.reads(name),
            self._keys.reads_due,
            self._keys.daily("acts", actor.id, event.at // (DAY_SECONDS * 1000)),
            version[0] if version is not None else self._keys.audit,
            self._keys.audit,
            self._keys.full_indexes,
            *(self._keys.audit_index(facet, value) for facet, value in facets(event)),
        ]
        args: list[Arg] = [KEEP_SECONDS, self._keys.full_bytes, *(version[1:] if version is not None else ("", ""))]
        args += [event.at, (span + 1) * SPAN_MS, LATE_MS, "" if most is None else most, weight(len(text)), DAY_SECONDS]
        args += [name, text, event.actor_json(), event.object.id, event.object.name]
        args += [start, stop, "" if piece is Piece.WHOLE else "1", "" if chunk is None else "1"]
        if chunk is not None:
            keys.append(chunk)
        status, *rest = Appending("read", keys, args, allow_oom=True).run(self._db, self._keys, ground=actor.ground)
        if status == b"changed":
            raise VersionMismatch
        if status == b"spent":
            raise too_much("acts", most or 0, event)
        found: bytes | None = rest[0] if rest else None
        return found

    def counted(self, now: int, limit: int) -> list[CountedReads]:
        """As `AuditLog.counted_reads`."""
        due = self._db.call("ZRANGE", self._keys.reads_due, "-inf", now, "BYSCORE", "LIMIT", 0, limit)
        names = [name.decode() for name in due]
        rows = self._db.many([("HGETALL", self._keys.reads(name)) for name in names]) if names else []
        found = zip(names, map(pairs, rows), strict=True)
        # Somebody else may have written it between the two questions, and a late reader have begun anew.
        return [_counted(name, row) for name, row in found if b"actor" in row]

    def write_counted(self, counted: CountedReads, event: AuditEvent) -> None:
        """As `AuditLog.write_counted_reads`."""
        commit, key = Commit(self._keys, event), self._keys.reads(counted.id)
        commit.check("equal", key, "times", counted.count + 1, error=_Changed())
        commit.write("DEL", key)
        commit.write("ZREM", self._keys.reads_due, counted.id)
        with suppress(_Changed):
            commit.run(self._db, when_full=True)


def _reader(event: AuditEvent, piece: Piece, content: str) -> str:
    """Who reads what. Somebody else with the same person's token or from elsewhere is not the reader that has been
    recorded, nor is the same person in another right."""
    actor = event.actor
    reader = f"{actor.id}:{actor.credential}:{actor.ip}:{event.object.id}:{piece}" + (f":{content}" if content else "")
    if actor.through:
        reader += f":{actor.through}"
    return hashlib.sha256(reader.encode()).hexdigest()[:24]


def _counted(name: str, row: dict[bytes, bytes]) -> CountedReads:
    number = {field.decode(): int(value) for field, value in row.items() if field not in {b"actor", b"file", b"name"}}
    parts = "low" in number
    return CountedReads(
        id=name,
        actor=stored_actor(row[b"actor"].decode()),
        object=ObjectRef("file", row[b"file"].decode(), row[b"name"].decode()),
        count=number["times"] - 1,
        bytes=number["bytes"],
        since=number["since"],
        until=number["until"],
        range=(number["low"], number["high"]) if parts else None,
        largest=(number["first"], number["stop"]) if parts else None,
    )
