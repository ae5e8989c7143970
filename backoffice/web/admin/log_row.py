"""An entry of the log, by the columns of its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from backoffice.domain.audit import AuditEntry
from backoffice.web.admin.log_lines import ways
from backoffice.web.formats import NOTHING
from backoffice.web.sentences import sentence


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, by the columns of the list. What only its own page shows is worked out when it is asked for."""

    id: str
    event: Mapping[str, Any]
    at: str
    who: str
    action: str
    outcome: str
    what: str
    ip: str
    via: str

    @classmethod
    def of(cls, entry: AuditEntry) -> Row:
        event = entry.event
        by, target = event.get("actor", {}), event.get("object", {})
        named = target.get("name") or target.get("id", "")
        count = event.get("data", {}).get("count")
        times = f" \N{MULTIPLICATION SIGN} {count}" if count else ""
        return cls(
            id=entry.id,
            event=event,
            at=event.get("at", ""),
            who=by.get("name", ""),
            action=event.get("action", ""),
            outcome=event.get("outcome", ""),
            what=(f"{target['type']} {named}" if target else "") + times,
            ip=by.get("ip", ""),
            via=by.get("via", ""),
        )

    @property
    def _actor(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.event.get("actor", {})
        return found

    @property
    def actor_id(self) -> str:
        return self._actor.get("id", "")

    @property
    def agent(self) -> str:
        return self._actor.get("agent", "")

    @property
    def credential(self) -> str:
        return self._actor.get("credential", "")

    @property
    def request_id(self) -> str:
        return str(self.event.get("request_id", ""))

    @property
    def object(self) -> tuple[str, str]:
        """Type and identifier."""
        target = self.event.get("object", {})
        return target.get("type", ""), target.get("id", "")

    @property
    def changes(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.event.get("changes", {})
        return found

    @property
    def sentence(self) -> Markup:
        """The entry in words, who and what as links."""
        return sentence(self.event, ways())

    @property
    def differences(self) -> list[tuple[str, str | Markup, str | Markup]]:
        """Field, value before, value after."""
        return [
            (name.replace("_", " "), shown_value(pair[0]), shown_value(pair[1])) for name, pair in self.changes.items()
        ]

    @property
    def raw(self) -> str:
        """The event as the log has it. Escapes stay: no character of a name may rearrange what is evidence."""
        return json.dumps(self.event, indent=2, ensure_ascii=True)


def shown_value(value: Any) -> str | Markup:
    """A value of a record, as the log has it, in words."""
    if value is None or value in ("", []):
        return NOTHING
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
