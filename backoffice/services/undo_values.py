"""What entries of the log say of records, and what records say in the words of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backoffice.domain.audit import AuditEntry
from backoffice.domain.undo import Opposite, Verb
from backoffice.domain.views import VIEWS, Audience, SavedView
from backoffice.services.records import plain


def values_of(record: Any, names: Sequence[str]) -> dict[str, Any]:
    """As the log has them; None of a record that is not there."""
    return {name: plain(getattr(record, name)) if record is not None else None for name in names}


def view_of(undoing: Opposite) -> SavedView | None:
    """The view that was deleted, or made, as its entry has it; None where that does not say all."""
    values = undoing.back if undoing.verb is Verb.CREATE else undoing.left
    if undoing.verb is Verb.CHANGE or not {*VIEWS.recorded} <= {*values} or values["audience"] not in [*Audience]:
        return None
    audience = Audience(values["audience"])
    section, name, query, owner = (str(values[field]) for field in ("section", "name", "query", "owner"))
    return SavedView(undoing.key, owner, section, name, query, 0, 0, audience)


def who_and_when(entry: AuditEntry) -> dict[str, str]:
    """Whose entry it is, and of what time."""
    actor = entry.event.get("actor", {})
    return {"by": str(actor.get("name") or actor.get("id", "")), "at": str(entry.event.get("at", ""))}
