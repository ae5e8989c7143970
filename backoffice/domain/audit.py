"""What the audit log says: actions, outcomes, and the canonical form of an event."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from backoffice.domain.access import Actor
from backoffice.domain.actions import Action, Actions
from backoffice.domain.limits import MAX_AGENT
from backoffice.domain.times import now_ms, rfc3339

VERSION = 1
_PRODUCT = re.compile(r"(Firefox|Edg|OPR|Chrome|Version)/(\d+)")
_NAMES = {"Edg": "Edge", "OPR": "Opera", "Version": "Safari"}


class Outcome(StrEnum):
    OK = "ok"
    DENIED = "denied"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """What was acted on. `name` is the name at that moment."""

    type: str
    id: str
    name: str = ""


NO_OBJECT = ObjectRef("", "")


def short_agent(agent: str) -> str:
    """A browser by product and version, another client by the first word of what it says of itself.

    The whole text stands in the entry of the sign-in, to which `credential` leads; it would be a fifth of every entry.
    """
    found = dict(_PRODUCT.findall(agent)) if agent.startswith("Mozilla/") else {}
    for name in ("Edg", "OPR", "Firefox", "Chrome", "Version"):
        if name in found:
            return f"{_NAMES.get(name, name)}/{found[name]}"
    return agent.split(" ", maxsplit=1)[0][:40]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One act. `changes` is field -> (old, new); secrets never enter it. In a job `data` has the job's id as well, and
    where something is undone the id of its entry, and whose files were meant where somebody acted within another's,
    with what had given that."""

    action: Action
    actor: Actor
    object: ObjectRef = NO_OBJECT
    outcome: Outcome = Outcome.OK
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    at: int = field(default_factory=now_ms)

    def canonical(self) -> str:
        """The exact text that is stored: JSON, sorted keys, no spaces, ASCII; absent parts left out.

        ASCII escapes keep control and line separator characters of names out of every terminal and log (CWE-117).
        """
        event = {
            "v": VERSION,
            "at": rfc3339(self.at),
            "action": str(self.action),
            "outcome": str(self.outcome),
            "actor": self._actor(),
            "object": {"type": self.object.type, "id": self.object.id, "name": self.object.name},
            "request_id": self.actor.request_id,
            "changes": {name: list(pair) for name, pair in self.changes.items()},
            "data": self._data(),
        }
        if self.object == NO_OBJECT:
            del event["object"]
        kept = {key: value for key, value in event.items() if value or key == "v"}
        return _canonical(kept)

    def actor_json(self) -> str:
        """The actor as it stands in the text, with whose files were meant and through what, where these were another's:
        what is counted of readings has no other text of its own."""
        actor = self.actor
        within = {"acts_for": actor.acts_for, "through": actor.through}
        return _canonical({**self._actor(), **{name: value for name, value in within.items() if value}})

    def _data(self) -> dict[str, Any]:
        actor = self.actor
        said = {"job": actor.job.id if actor.job is not None else "", "undoes": actor.undoes}
        said |= {"on_behalf_of": actor.acts_for, "through": actor.through}
        return {**self.data, **{name: value for name, value in said.items() if value}}

    def _actor(self) -> dict[str, str]:
        agent = self.actor.agent
        signing_in = self.action in {Actions.SESSION_START, Actions.SESSION_REFUSE}
        actor = {
            "id": self.actor.id,
            "name": self.actor.name,
            "via": self.actor.via,
            "ip": self.actor.ip,
            "agent": agent[:MAX_AGENT] if signing_in else short_agent(agent),
            "credential": self.actor.credential,
        }
        return {key: value for key, value in actor.items() if value}


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class CountedRefusals:
    """Refusals that have no entry of their own, from `since` (ms) on: how many, from how many networks (about), and how
    often for which reason, about what (`type:id`) and from which network, a few of each."""

    action: Action
    since: int
    count: int
    networks: int
    reasons: Mapping[str, int]
    targets: Mapping[str, int]
    sample: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CountedReads:
    """Readings of a file by one person, in one span, by one credential and from one address, that have no entry of
    their own: how many, of how many bytes in all, the first and the last (ms). Of parts also from where to where they
    reach, and the largest. `id`: which ones."""

    id: str
    actor: Actor
    object: ObjectRef
    count: int
    bytes: int
    since: int
    until: int
    range: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None


def stored_actor(text: str) -> Actor:
    """Who `AuditEvent.actor_json` was written of, as far as the log names them."""
    found: dict[str, str] = json.loads(text)
    return Actor(
        id=found.get("id", ""),
        name=found.get("name", ""),
        via=found.get("via", ""),
        ip=found.get("ip", ""),
        agent=found.get("agent", ""),
        credential=found.get("credential", ""),
        acts_for=found.get("acts_for", ""),
        through=found.get("through", ""),
    )


@dataclass(frozen=True)
class AuditEntry:
    """An event as it is in the log: `id` is its stream id, `raw` the exact bytes."""

    id: str
    raw: bytes

    @cached_property
    def event(self) -> Mapping[str, Any]:
        """The parsed JSON."""
        event: Mapping[str, Any] = json.loads(self.raw.decode())
        return event
