"""Refusals of people who are not signed in: the first ones are entries of the log, more of them are counted."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from secrets import token_hex
from typing import Final

from backoffice.domain.actions import Action
from backoffice.domain.audit import AuditEvent, CountedRefusals
from backoffice.domain.limits import COUNTED_SECONDS, MAX_NAMED_REFUSALS, MAX_REFUSAL_ENTRIES, REFUSAL_ENTRY_SECONDS
from backoffice.errors import Conflict
from backoffice.stores.client import Arg, Db
from backoffice.stores.keys import Keys
from backoffice.stores.log.segments import Appending
from backoffice.stores.records.codec import pairs
from backoffice.stores.records.commit import Commit, facets

_KINDS: Final = ("reason", "target", "network")


class _Changed(Conflict):
    """Another one was counted meanwhile, or somebody else wrote it."""


class RedisRefusals:
    """`refusal.lua`, and what it has counted."""

    def __init__(self, db: Db, keys: Keys) -> None:
        self._db, self._keys = db, keys

    def refuse(self, event: AuditEvent, alike: str, network: str) -> bool:
        """As `AuditLog.refuse`. Also when memory is full: it is bounded, and who is refused must be told so."""
        action = event.action
        indexes = [self._keys.audit_index(facet, value) for facet, value in facets(event)]
        counting = [*self._parts(action, "counted"), *self._parts(action, "due")]
        keys = [*counting, self._keys.refusals(action, "places"), self._keys.audit, self._keys.full_indexes]
        keys += indexes
        target = f"{event.object.type}:{event.object.id}" if event.object.id else ""
        args: list[Arg] = [
            event.at,
            COUNTED_SECONDS * 1000,
            MAX_REFUSAL_ENTRIES,
            REFUSAL_ENTRY_SECONDS * 1000,
            self._keys.full_bytes,
            event.canonical(),
            hashlib.sha256(alike.encode()).hexdigest()[:16] if alike else token_hex(8),
            str(event.data.get("because", "")),
            target,
            network,
            MAX_NAMED_REFUSALS,
        ]
        _, due = Appending("refusal", keys, args, allow_oom=True).run(self._db, self._keys)
        return bool(due)

    def counted(self, action: Action, now: int) -> CountedRefusals | None:
        """As `AuditLog.counted_refusals`."""
        parts = ("due", "counted")
        asked = [self._parts(action, part) for part in parts]
        replies = self._db.many([one for row, places in asked for one in (("HGETALL", row), ("PFCOUNT", places))])
        for part, row, networks in zip(parts, replies[::2], replies[1::2], strict=True):
            found = {name.decode(): value for name, value in pairs(row).items()}
            since, count = int(found.get("since", now)), int(found.get("count", 0))
            if count and (part == "due" or not since <= now < since + COUNTED_SECONDS * 1000):
                named = [_named(found, kind) for kind in _KINDS]
                return CountedRefusals(action, since, count, int(networks), *named)
        return None

    def write_counted(self, counted: CountedRefusals, event: AuditEvent) -> None:
        """As `AuditLog.write_counted_refusals`."""
        for part in ("due", "counted"):
            commit, (row, networks) = Commit(self._keys, event), self._parts(counted.action, part)
            for name, value in (("since", counted.since), ("count", counted.count)):
                commit.check("equal", row, name, value, error=_Changed())
            for key in (row, networks):
                commit.write("DEL", key)
            with suppress(_Changed):
                commit.run(self._db, when_full=True)
                return

    def _parts(self, action: Action, part: str) -> tuple[bytes, bytes]:
        return self._keys.refusals(action, part), self._keys.refusals(action, f"{part}-networks")


def _named(found: dict[str, bytes], kind: str) -> dict[str, int]:
    """What was named of a kind, the most frequent first."""
    start = f"{kind}:"
    counts = {name.removeprefix(start): int(value) for name, value in found.items() if name.startswith(start)}
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
