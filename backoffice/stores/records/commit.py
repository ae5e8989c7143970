"""Building and running a commit: checks, writes and events that happen together or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from backoffice.domain.audit import NO_OBJECT, AuditEvent
from backoffice.errors import BackofficeError
from backoffice.stores.client import Db
from backoffice.stores.keys import Keys
from backoffice.stores.log import log_index

KEEP_SECONDS = 120
"""For so long a repeated commit is recognised; a client gives up repeating long before."""

COMMANDS = frozenset(
    {
        "HSET",
        "HDEL",
        "HINCRBY",
        "DEL",
        "SET",
        "INCR",
        "PERSIST",
        "PEXPIREAT",
        "ZADD",
        "ZREM",
        "ZREMRANGEBYSCORE",
        "ZINCRBY",
    }
)


class Commit:
    """One change of the control plane. Its events are given when it is made, because there is no change without."""

    def __init__(self, keys: Keys, *events: AuditEvent) -> None:
        self._all = keys
        self._keys: dict[bytes, int] = {}
        self._checks: list[list[str | int]] = []
        self._errors: list[BackofficeError] = []
        self._writes: list[list[str | int]] = []
        self._position(keys.request(token_hex(16)))
        self._position(keys.audit)
        self._events: list[list[str | list[int]]] = []
        for event in events:
            self.add_event(event)

    def add_event(self, event: AuditEvent) -> None:
        """One more act that this change consists of."""
        self._events.append([event.canonical(), self._indexes(event)])

    def _position(self, key: bytes) -> int:
        return self._keys.setdefault(key, len(self._keys) + 1)

    def _indexes(self, event: AuditEvent) -> list[int]:
        return [self._position(self._all.audit_index(facet, value)) for facet, value in facets(event)]

    def check(self, op: str, key: bytes, *args: str | int, error: BackofficeError) -> None:
        """An operation of `commit.lua`; where it does not hold, nothing happens and `run` raises `error`."""
        self._checks.append([op, self._position(key), *map(str, args)])
        self._errors.append(error)

    def write(self, command: str, key: bytes, *args: str | float) -> None:
        """A command on one key, carried out after all checks hold."""
        if command not in COMMANDS:
            raise ValueError(f"{command} is not a command of a commit")
        self._writes.append([command, self._position(key), *map(str, args)])

    def run(self, db: Db, *, freeing: bool = False) -> str:
        """Carry it out; the id of its last event. `freeing`: also when memory is full.

        Raises the error of the first check that does not hold. What was seen instead stays here: it may be somebody
        else's.
        """
        program = {
            "checks": self._checks,
            "writes": self._writes,
            "events": self._events,
            "keep": KEEP_SECONDS,
            "most": log_index.MOST_BYTES,
        }
        status, what, *_ = db.script("commit", list(self._keys), [json.dumps(program)], allow_oom=freeing)
        if status == b"done":
            text: str = what.decode()
            return text
        raise self._errors[int(what)]


def facets(event: AuditEvent) -> list[tuple[str, str]]:
    """What an event is indexed by."""
    found = [("action", str(event.action))]
    if event.actor.id:
        found.append(("actor", event.actor.id))
    if event.object != NO_OBJECT:
        found.append(("object", f"{event.object.type}:{event.object.id}"))
    if event.actor.ip:
        found.append(("ip", event.actor.ip))
    return found


def written_facets(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The same of an event as it stands in the log, for `fsck`."""
    actor, target = event.get("actor", {}), event.get("object")
    found = [("action", str(event["action"]))]
    if actor.get("id"):
        found.append(("actor", actor["id"]))
    if target is not None:
        found.append(("object", f"{target['type']}:{target['id']}"))
    if actor.get("ip"):
        found.append(("ip", actor["ip"]))
    return found
