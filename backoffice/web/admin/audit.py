"""The audit log: who did what to what, newest first. Nothing in it can be changed here; what was exported and sealed is
trimmed in the shell, and the end of the list says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import request
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.audit import AuditEntry
from backoffice.domain.limits import MAX_LOG_FILTER_VALUE
from backoffice.domain.log_archive import LogPage
from backoffice.domain.nouns import all_actions
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import rfc3339
from backoffice.errors import NotFound
from backoffice.services.audit import Audit
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.cells import badge_cell, code_cell, plain_cell, time_cell
from backoffice.web.admin.filters import InvalidFilter, equals, one_of
from backoffice.web.admin.list_state import ListState, PageInfo
from backoffice.web.admin.owners import user_id, user_name
from backoffice.web.formats import NOTHING
from backoffice.web.identity import actor


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
    def raw(self) -> str:
        """The event as the log has it. Escapes stay: no character of a name may rearrange what is evidence."""
        return json.dumps(self.event, indent=2, ensure_ascii=True)


def facet(text: str) -> str:
    """A value as an index of the log has it."""
    if len(text) > MAX_LOG_FILTER_VALUE:
        raise ValueError(text)
    return text


def object_name(text: str) -> str:
    """`type:identifier`. Raises InvalidFilter for anything else."""
    kind, colon, identifier = facet(text).partition(":")
    if not (kind and colon and identifier):
        raise InvalidFilter("An object is written as its type and identifier, such as file:… or role:librarian.")
    return text


def _raw(_view: Any, _context: Any, record: Row, name: str) -> Markup:
    return Markup("<pre>{}</pre>").format(getattr(record, name))


def _value(value: Any) -> str | Markup:
    if value is None or value in ("", []):
        return NOTHING
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _changes(_view: Any, _context: Any, record: Row, _name: str) -> Markup:
    """Field, old value, new value."""
    if not record.changes:
        return NOTHING
    row = Markup('<tr><th scope="row">{}</th><td><bdi>{}</bdi></td><td><bdi>{}</bdi></td></tr>')
    rows = [row.format(name, *map(_value, pair)) for name, pair in record.changes.items()]
    head = Markup(
        '<thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
    )
    return Markup('<table class="changes">{}<tbody>{}</tbody></table>').format(head, Markup("").join(rows))


class AuditView(ServiceView):
    """Read only: there is no form, no delete, no action."""

    acts = ViewActs(read=Acts.AUDIT_READ)
    noun, section, icon, heading = "entry", "audit", "audit", "Activity"
    column_list = ("at", "who", "action", "outcome", "what", "ip", "via")
    column_details_list = (*column_list, "changes", "agent", "credential", "request_id", "id", "raw")
    column_labels: ClassVar = {
        "at": "When",
        "ip": "Address",
        "agent": "Program",
        "request_id": "Request",
        "id": "Identifier",
        "raw": "All that is recorded",
    }
    column_formatters: ClassVar = {
        "at": time_cell,
        "action": plain_cell,
        "ip": plain_cell,
        "via": plain_cell,
        "raw": _raw,
        "request_id": code_cell,
        "credential": code_cell,
        "changes": _changes,
        "outcome": badge_cell({"ok": "good", "denied": "warn", "error": "bad"}),
    }
    column_filters = (
        equals("actor", "Actor", user_id, show=user_name, hint="Name, e-mail or identifier"),
        one_of("action", "Action", lambda: [(one, one) for one in all_actions()]),
        equals("object", "Object", object_name, hint="file:identifier"),
        equals("ip", "Address", facet, hint="192.0.2.1"),
    )
    column_widths: ClassVar = {"at": 10, "who": 9, "action": 10, "outcome": 6, "ip": 10, "via": 5}
    column_low = ("ip", "via")
    list_template = "admin/audit_list.html"
    title_column = "action"
    empty_hint = "Nothing was recorded yet."
    service: Audit

    def get_page(self, query: Query) -> LogPage[Row]:
        """A page by cursor: the log grows at the top, so page numbers would show entries twice.

        The query's own cursor (of whoever walks through all pages) goes before that of the address.
        """
        cursor = query.cursor or request.args.get("cursor", "")
        return self.service.page(actor(), filters=query.filters, cursor=cursor, limit=query.limit).map(Row.of)

    def get_one(self, key: str) -> Row:
        return Row.of(self.service.get(actor(), key))

    def links(self, record: Row) -> Sequence[Link]:
        """More of the same actor, object and address; and the object itself, for who may see it."""
        kind, identifier = record.object
        found = []
        if record.actor_id:
            found.append(Link("By this actor", self.get_url(".index_view", flt0_actor_is=record.actor_id), "user"))
        if record.ip:
            found.append(Link("From this address", self.get_url(".index_view", flt0_ip_is=record.ip), "device"))
        if not identifier:
            return found
        object_url = self.get_url(".index_view", flt0_object_is=f"{kind}:{identifier}")
        found.append(Link(f"About this {kind}", object_url, "audit"))
        home = self._home_of(kind, identifier)
        if home is not None:
            found.append(Link(f"Open the {home.noun}", self.get_url(f"{home.endpoint}.details_view", id=identifier)))
        return found

    def list_context(self, state: ListState, found: Page[Row]) -> dict[str, Any]:
        here = state.url()
        joint = "&" if "?" in here else "?"
        # Where the list ends, it says what came before.
        trimmed = found.trimmed if isinstance(found, LogPage) and not found.next_cursor else None
        return {
            **super().list_context(state, found),
            "shown": PageInfo(1, len(found.items), found.total, found.exact, bool(found.next_cursor)),
            "trimmed": trimmed,
            "trimmed_on": rfc3339(trimmed.at)[:10] if trimmed else "",
            "newest_url": here if request.args.get("cursor") else "",
            "older_url": f"{here}{joint}cursor={found.next_cursor}" if found.next_cursor else "",
        }

    def _home_of(self, kind: str, identifier: str) -> ServiceView | None:
        """The section in which an object of the log is now, of those that this person may see; None when it is gone.
        There may be several for one type: a file is one from its first chunk on, until it leaves the trash."""
        for view in self.admin._views:  # noqa: SLF001 - there is no other way to the sections
            if isinstance(view, ServiceView) and (view.logged_as or view.noun) == kind and view.is_accessible():
                try:
                    view.get_one(identifier)
                except NotFound:
                    continue
                return view
        return None
