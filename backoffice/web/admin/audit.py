"""The audit log: who did what to what, newest first. Nothing in it can be changed here; what was exported and sealed is
trimmed in the shell, and the end of the list says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from flask import Response, request
from flask_admin import expose
from markupsafe import Markup

from backoffice.domain.acts import Acts
from backoffice.domain.log_archive import LogPage, position
from backoffice.domain.log_query import FoundEntries
from backoffice.domain.paging import Page, Query
from backoffice.domain.times import rfc3339
from backoffice.errors import NotFound
from backoffice.services.audit import Audit
from backoffice.web.admin.access import ViewActs
from backoffice.web.admin.actions import Link
from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.cells import badge_cell, code_cell, plain_cell
from backoffice.web.admin.filters import Op
from backoffice.web.admin.list_state import ListState, PageInfo
from backoffice.web.admin.log_export import FORMS, export_answer
from backoffice.web.admin.log_filters import (
    RANGE,
    asked_name,
    candidates,
    log_filters,
    log_query,
    narrowed_url,
    quick_ranges,
    words_url,
)
from backoffice.web.admin.log_histogram import Bars, bars_of, edges_of
from backoffice.web.admin.log_lines import lines_of, nameless_users
from backoffice.web.admin.log_row import Row
from backoffice.web.admin.owners import SYSTEM
from backoffice.web.context import services
from backoffice.web.formats import NOTHING
from backoffice.web.identity import actor, may
from backoffice.web.sentences import plain_sentence


def _moment(_view: Any, _context: Any, record: Row, _name: str) -> Markup:
    """To the millisecond; the page's script shows it in the reader's zone."""
    day, _, rest = record.at.partition("T")
    return Markup('<time datetime="{}" data-exact>{} {} UTC</time>').format(record.at, day, rest.removesuffix("Z"))


def _who(view: Any, _context: Any, record: Row, _name: str) -> str | Markup:
    """The name, and the way to the person for who may see users."""
    name = record.who or record.actor_id
    if not name:
        return NOTHING
    if record.actor_id.startswith(SYSTEM) or not may(Acts.USER_READ):
        return Markup("<bdi>{}</bdi>").format(name)
    url = view.get_url("users.details_view", id=record.actor_id)
    return Markup('<a href="{}"><bdi>{}</bdi></a>').format(url, name)


class AuditView(ServiceView):
    """Read only: there is no form, no delete, no action."""

    acts = ViewActs(read=Acts.AUDIT_READ, export=Acts.AUDIT_EXPORT)
    noun, section, icon, heading = "entry", "audit", "audit", "Activity"
    column_list = ("at", "who", "action", "outcome", "what", "ip", "via")
    column_details_list = (*column_list, "agent", "credential", "request_id", "id")
    column_labels: ClassVar = {
        "at": "When",
        "ip": "Address",
        "agent": "Program",
        "request_id": "Request",
        "id": "Identifier",
    }
    column_formatters: ClassVar = {
        "at": _moment,
        "who": _who,
        "action": code_cell,
        "ip": plain_cell,
        "via": plain_cell,
        "request_id": code_cell,
        "credential": code_cell,
        "outcome": badge_cell({"ok": "good", "denied": "warn", "error": "bad"}),
    }
    column_filters = log_filters()
    arranged = False
    list_template, details_template = "admin/audit_list.html", "admin/audit_entry.html"
    searchable = can_export = True
    export_types = tuple(FORMS)
    search_hint = "Words in the entries"
    empty_hint = "Nothing was recorded yet."
    service: Audit

    def get_page(self, query: Query) -> FoundEntries[Row]:
        """A page by cursor: the log grows at the top, so page numbers would show entries twice.

        The query's own cursor (of whoever walks through all pages) goes before that of the address.
        """
        cursor = query.cursor or request.args.get("cursor", "")
        return self.service.search(actor(), log_query(query, cursor)).map(Row.of)

    def shared_page(self, query: Query) -> Callable[[], FoundEntries[Row]]:
        """Where the log is opened, which is recorded, before it is read."""
        read, cursor = self.service.opened(actor()), request.args.get("cursor", "")
        return lambda: read(log_query(query, cursor)).map(Row.of)

    def get_one(self, key: str) -> Row:
        return Row.of(self.service.get(actor(), key))

    def record_title(self, record: Row) -> str:
        return plain_sentence(record.event)

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

    @expose("/export/<export_type>/")  # type: ignore[untyped-decorator]
    def export(self, export_type: str) -> Response:
        """All that the list shows, as one of `FORMS`. Raises NotFound for another, Invalid for a filter that does not
        fit."""
        if export_type not in FORMS:
            raise NotFound
        state = ListState.read(self.list_options, request.args, strict=True)
        found = services().archive.export_found(actor(), log_query(state.query, ""), export_type)
        return export_answer(found.entries(), export_type, self.service.now())

    def list_context(self, state: ListState, found: Page[Row]) -> dict[str, Any]:
        here = state.url()
        joint = "&" if "?" in here else "?"
        name = asked_name(state)
        # Where the list ends, it says what came before.
        trimmed = found.trimmed if isinstance(found, LogPage) and not found.next_cursor else None
        now = self.service.now()  # a read that is run again asks the same
        bars, names = services().together(lambda: self._bars(state, now), lambda: self._names(found.items))
        return {
            **super().list_context(state, Page((), 0)),
            "rows": found.items,
            "shown": _shown(found, state, bars),
            "days": lines_of(found.items, names, **({} if here == state.root else {"url": here})),
            "bars": bars,
            "ranges": quick_ranges(state, self.service.now()),
            "looked_to": _stamp(found.looked_to) if isinstance(found, FoundEntries) else "",
            "candidates": candidates(state, name) if name else (),
            "asked_name": name,
            "words_url": words_url(state, name) if name else "",
            "trimmed": trimmed,
            "trimmed_on": rfc3339(trimmed.at)[:10] if trimmed else "",
            "newest_url": here if request.args.get("cursor") else "",
            "older_url": f"{here}{joint}cursor={found.next_cursor}" if found.next_cursor else "",
            **self._opened(found.items),
        }

    def _bars(self, state: ListState, now: int) -> Bars | None:
        """The histogram of what the list asks for."""
        if state.problem:
            return None
        query = log_query(state.query, "")
        found = self.service.histogram(actor(), query, edges_of(query, now))
        return bars_of(
            found, lambda since, until: narrowed_url(state, since, until), "now" if query.until is None else ""
        )

    def _names(self, rows: Sequence[Row]) -> Mapping[str, str]:
        """Of users whom the log knows by their identifiers alone."""
        nameless = nameless_users(rows)
        return services().users.names(nameless) if nameless else {}

    def _opened(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The entry that stands beside the list, where the address names one."""
        key = request.args.get("entry", "")
        if not key:
            return {"opened": None}
        row = next((one for one in rows if one.id == key), None)
        return {"opened": row or self.get_one(key)} | self._entry_context()

    def _entry_context(self) -> dict[str, Any]:
        return {"details_columns": self.get_details_columns(), "get_value": self.get_detail_value}

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


def _shown(found: Page[Row], state: ListState, bars: Bars | None) -> PageInfo:
    """How many there are, where the indexes say it; else at least so many as are shown."""
    count, more = len(found.items), bool(found.next_cursor)
    bounds = {used.filter.op for used in state.filters if used.filter.column == RANGE}
    if not bounds and found.exact:
        return PageInfo(1, count, found.total, True, more)
    if Op.SINCE in bounds and bars is not None and bars.exact:
        total = sum(bar.number for bar in bars.bars)
        return PageInfo(1, count, max(total, count), True, more)
    return PageInfo(1, count, count, not more and not request.args.get("cursor"), more)


def _stamp(entry_id: str) -> str:
    return rfc3339(position(entry_id)[0]) if entry_id else ""
