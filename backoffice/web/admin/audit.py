"""The audit log: who did what to what, newest first. Nothing in it can be changed here or anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import request
from markupsafe import Markup

from backoffice.domain.access import Permission
from backoffice.domain.audit import Action, AuditEntry
from backoffice.domain.paging import Page, Query
from backoffice.services.audit import Audit
from backoffice.web.admin.base import Allowed, ServiceView
from backoffice.web.admin.files import user_id
from backoffice.web.admin.filters import exactly, one_of
from backoffice.web.admin.formats import NOTHING, coded, isolated, stated
from backoffice.web.admin.listing import FilterValue, Shown
from backoffice.web.identity import actor


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, by the columns of the list."""

    id: str
    at: str
    who: str
    action: str
    outcome: str
    what: str
    ip: str
    via: str
    raw: str
    agent: str = ""
    credential: str = ""
    request_id: str = ""

    @classmethod
    def of(cls, entry: AuditEntry) -> Row:
        event = entry.event
        by, target = event.get("actor", {}), event.get("object", {})
        named = target.get("name") or target.get("id", "")
        return cls(
            id=entry.id, at=event.get("at", ""), who=by.get("name", ""), action=event.get("action", ""),
            outcome=event.get("outcome", ""), what=f"{target['type']} {named}" if target else "", ip=by.get("ip", ""),
            via=by.get("via", ""), raw=json.dumps(event, indent=2, ensure_ascii=False), agent=by.get("agent", ""),
            credential=by.get("credential", ""), request_id=event.get("request_id", ""),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditSource:
    """The log as the admin site reads it."""

    audit: Audit

    def page(self, query: Query) -> Page[Row]:
        found = self.audit.page(actor(), filters=query.filters, cursor=query.cursor, limit=query.limit)
        return found.map(Row.of)

    def get(self, key: str) -> Row:
        return Row.of(self.audit.get(actor(), key))


def _time(_view: Any, _context: Any, record: Row, name: str) -> Markup:
    value = getattr(record, name)
    return Markup('<time datetime="{0}" data-ago title="{0}">{0}</time>').format(value)


def _raw(_view: Any, _context: Any, record: Row, name: str) -> Markup:
    value = getattr(record, name)
    return Markup("<pre>{}</pre>").format(value) if value else NOTHING


class AuditView(ServiceView):
    """Read only: there is no form, no delete, no action."""

    read_permission, export_permission = Permission.AUDIT_READ, Permission.AUDIT_EXPORT
    noun = "entry"
    column_list = ("at", "who", "action", "outcome", "what", "ip", "via")
    column_details_list = (*column_list, "agent", "credential", "request_id", "id", "raw")
    column_labels: ClassVar = {"at": "When", "ip": "Address", "raw": "Exactly as recorded"}
    column_formatters: ClassVar = {
        "at": _time, "who": isolated, "what": isolated, "raw": _raw, "id": coded, "request_id": coded,
        "credential": coded, "outcome": stated({"ok": "good", "denied": "warn", "error": "bad"}),
    }  # fmt: skip
    column_formatters_detail = column_formatters
    column_filters = (
        exactly("actor", "Actor", user_id),
        one_of("action", "Action", lambda: [(one.value, one.value) for one in Action]),
        exactly("object", "Object"),
        exactly("ip", "Address"),
    )
    list_template = "admin/audit_list.html"
    title_column = "action"
    empty_hint = "Nothing was recorded yet."

    def __init__(self, audit: Audit, allowed: Allowed) -> None:
        super().__init__(AuditSource(audit), allowed, name="Audit", endpoint="audit", url="/admin/audit", icon="audit")

    def get_list(
        self,
        page: int | None,  # noqa: ARG002
        sort_field: str | None,  # noqa: ARG002
        sort_desc: bool,  # noqa: ARG002
        search: str | None,  # noqa: ARG002
        filters: Sequence[FilterValue] | None,
        page_size: int | None = None,
    ) -> tuple[int, Iterable[Row]]:
        """A page by cursor: the log grows at the top, so page numbers would show entries twice."""
        query = self._query(("", True), None, filters or ())
        cursor = request.args.get("cursor", "")
        size = page_size or self.page_size
        found = self.source.page(Query(filters=query.filters, cursor=cursor, limit=size))
        here = self._get_list_url(self._get_list_extra_args())
        joint = "&" if "?" in here else "?"
        self._template_args.update(
            order=("", True),
            shown=Shown(1, len(found.items), found.total, found.exact, bool(found.next_cursor)),
            newest_url=here if cursor else "",
            older_url=f"{here}{joint}cursor={found.next_cursor}" if found.next_cursor else "",
        )
        return found.total, found.items
